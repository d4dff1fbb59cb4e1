"""The report for a README, a pull request or a step summary: GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from greendapt.core.text import for_markdown, markdown_table
from greendapt.core.units import percent
from greendapt.report import words
from greendapt.report.charts.pareto_chart import report_svg
from greendapt.report.formats.table import Files, Format
from greendapt.report.view import bill_text, columns, planned, spending
from greendapt.report.view.columns import Place
from greendapt.report.view.model import Fact, Panel, Robustness, Section, View
from greendapt.store.runinfo import RunData

_LIMIT = 60_000


def render_markdown(view: View, picture: str | None = "report.svg") -> str:
    """The whole report, under 60 kB; it shows ``picture`` from the same folder, if any."""
    parts = [_head(view, picture), *(_panel(panel, view) for panel in view.panels), *_tail(view)]
    text = ""
    for index, part in enumerate(parts):
        if len((text + part).encode()) > _LIMIT - 200:
            left = len(parts) - index
            return text + f"\nCut here to stay small ({left} parts left out): see report.html.\n"
        text += part
    return text


def _head(view: View, picture: str | None) -> str:
    lines = [f"# {for_markdown(view.title)}", "", for_markdown(view.scope)]
    lines += ["", f"**{for_markdown(view.headline)}**"]
    if view.details:
        lines += ["", for_markdown(" ".join(view.details))]
    if cost := bill_text.in_short(view.bill):
        lines += ["", for_markdown(cost)]
    if view.caveats:
        lines += ["", "> [!NOTE]", *(f"> - {for_markdown(caveat)}" for caveat in view.caveats)]
    if view.cost_key and picture:
        drawn = f"{columns.score_noun(view.panels)} against {columns.called(view.cost_key).noun}"
        lines += ["", f"![{drawn}, as in the tables below]({quote(picture)})"]
    return "\n".join(lines) + "\n"


def _panel(panel: Panel, view: View) -> str:
    verdict = [] if len(view.panels) == 1 else [for_markdown(" ".join(panel.verdict.sentences)), ""]
    title = f"Strategies compared: {for_markdown(panel.title)}"
    return _section(title, [*verdict, *panel_table(panel, view)])


def panel_table(panel: Panel, view: View) -> list[str]:
    """The lines of a table: scores, costs, the comparison with full DAPT, the front."""
    shown = columns.columns(panel, view.cost_key, Place.MARKDOWN)
    header = ["Strategy", *(for_markdown(column.titles[Place.MARKDOWN]) for column in shown)]
    rows = [
        [for_markdown(entry.name), *(column.cell(entry).whole for column in shown)]
        for entry in panel.entries
    ]
    return markdown_table(header, rows)


def _offers(panel: Panel) -> list[str]:
    """Quality at equal energy, and the energy to reach a quality."""
    header = ["Asked", "Strategy", f"Development {columns.score_noun([panel])}", "Energy"]
    limits = [(f"within {words.amount('energy_j', o.limit)}", o) for o in panel.budgets]
    limits += [(f"{columns.score_noun([panel])} {words.number(o.limit)}", o) for o in panel.targets]
    rows = [
        [limit, for_markdown(o.name), words.score(o.score), words.cost(o.cost)]
        for limit, o in limits
    ]
    return ["", f"{for_markdown(panel.title)}:", "", *markdown_table(header, rows)]


def _robustness(panel: Panel, robustness: Robustness) -> list[str]:
    header = [
        "Strategy",
        *(for_markdown(f"{kind} {severity}") for kind, severity in robustness.conditions),
    ]
    rows = [
        [for_markdown(name), *(words.number(e.mean) if e else words.MISSING for e in estimates)]
        for name, estimates in robustness.rows.items()
    ]
    return ["", f"{for_markdown(panel.title)}:", "", *markdown_table(header, rows)]


def _tail(view: View) -> list[str]:
    noun = columns.score_noun(view.panels)
    choices = [line for panel in view.panels if panel.budgets for line in _offers(panel)]
    corrupted = [
        line
        for panel in view.panels
        if panel.robustness
        for line in _robustness(panel, panel.robustness)
    ]
    failures = [
        f"- {for_markdown(f.cell)}, {for_markdown(f.stage)}: {for_markdown(f.error)}"
        for f in view.failures
    ]
    command = ["```", view.command.replace("```", ""), "```", "", *_facts(view.reproduce)]
    sections = [
        ("Where the energy went", _spending(view) if view.spending else []),
        ("Quality at equal energy", choices[1:]),
        *((one.title, _tables(one)) for one in view.sections if not one.diagrams),
        (f"Robustness: {noun} on corrupted test images", corrupted[1:]),
        ("Failed cells", failures),
        ("Can it be believed?", _facts(view.validity)),
        ("How to reproduce", command),
    ]
    return [_section(title, lines) for title, lines in sections if lines]


def _spending(view: View) -> list[str]:
    """What each role used, and what was planned for it."""
    header = ["Stages", "Count", *(spending.TITLES[key] for key in spending.KEYS), "Share"]
    rows = [
        [
            role.title,
            str(role.stages),
            *(spending.spent_text(role, key) for key in spending.KEYS),
            "" if role.share is None else percent(role.share),
        ]
        for role in view.spending
    ]
    lines = [for_markdown(view.spending_note), "", *markdown_table(header, rows)]
    settings = [f"- {for_markdown(line)}" for line in bill_text.by_setting(view.bill)]
    lines += ["", for_markdown(bill_text.whole(view.bill)), *([""] if settings else []), *settings]
    if view.planned:
        table = markdown_table(planned.HEADER, [planned.cells(row) for row in view.planned])
        lines += ["", "Planned before the run, and measured:", "", *table]
    return lines


def _tables(section: Section) -> list[str]:
    lines = [for_markdown(section.explanation)]
    for table in section.tables:
        head, *body = ([*map(for_markdown, row)] for row in table)
        lines += ["", *markdown_table(head, body)]
    return lines


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join(["", f"## {title}", "", *lines]) + "\n"


def _facts(facts: Sequence[Fact]) -> list[str]:
    return [f"- {for_markdown(fact.topic)}: {for_markdown(fact.text)}" for fact in facts]


def _files(_run: RunData, view: View, name: str) -> Files:
    """The Markdown, and its picture beside it where there is something to draw."""
    picture = Path(name).with_suffix(".svg").name
    drawing = report_svg(view)
    files = {name: render_markdown(view, picture if drawing else None).encode()}
    return files | ({picture: drawing.encode()} if drawing else {})


FORMAT = Format("report.md", _files)
