"""The tables for a paper: LaTeX with booktabs, names escaped."""

from __future__ import annotations

from collections.abc import Sequence

from greendapt.core.text import for_latex
from greendapt.report.formats.table import text
from greendapt.report.view import columns
from greendapt.report.view.columns import Column, Place
from greendapt.report.view.model import Entry, Panel, View


def render_latex(view: View) -> str:
    """One table a setting; needs booktabs. Intervals as on the page, best buy in bold."""
    head = [
        f"% greendapt: {for_latex(view.title)}",
        f"% {for_latex(view.headline)}",
        *(f"% {for_latex(caution)}" for caution in view.cautions),
        "% needs: \\usepackage{booktabs}",
    ]
    return "\n".join([*head, *(_table(panel, view) for panel in view.panels)]) + "\n"


def _table(panel: Panel, view: View) -> str:
    shown = columns.columns(panel, view.cost_key, Place.LATEX)
    titles = ["Strategy", *(column.titles[Place.LATEX] for column in shown)]
    caption = f"{view.title} {panel.title}. {panel.verdict.sentences[0]}"
    if view.synthetic:
        caption += " Synthetic data."
    caption = " ".join([caption, *view.cautions])
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{for_latex(caption)}}}",
        rf"\begin{{tabular}}{{l{'r' * (len(titles) - 1)}}}",
        r"\toprule",
        _line([for_latex(title) for title in titles]),
        r"\midrule",
        *(_row(entry, shown, panel.verdict.buy) for entry in panel.entries),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines)


def _row(entry: Entry, shown: Sequence[Column], buy: str) -> str:
    name = for_latex(entry.name)
    cells = [for_latex(column.cell(entry).whole) for column in shown]
    return _line([rf"\textbf{{{name}}}" if entry.name == buy else name, *cells])


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


FORMAT = text("report.tex", lambda _, view: render_latex(view))
