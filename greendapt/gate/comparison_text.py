"""A comparison of runs as text, Markdown and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict

from rich.console import Group, RenderableType
from rich.text import Text

from greendapt.core.console import Console
from greendapt.core.text import for_markdown, markdown_table, terminal_table
from greendapt.gate import change_text
from greendapt.gate.compare import EXACT, Change, Comparison, Difference
from greendapt.gate.outcomes import short_names
from greendapt.suite.limits import GAUGES, Tier

_ALWAYS = ("auc", "dice", "training_flops", "wall_s", "energy_j", "peak_memory_bytes")
"""Other figures are shown where they differ."""
_MARKS = {
    Change.DIFFERENT: "*",
    Change.BEYOND: "*",
    Change.APART: "?",
    Change.UNKNOWN: "(one repeat)",
}
LEGEND = (
    "* different, or beyond noise: the 95% interval leaves out no change. ? apart, but too few "
    "repeats to be sure. Unmarked: the same, or within noise. Scores: differences paired by seed; "
    "costs: ratios."
)


def as_json(comparison: Comparison) -> str:
    """One object: the runs, every difference, the notes."""
    table = {
        "schema": 1,
        "runs": comparison.runs,
        "notes": comparison.notes,
        "differences": [
            {**asdict(one), "cell": "/".join(one.cell), "change": one.change._asdict()}
            for one in comparison.differences
        ],
    }
    return json.dumps(_finite(table), indent=2, allow_nan=False) + "\n"


def _finite(value: object) -> object:
    """JSON has no infinity: a rise from nothing has no ratio."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if value == float("inf") else value


def as_text(comparison: Comparison) -> RenderableType:
    """A table a cell, with a column a run; fits 80 columns with two runs."""
    parts: list[RenderableType] = [
        Text(f"{_letter(n)}  {run}") for n, run in enumerate(comparison.runs)
    ]
    parts += [Text(f"! {note}", style="yellow") for note in comparison.notes]
    for title, rows in _tables(comparison):
        header = _header(title, len(comparison.runs))
        figures = {1, *range(2, len(header), 2)}  # what is between them are changes
        parts.append(terminal_table(header, rows, whole=figures))
    return Group(*parts, Text(LEGEND, style="dim"))


def as_markdown(comparison: Comparison) -> str:
    """The same tables."""
    lines = [f"- {_letter(n)}: `{run}`" for n, run in enumerate(comparison.runs)]
    lines += [f"- {note}" for note in comparison.notes]
    for title, rows in _tables(comparison):
        head, *body = (
            [*map(for_markdown, row)] for row in (_header(title, len(comparison.runs)), *rows)
        )
        lines += ["", *markdown_table(head, body)]
    return "\n".join([*lines, "", for_markdown(LEGEND)]) + "\n"


def print_text(comparison: Comparison) -> None:
    Console().print(as_text(comparison))


def _header(title: str, runs: int) -> list[str]:
    others = [_letter(run) for run in range(1, runs)]
    return [title, "A", *(head for one in others for head in (one, f"{one} to A"))]


def _letter(run: int) -> str:
    return chr(ord("A") + run) if run < 26 else f"#{run + 1}"


def _tables(comparison: Comparison) -> Iterator[tuple[str, list[list[str]]]]:
    names = short_names(one.cell for one in comparison.differences)
    for name, title in names.items():
        rows: dict[str, dict[int, Difference]] = {}
        for one in comparison.differences:
            if one.cell == name:
                rows.setdefault(one.figure, {})[one.run] = one
        shown = {
            figure: by_run
            for figure, by_run in rows.items()
            if figure in _ALWAYS or any(one.real for one in by_run.values())
        }
        yield (
            title,
            [_row(figure, by_run, len(comparison.runs)) for figure, by_run in shown.items()],
        )


def _row(figure: str, by_run: dict[int, Difference], runs: int) -> list[str]:
    base = next(iter(by_run.values())).base
    cells = [GAUGES[figure].says[1], change_text.amount(figure, base)]
    for run in range(1, runs):
        one = by_run.get(run)
        cells += ["-", "-"] if one is None else [change_text.amount(figure, one.head), _change(one)]
    return cells


def _change(one: Difference) -> str:
    if one.says is Change.SAME:
        return "same"
    if GAUGES[one.figure].tier is Tier.ACCURACY:
        text = change_text.difference(one.change)
    elif one.figure in EXACT:
        text = change_text.percent(one.change.mean) if one.base else "new"
    else:
        text = change_text.ratio(one.change)
    return " ".join([text, *([_MARKS[one.says]] if one.says in _MARKS else [])])
