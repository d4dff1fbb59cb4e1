"""HTML, Markdown and terminal say the same, safely, and in the room they have."""

import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from greendapt.report.build import load_run
from greendapt.report.html import render_html
from greendapt.report.markdown import escape, render_markdown
from greendapt.report.terminal import plain
from greendapt.report.view import view

HOSTILE = ["<script>alert(1)</script>", "](javascript:x)", "[red]=cmd|' /C calc'!A0", "a\u202eb"]
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Text, tags and attributes of a page; fails on a tag that is never closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.words = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture
def seen(run_writer):
    def build(**changes):
        for name, value in changes.items():
            setattr(run_writer, name, value)
        return view(load_run(run_writer.write()))

    return build


@pytest.fixture
def hostile(seen, run_writer):
    names = HOSTILE[:3]
    levels = dict(zip(names, run_writer.levels.values(), strict=False))
    failure = {"strategy": names[1], "seed": 1, "transfer": "probe", "shots": "full"}
    return seen(
        levels=levels,
        strategies=names,
        external=dict.fromkeys(HOSTILE, 0.7),
        title="<img src=x onerror=alert(1)>",
        notes=["<b>bold</b> & | `tick`"],
        failures=[{**failure, "stage": "<i>", "error": "</ul><script>"}],
    )


def test_the_page_asks_for_nothing_and_runs_nothing(seen):
    text = render_html(seen())
    page = Page(text)
    assert "script" not in page.tags
    assert not {"src", "href", "xlink:href"} & {name for name, _ in page.attributes}
    assert "url(" not in text
    assert set(re.findall(r"https?://[^\"' ]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert "default-src 'none'" in text


def test_the_page_holds_verdict_tables_and_reproduction_in_this_order(seen):
    view = seen(notes=["The pool and hospital_b are the same source."])
    words = " ".join(" ".join(Page(render_html(view)).words).split())
    order = [
        view.headline,
        "The pool and hospital_b are the same source.",
        "Development AUC against carbon",
        "Where the energy went",
        "Can it be believed?",
        "greendapt bench --suite chestxray --seeds 3",
    ]
    places = [words.index(part) for part in order]
    assert places == sorted(places)
    for entry in view.panels[0].entries:
        assert entry.name in words
    assert "synthetic data" in words


def test_every_chart_has_a_text_alternative_and_both_themes_have_colours(seen):
    text = render_html(seen())
    alternatives = [v for n, v in Page(text).attributes if n == "aria-label" and "against" in v]
    assert len(alternatives) == 4  # two measures, wide and narrow
    assert text.count("--s0:") == 2
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_hostile_names_stay_words_on_the_page(hostile):
    text = render_html(hostile)
    page = Page(text)
    assert not {"script", "img", "b", "i"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "<script>alert(1)</script>" in page.words or any(
        HOSTILE[0] in word for word in page.words
    )


def test_hostile_names_stay_words_in_markdown(hostile):
    text = render_markdown(hostile)
    assert "<" not in text
    assert not re.search(r"(?<!\\)\]\(javascript", text)
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(cells) == 1


def test_hostile_names_stay_words_in_the_terminal(hostile):
    assert "[red]=cmd" in plain(hostile).replace("\n", "")


def test_markdown_escapes_what_markdown_acts_on():
    assert escape("a|b *c* [d](e) <f> `g` ~h~ @i") == (
        r"a\|b \*c\* \[d\](e) &lt;f&gt; \`g\` \~h\~ \@i"
    )
    assert escape("two\nlines") == "two lines"


def test_markdown_stays_under_60_kb_and_says_what_it_leaves_out(seen):
    text = render_markdown(seen(shots=list(range(1, 60)), seeds=1))
    assert len(text.encode()) < 60_000
    assert "see report.html" in text


def test_markdown_has_verdict_picture_and_table(seen):
    view = seen()
    text = render_markdown(view, "other name.svg")
    assert f"**{escape(view.headline)}**" in text
    assert "](other%20name.svg)" in text
    assert re.search(r"^\| partial2 \| 0\.\d{3} \[", text, flags=re.MULTILINE)


@pytest.mark.parametrize("changes", [{}, {"shots": [5, 20, "full"]}, {"seeds": 1, "external": {}}])
def test_the_terminal_fits_80_columns_and_holds_verdict_and_table(seen, changes):
    view = seen(**changes)
    text = plain(view)
    assert max(map(len, text.splitlines())) <= 80
    assert view.headline in " ".join(text.split())
    bought = [line for line in text.splitlines() if line.lstrip().startswith("> ")]
    assert len(bought) == len(view.panels) + 1  # and the legend
    assert "\x1b" not in text


def test_one_view_gives_the_same_bytes_twice(seen):
    view = seen()
    assert render_html(view) == render_html(view)


def test_reading_a_run_needs_no_torch(run_writer):
    code = (
        "import sys; from pathlib import Path; from greendapt.report.build import write_reports; "
        f"write_reports(Path({str(run_writer.write())!r})); "
        "sys.exit(bool({'torch', 'timm', 'torchvision'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
