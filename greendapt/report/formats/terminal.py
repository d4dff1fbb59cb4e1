"""The report in 80 columns, readable without colour."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from greendapt.accounting.wall import FIGURE
from greendapt.core.console import Console
from greendapt.core.text import terminal_table
from greendapt.report.charts import text_plot
from greendapt.report.formats.table import text
from greendapt.report.view import bill_text, columns
from greendapt.report.view.columns import Column, Place
from greendapt.report.view.model import Entry, Panel, View


def render_terminal(view: View) -> RenderableType:
    """Verdict, caveats and one table a panel; names are text, never markup."""
    parts: list[RenderableType] = [
        Text(view.title, style="bold"),
        Text(view.scope, style="dim"),
        Text(),
    ]
    parts.append(Text(view.headline, style="bold green"))
    if view.details:
        parts.append(Text(" ".join(view.details)))
    if cost := bill_text.in_short(view.bill):
        parts.append(Text(cost))
    parts += [Padding(Text(f"! {caveat}", style="yellow"), (0, 0, 0, 2)) for caveat in view.caveats]
    for panel in view.panels:
        parts += _panel(panel, view)
    if view.panels:
        parts.append(Text(_legend(view), style="dim"))
    if view.failures:
        parts += [Text(), Text("Failed cells", style="bold red")]
        parts += [Text(f"  {f.cell}, {f.stage}: {f.error}") for f in view.failures]
    return Group(*parts)


def _panel(panel: Panel, view: View) -> list[RenderableType]:
    shown = columns.columns(panel, view.cost_key, Place.TERMINAL)
    header = ["Strategy", *(column.titles[Place.TERMINAL] for column in shown)]
    whole = {n for n, column in enumerate(shown, start=1) if column.group != "against"}
    picture = text_plot.pareto(panel, view.cost_key) if view.cost_key else ""
    letters = text_plot.letters(panel) if picture else {}
    rows = [
        _cells(entry, shown, panel.verdict.buy, letters.get(entry.name, ""))
        for entry in panel.entries
    ]
    table = terminal_table(header, rows, whole=whole)
    lead: list[RenderableType] = [Text(), Text(f"Strategies compared: {panel.title}", style="bold")]
    if len(view.panels) > 1:
        lead.append(Text(" ".join(panel.verdict.sentences)))
    return [*lead, table, *([Text(picture)] if picture else [])]


def _cells(entry: Entry, shown: Sequence[Column], buy: str, letter: str) -> list[Text]:
    bought = entry.name == buy
    mark = ">" if bought else "*" if entry.standing.on_front else " "
    name = " ".join([mark, *([letter] if letter else []), entry.name])
    cells = [name, *(column.cell(entry).whole for column in shown)]
    return [Text(cell, style="bold" if bought else "") for cell in cells]


def _legend(view: View) -> str:
    legend = f"> best buy, * on the front of {columns.score_noun(view.panels)} and cost"
    entries = [entry for panel in view.panels for entry in panel.entries]
    scores = [e.score for e in entries if e.score is not None]
    if any(score.basis == "patients" for score in scores):
        legend += ", p interval over test patients"
    costs = [cost for entry in entries for cost in entry.costs.values()]
    if any(cost.quality.value == "estimated" for cost in costs):
        legend += ", ~ estimated"
    if not any(FIGURE in entry.costs for entry in entries):
        legend += "; energy leaves out memory, disks, fans and losses (greendapt doctor --wall)"
    return legend


def plain(view: View, width: int = 80) -> str:
    """The same as text without colour, for a file."""
    console = Console(width=width, color_system=None, force_terminal=False)
    with console.capture() as captured:
        console.print(render_terminal(view))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def show(view: View) -> None:
    """Prints the report on stdout."""
    Console().print(render_terminal(view))


FORMAT = text("report.txt", lambda _, view: plain(view))
