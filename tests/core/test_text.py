"""Escapes, words for counts, and tables."""

import re

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from greendapt.core.text import (
    aligned,
    for_latex,
    for_markdown,
    for_sheet,
    listed,
    markdown_table,
    plural,
    shots_text,
    terminal_table,
    visible,
)


@given(st.text())
def test_no_text_is_a_formula(text):
    assert not str(for_sheet(text)).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert str(for_sheet(text)).removeprefix("'") == text.removeprefix("'")


def test_numbers_stay_numbers():
    assert for_sheet(-1.5) == -1.5


@given(st.text())
def test_no_text_is_a_latex_command_or_comment(text):
    known = re.compile(r"\\(?:text[a-z]+\{\}|[{}$&#_%])|\$(?:-|\\pm|\\times|\\mu|\\geq)\$")
    assert not set(known.sub("", for_latex(text))) & set("\\{}&#_%~^$\n")


def test_markdown_escapes_what_markdown_acts_on():
    assert for_markdown("a|b *c* [d](e) <f> `g` ~h~ @i") == (
        r"a\|b \*c\* \[d\](e) &lt;f&gt; \`g\` \~h\~ \@i"
    )
    assert for_markdown("two\nlines") == "two lines"


def test_what_turns_the_reading_direction_is_shown():
    assert visible("a\u202eb\x07c\td") == "a\ufffdb\ufffdc\td"


def test_counts_and_lists_in_words():
    assert [plural(1, "seed"), plural(2, "seed")] == ["1 seed", "2 seeds"]
    assert [listed(["a"]), listed(["a", "b", "c"])] == ["a", "a, b and c"]
    assert [shots_text("full"), shots_text(5)] == ["all labels", "5 labels a class"]


def test_numbers_are_aligned_to_the_right_and_no_line_ends_in_blanks():
    rows = [["name", "n"], ["longer", "100"]]
    assert aligned(rows) == ["name      n", "longer  100"]
    assert aligned(rows, numbers=False) == ["name    n", "longer  100"]


def test_cells_of_a_markdown_table_stand_as_they_are():
    assert markdown_table([r"a\|b", "n"], [["**x**", "1"]]) == [
        "| a\\|b | n |",
        "| :-- | --: |",
        "| **x** | 1 |",
    ]


def test_no_cell_of_a_terminal_table_is_markup():
    console = Console(width=80, color_system=None)
    with console.capture() as captured:
        console.print(terminal_table(["[red]name", "n"], [["[bold]x[/bold]", "1"]]))
    lines = captured.get().splitlines()
    assert "[red]name" in lines[1]
    assert "[bold]x[/bold]" in lines[3]
