"""The tables for a paper: LaTeX with booktabs, names escaped."""

from __future__ import annotations

from greendapt.core.text import for_latex
from greendapt.report import words
from greendapt.report.view.model import COST_KEYS, Entry, Panel, View


def render_latex(view: View) -> str:
    """One table a setting; needs booktabs. Intervals as on the page, best buy in bold."""
    head = [
        f"% greendapt: {for_latex(view.title)}",
        f"% {for_latex(view.headline)}",
        "% needs: \\usepackage{booktabs}",
    ]
    return "\n".join([*head, *(_table(panel, view) for panel in view.panels)]) + "\n"


def _table(panel: Panel, view: View) -> str:
    scores = panel.scores
    titles = ["Strategy", *(words.measure_title(path) for path in scores), "Against full"]
    titles += [words.cost_title(key) for key in COST_KEYS]
    said = f"{view.title} {panel.title}. {panel.verdict.sentences[0]}"
    if view.synthetic:
        said += " Synthetic data."
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{for_latex(said)}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(titles) - 1)}}}",
        r"\toprule",
        _line([for_latex(title) for title in titles]),
        r"\midrule",
        *(_row(entry, panel, view.cost_key) for entry in panel.entries),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines)


def _row(entry: Entry, panel: Panel, key: str | None) -> str:
    name = for_latex(entry.name)
    full = entry.against_full
    gap = full.score if full else None
    ratio = words.against(full.ratios.get(key)) if full and key else ""
    cells = [rf"\textbf{{{name}}}" if entry.name == panel.verdict.buy else name]
    cells += [for_latex(words.score(entry.metrics.get(p))) for p in panel.scores]
    said = f"{ratio}, {words.noun([panel])} {words.signed(gap.mean)}" if gap else ratio
    cells.append(for_latex(said))
    cells += [for_latex(words.cost(entry.costs[k])) for k in COST_KEYS]
    return _line(cells)


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"
