"""Text as others read it: escapes of each language, lists in words, tables in columns.

Whatever comes from a suite, a folder or a run is foreign text: it goes through the escape of the
language that it is written into, and nowhere else.
"""

from __future__ import annotations

import html
import re
from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARKDOWN = re.compile(r"([\\`*_\[\]|~!@])")
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "_": r"\_", "%": r"\%", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "\N{MINUS SIGN}": "$-$", "±": r"$\pm$", "×": r"$\times$", "µ": r"$\mu$", "≥": r"$\geq$",
}  # fmt: skip


def visible(text: str) -> str:
    """Text that commands no terminal: control characters, marks that turn the reading direction
    and bytes that are no text (of a file name) are shown as what they are not."""
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def for_markdown(text: str) -> str:
    """``text`` on one line, with nothing left that Markdown or HTML would act on."""
    flat = html.escape(" ".join(text.split()), quote=False)
    return _MARKDOWN.sub(r"\\\1", flat)


def for_latex(text: str) -> str:
    """``text`` on one line as words: no command, no comment, no control character."""
    flat = " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())
    return "".join(_LATEX.get(letter, letter) for letter in flat)


def for_sheet(value: Any) -> Any:
    """Text that a spreadsheet would run gets an apostrophe before it (OWASP, CSV injection)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def for_xml(text: str) -> str:
    """What XML 1.0 can hold; its marks are left to whoever writes the file."""
    return "".join(c if c >= " " or c in "\t\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """``1 seed``, ``3 seeds``; ``nouns``: where it takes more than an s."""
    return f"{count} {noun}" if count == 1 else f"{count} {nouns or noun + 's'}"


def listed(items: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def shots_text(shots: int | str) -> str:
    """How many labels a transfer saw: ``all labels``, ``5 labels a class``."""
    return "all labels" if shots == "full" else f"{shots} labels a class"


def aligned(rows: Sequence[Sequence[str]], *, numbers: bool = True) -> list[str]:
    """Lines of a table: the first column to the left, ``numbers`` after it to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    after = str.rjust if numbers else str.ljust
    return [
        "  ".join([row[0].ljust(widths[0]), *map(after, row[1:], widths[1:])]).rstrip()
        for row in rows
    ]


def markdown_table(header: Sequence[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Lines of a Markdown table, numbers to the right. Cells are Markdown: see `for_markdown`."""
    rule = [":--", *["--:"] * (len(header) - 1)]
    return [f"| {' | '.join(cells)} |" for cells in (header, rule, *rows)]


def terminal_table(
    header: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    left: int = 1,
    whole: Container[int] = (),
    width: int | None = None,
) -> Table:
    """A table for a terminal: ``left`` columns of names, then numbers; cells are never markup.

    Columns ``whole`` are not wrapped. With a ``width`` names get twice the room of numbers.
    """
    from rich import box
    from rich.table import Column, Table
    from rich.text import Text

    columns = [
        Column(
            Text(title),
            justify="left" if number < left else "right",
            overflow="fold" if number < left or width else "ellipsis",
            no_wrap=number in whole,
            ratio=None if width is None else 2 if number < left else 1,
        )
        for number, title in enumerate(header)
    ]
    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1), width=width)
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return table
