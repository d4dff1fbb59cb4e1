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


def render_terminal(view: View, width: int) -> RenderableType:
    """One table a panel, caveats, and last the verdict, where a terminal stops scrolling.

    Names are text, never markup.
    """
    parts: list[RenderableType] = [Text(view.title, style="bold"), Text(view.scope, style="dim")]
    for panel in view.panels:
        parts += _panel(panel, view, width)
    if view.panels:
        parts.append(Text(_legend(view), style="dim"))
    if view.failures:
        parts += [Text(), Text("Failed cells", style="bold red")]
        parts += [Text(f"  {f.cell}, {f.stage}: {f.error}") for f in view.failures]
    if view.caveats:
        parts.append(Text())
    parts += [Padding(Text(f"! {caveat}", style="yellow"), (0, 0, 0, 2)) for caveat in view.caveats]
    return Group(*parts, Text(), *_verdict(view))


def _verdict(view: View) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(view.headline, style="bold green")]
    if view.details:
        parts.append(Text(" ".join(view.details)))
    if cost := bill_text.in_short(view.bill):
        parts.append(Text(cost))
    return parts


def _panel(panel: Panel, view: View, width: int) -> list[RenderableType]:
    picture = text_plot.pareto(panel, view.cost_key) if view.cost_key else ""
    if width < max(map(len, picture.splitlines()), default=0):
        picture = ""
    letters = text_plot.letters(panel) if picture else {}
    names = [
        _name(entry, panel.verdict.buy, letters.get(entry.name, "")) for entry in panel.entries
    ]
    header, rows = _fitting(panel, view, width - 2 - max(map(len, names), default=0))
    cells = [
        [
            Text(cell, style="bold" if entry.name == panel.verdict.buy else "")
            for cell in (name, *row)
        ]
        for entry, name, row in zip(panel.entries, names, rows, strict=True)
    ]
    fits = max(map(len, names), default=0) + 2 * _LEAST <= width
    whole = range(0 if fits else 1, len(header) + 1)
    table = terminal_table(["Strategy", *header], cells, whole=whole)
    lead: list[RenderableType] = [Text(), Text(f"Strategies compared: {panel.title}", style="bold")]
    if len(view.panels) > 1:
        lead.append(Text(" ".join(panel.verdict.sentences)))
    return [*lead, table, *([Text(picture)] if picture else [])]


def _name(entry: Entry, buy: str, letter: str) -> str:
    mark = ">" if entry.name == buy else "*" if entry.standing.on_front else " "
    return " ".join([mark, *([letter] if letter else []), entry.name])


_AIR = 3  # between columns
_LEAST = 6  # letters of a number and the air around it
_Grid = tuple[list[str], list[list[str]]]


def _fitting(panel: Panel, view: View, room: int) -> _Grid:
    """Titles and cells of the columns that ``room`` holds: intervals go first, then the external
    set, then the cost; nothing is ever cut within a number or a name."""
    shown = columns.columns(panel, view.cost_key, Place.TERMINAL)
    grid = _grid(panel, shown, intervals=True)
    if _wide(grid) > room:
        grid = _grid(panel, shown, intervals=False)
    while _wide(grid) > room and len(shown) > 1:
        shown = [*shown[:1], *shown[2:]]
        grid = _grid(panel, shown, intervals=False)
    return grid


def _grid(panel: Panel, shown: Sequence[Column], *, intervals: bool) -> _Grid:
    titles = [column.titles[Place.TERMINAL] for column in shown]
    if intervals:
        return titles, [[one.cell(entry).whole for one in shown] for entry in panel.entries]
    bare = [title.partition(" [")[0] for title in titles]
    return bare, [[one.cell(entry).text for one in shown] for entry in panel.entries]


def _wide(grid: _Grid) -> int:
    titles, rows = grid
    return sum(max(map(len, column)) + _AIR for column in zip(titles, *rows, strict=True))


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
        console.print(render_terminal(view, width))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def show(view: View) -> None:
    """Prints the report on stdout."""
    console = Console()
    console.print(render_terminal(view, console.width))


def show_verdict(view: View) -> None:
    """Prints the verdict alone."""
    Console().print(Group(*_verdict(view)))


FORMAT = text("report.txt", lambda _, view: plain(view))
