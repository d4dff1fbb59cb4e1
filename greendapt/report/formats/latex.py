"""The tables for a paper: LaTeX with booktabs, one column wide, names escaped."""

from __future__ import annotations

import re
from collections.abc import Sequence

from greendapt.core.text import for_latex, listed
from greendapt.report.formats.table import text
from greendapt.report.view import columns
from greendapt.report.view.columns import Column, Place
from greendapt.report.view.model import Entry, Panel, View

_LEADING_ZERO = re.compile(r"(?<![\d.])0(?=\.\d)")
# at most as wide as a column: what is wider, for long names of strategies, is scaled down
_FIT = r"\ifdim\wd0>\columnwidth\resizebox{\columnwidth}{!}{\usebox0}\else\usebox0\fi"


def render_latex(view: View) -> str:
    """Two tables a setting, of scores and of costs; they need booktabs and graphicx.

    Intervals as on the page, best buy in bold. The verdict, what names mean and what weakens the
    result stand in a note below the first.
    """
    head = [
        f"% greendapt: {for_latex(view.title)}",
        f"% {for_latex(view.headline)}",
        *(f"% {for_latex(caution)}" for caution in view.cautions),
        "% needs: \\usepackage{booktabs,graphicx}",
    ]
    tables = [table for panel in view.panels for table in _tables(panel, view)]
    return "\n".join([*head, *tables]) + "\n"


def _tables(panel: Panel, view: View) -> list[str]:
    synthetic = " Synthetic images." if view.synthetic else ""
    about = for_latex(f"{panel.title}.{synthetic}")
    mark = "-".join(re.findall(r"\w+", " ".join([view.suite, *_setting(panel)]).lower()))
    mark = mark.replace("_", "-")
    scores = rf"Ways of adapting, what they reach and cost: {about}\label{{tab:{mark}}}"
    costs = rf"What each way of adapting takes: {about}\label{{tab:{mark}-costs}}"
    return [
        _table(panel, view, Place.TERMINAL, scores, _note(panel, view)),
        _table(panel, view, Place.LATEX, costs, ""),
    ]


def _setting(panel: Panel) -> tuple[str, str, str]:
    return panel.backbone, panel.transfer, panel.shots


def _table(panel: Panel, view: View, place: Place, caption: str, note: str) -> str:
    shown = columns.columns(panel, view.cost_key, place)
    titles = ["Strategy", *(column.titles[place] for column in shown)]
    lines = [
        r"\begin{table}",
        r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{caption}}}",
        rf"\sbox0{{\begin{{tabular}}{{@{{}}l{'r' * (len(titles) - 1)}@{{}}}}",
        r"\toprule",
        _line([for_latex(title) for title in titles]),
        r"\midrule",
        *(_row(entry, shown, panel.verdict.buy) for entry in panel.entries),
        r"\bottomrule",
        r"\end{tabular}}" + _FIT,
        *(
            [rf"\par\smallskip\parbox{{\columnwidth}}{{\scriptsize\raggedright {note}}}"]
            * bool(note)
        ),
        r"\end{table}",
    ]
    return "\n".join(lines)


def _row(entry: Entry, shown: Sequence[Column], buy: str) -> str:
    name = for_latex(entry.name)
    cells = [_cell(column, entry) for column in shown]
    return _line([rf"\textbf{{{name}}}" if entry.name == buy else name, *cells])


def _cell(column: Column, entry: Entry) -> str:
    """A score without the zero that every score begins with."""
    whole = column.cell(entry).whole
    return for_latex(_LEADING_ZERO.sub("", whole) if column.group == "score" else whole)


def _note(panel: Panel, view: View) -> str:
    """What a reader of the table alone has to know."""
    names = "; ".join(f"{entry.name}: {entry.about}" for entry in panel.entries if entry.about)
    outside = [path for path in panel.scores if path[0] == "external"]
    others = [path for path in panel.scores if path not in (panel.path, *outside[:1])]
    sentences = [
        *panel.verdict.sentences[:1],
        f"{names}." if names else "",
        "In brackets: 95% intervals.",
        *(f"External: {path[1]}." for path in outside[:1]),
        f"Not shown: {listed([columns.measure_title(path) for path in others])}." if others else "",
        *view.cautions,
    ]
    return for_latex(" ".join(sentence for sentence in sentences if sentence))


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


FORMAT = text("report.tex", lambda _, view: render_latex(view))
