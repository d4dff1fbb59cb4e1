"""HTML, Markdown and terminal say the same, safely, and in the room they have."""

import base64
import hashlib
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from greendapt.core.figures import Quality
from greendapt.core.text import for_markdown
from greendapt.report.charts import text_plot
from greendapt.report.formats.html import render_html
from greendapt.report.formats.markdown import render_markdown
from greendapt.report.formats.terminal import plain, show_verdict
from greendapt.report.formats.terms import READ_ON
from greendapt.report.report_files import load_run
from greendapt.report.view.from_run import view

HOSTILE = ["<script>alert(1)</script>", "](javascript:x)"]
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


def test_the_page_asks_for_nothing_and_only_its_own_scripts_run(seen):
    text = render_html(seen())
    page = Page(text)
    names = [name for name, _ in page.attributes]
    assert not {"src", "xlink:href", "style"} & set(names)
    links = {v for n, v in page.attributes if n == "href" and not v.startswith("data:text/")}
    assert links == {address for _, address in READ_ON}  # followed by a click alone
    assert not [name for name in names if name.startswith("on")]
    assert "url(" not in text
    assert set(re.findall(r"https?://[^\"' ]+", text)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
        *links,
    }
    (policy,) = [v for n, v in page.attributes if n == "content" and "default-src" in v]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    (script,) = re.findall(r"<script>(.*?)</script>", text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy


def test_the_page_holds_verdict_tables_and_reproduction_in_this_order(seen):
    view = seen(notes=["The pool and hospital_b are the same source."])
    words = " ".join(" ".join(Page(render_html(view)).words).split())
    order = [
        view.headline,
        "The pool and hospital_b are the same source.",
        "Development AUC against carbon",
        "Where the energy went",
        "Quality at equal energy",
        "Robustness",
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
    assert text.count("--s0:") == 3  # light, dark, and light again on paper
    assert "prefers-color-scheme: dark" in text
    assert "@media print" in text


def test_hostile_names_stay_words_on_the_page(hostile):
    text = render_html(hostile)
    page = Page(text)
    assert page.tags.count("script") == 3  # data, Vega, and the page's own
    assert not {"img", "b", "i"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert any(HOSTILE[0] in word for word in page.words)
    assert "\u202e" not in text


def test_hostile_names_stay_words_in_markdown(hostile):
    text = render_markdown(hostile)
    assert "<" not in text
    assert not re.search(r"(?<!\\)\]\(javascript", text)
    for table in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
        assert len(cells) == 1


def test_hostile_names_stay_words_in_the_terminal(hostile):
    text = plain(hostile)
    assert "[red]=cmd" in text.replace("\n", "")
    assert "\u202e" not in text


def test_markdown_stays_under_60_kb_and_says_what_it_leaves_out(seen):
    text = render_markdown(seen(shots=list(range(1, 60)), seeds=1))
    assert len(text.encode()) < 60_000
    assert "see report.html" in text


def test_markdown_has_verdict_picture_and_table(seen):
    view = seen()
    text = render_markdown(view, "other name.svg")
    assert f"**{for_markdown(view.headline)}**" in text
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


@pytest.mark.parametrize("width", [40, 60])
def test_a_narrow_terminal_breaks_no_name_and_no_number(seen, width):
    view = seen()
    text = plain(view, width)
    assert max(map(len, text.splitlines())) <= width
    table = text.partition("Strategies compared")[2].partition("> best buy")[0]
    for entry in view.panels[0].entries:
        assert re.search(rf"{re.escape(entry.name)} +{entry.score.mean:.3f}", table)
    assert "…" not in text


def test_the_verdict_is_the_last_thing_that_is_said(seen):
    view = seen()
    text = " ".join(plain(view).split())
    places = [text.index(said) for said in ("Strategies compared", view.caveats[0], view.headline)]
    assert places == sorted(places)


def test_quiet_prints_the_verdict_alone(seen, capsys):
    view = seen()
    show_verdict(view)
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith(view.headline)
    assert "Strategies compared" not in told


def test_a_toy_network_on_real_images_is_said_beside_the_verdict(seen):
    toy = {"backbones": ["test_resnet"], "strategies": ["none", "full"]}
    assert any("a toy network" in one for one in seen(synthetic=False, **toy).caveats)
    assert not any("a toy network" in one for one in seen(synthetic=True, **toy).caveats)
    used = seen(synthetic=False, **toy | {"backbones": ["resnet18"]})
    assert not any("a toy network" in one for one in used.caveats)


def test_one_view_gives_the_same_bytes_twice(seen):
    view = seen()
    assert render_html(view) == render_html(view)


def test_reading_a_run_needs_no_torch(run_writer):
    code = (
        "import sys; from pathlib import Path; "
        "from greendapt.report.report_files import write_reports; "
        f"write_reports(Path({str(run_writer.write())!r})); "
        "sys.exit(bool({'torch', 'timm', 'torchvision'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_markdown_of_a_known_run_is_as_it_was(run_writer):
    """Golden: after a wanted change, write the file again and read its diff."""
    run_writer.chains = True
    run_writer.seeds = 2
    text = render_markdown(view(load_run(run_writer.write())))
    assert text == (Path(__file__).parent / "golden.md").read_text(encoding="utf-8")


def test_the_terminal_plots_every_strategy_of_a_panel(seen):
    panel = seen().panels[0]
    drawing = text_plot.pareto(panel, "carbon_g")
    body = [line.partition("|")[2] for line in drawing.splitlines() if "|" in line]
    named = text_plot.letters(panel)
    marks = {letter for line in body for letter in line} - {" ", "."}
    assert marks - {"#"} <= set(named.values())
    assert len(marks - {"#"}) + 2 * ("#" in marks) >= len(panel.entries) - body.count("#")
    front = [named[e.name] for e in panel.entries if e.standing.on_front]
    rows = [next(i for i, line in enumerate(body) if letter in line) for letter in front]
    assert rows == sorted(rows, reverse=True)  # dearer on the front is better
    assert max(map(len, drawing.splitlines())) <= 80


def test_a_page_of_100_cells_stays_small(seen):
    view = seen(chains=True, shots=[5, 20, 100, "full"], severities=[1, 3, 5])
    assert sum(len(panel.entries) * 3 for panel in view.panels) == 108
    assert len(render_html(view).encode()) < 1_500_000


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": 1}, "Only one seed was run"),
        ({"strategies": ["full"]}, "nothing to compare it with"),
        ({"external": {}}, "is the best buy"),
        ({"quality": Quality.UNAVAILABLE}, "Energy is not available for every strategy"),
        (
            {"failures": [{"strategy": "full", "seed": 0, "transfer": "probe", "shots": "full",
                           "stage": "adapt", "error": "Diverged: no number"}]},
            "Diverged: no number",
        ),
    ],
    ids=["one seed", "one strategy", "no external", "no energy", "failed"],
)  # fmt: skip
def test_what_a_run_lacks_is_said_and_nothing_is_made_up(seen, changes, said):
    view = seen(chains=True, **changes)
    for text in (render_markdown(view), " ".join(plain(view).split())):
        assert said in text
        assert "nan" not in text
        assert "None" not in text
    if "quality" in changes:
        assert "n/a" in render_markdown(view)
        assert not re.search(r"\| ~?0 (J|g)", render_markdown(view))
