"""The report in 80 columns, readable without colour."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from greendapt.core.text import terminal_table
from greendapt.report import words
from greendapt.report.charts import text_plot
from greendapt.report.view.model import Entry, Panel, Path, View


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
    external = next((path for path in panel.scores if path[0] == "external"), None)
    key = view.cost_key or "carbon_g"
    header = ["Strategy", f"{words.noun([panel])} [95%]", *(["external"] if external else [])]
    header.append(words.COST_NOUNS[key])
    whole = range(1, len(header))
    full = {entry.against_full.reference for entry in panel.entries if entry.against_full}
    header += [f"vs {reference}" for reference in full]  # one at most
    picture = text_plot.pareto(panel, view.cost_key) if view.cost_key else ""
    letters = text_plot.letters(panel) if picture else {}
    rows = [
        _cells(entry, external, key, panel.verdict.buy, letters.get(entry.name, ""))
        for entry in panel.entries
    ]
    table = terminal_table(header, rows, whole=whole)
    said: list[RenderableType] = [Text(), Text(f"Strategies compared: {panel.title}", style="bold")]
    if len(view.panels) > 1:
        said.append(Text(" ".join(panel.verdict.sentences)))
    return [*said, table, *([Text(picture)] if picture else [])]


def _cells(entry: Entry, external: Path | None, key: str, buy: str, letter: str) -> list[Text]:
    bought = entry.name == buy
    mark = ">" if bought else "*" if entry.standing.on_front else " "
    name = " ".join([mark, *([letter] if letter else []), entry.name])
    cells = [name, words.score(entry.score)]
    if external:
        outside = entry.metrics.get(external)
        cells.append(words.number(outside.mean) if outside else words.MISSING)
    cells.append(words.cost(entry.costs[key]))
    if entry.against_full:
        cells.append(words.against(entry.against_full.ratios.get(key)))
    return [Text(cell, style="bold" if bought else "") for cell in cells]


def _legend(view: View) -> str:
    said = f"> best buy, * on the front of {words.noun(view.panels)} and cost"
    entries = [entry for panel in view.panels for entry in panel.entries]
    scores = [e.score for e in entries if e.score is not None]
    if any(score.basis == "patients" for score in scores):
        said += ", p interval over test patients"
    costs = [cost for entry in entries for cost in entry.costs.values()]
    if any(cost.quality.value == "estimated" for cost in costs):
        said += ", ~ estimated"
    return said


def plain(view: View, width: int = 80) -> str:
    """The same as text without colour, for a file."""
    console = Console(width=width, color_system=None, force_terminal=False, highlight=False)
    with console.capture() as captured:
        console.print(render_terminal(view))
    return "\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"


def show(view: View) -> None:
    """Prints the report on stdout."""
    Console(highlight=False).print(render_terminal(view))
