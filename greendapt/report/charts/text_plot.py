"""The Pareto picture in characters: one letter a strategy, for a terminal."""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence

from greendapt.report.charts import axes, pareto_chart
from greendapt.report.view import columns
from greendapt.report.view.model import Panel

LETTERS = string.ascii_uppercase + string.ascii_lowercase
_WIDTH, _HEIGHT = 60, 12
_SEVERAL = "#"

Spot = tuple[int, int]


def letters(panel: Panel) -> dict[str, str]:
    """A letter for each strategy, in the order of the table; ``?`` when letters run out."""
    return {e.name: LETTERS[i] if i < 52 else "?" for i, e in enumerate(panel.entries)}


def pareto(panel: Panel, key: str) -> str:
    """The development score (up) against cost ``key`` (right); empty with fewer than two points.

    Letters as in `letters`, ``#`` where several fall together; dots mark the front's steps.
    """
    entries = pareto_chart.drawn(panel, panel.path, key)
    if len(entries) < 2:
        return ""
    factor, unit = axes.unit(key, [axes.cost_bounds(entry, key)[0] for entry in entries])
    x = axes.cost_axis(entries, key, factor, _WIDTH - 1)
    scores = [entry.metrics[panel.path].mean for entry in entries]
    low, high = min(scores), max(scores)
    spots = {}
    for entry, score in zip(entries, scores, strict=True):
        down = (high - score) / ((high - low) or 1.0) * (_HEIGHT - 1)
        across = x.to_pixel(axes.cost_bounds(entry, key)[0] / factor)
        spots[entry.name] = (round(across), round(down))
    rows = _drawn(spots, [spots[e.name] for e in entries if e.standing.on_front], letters(panel))
    lines = [f"{_label(number, low, high)} |{row}" for number, row in enumerate(rows)]
    left, right = _amount(x.low), f"{_amount(x.high)} {unit}"
    gap = " " * (_WIDTH - len(left) - len(right))
    against = f"{columns.score_noun([panel])} against {columns.called(key).noun}"
    title = f"      {against}{' (log scale)' if x.log else ''}"
    return "\n".join([title, *lines, "      +" + "-" * _WIDTH, f"       {left}{gap}{right}"])


def _drawn(spots: Mapping[str, Spot], front: Sequence[Spot], named: Mapping[str, str]) -> list[str]:
    """The lines of the plot: the front's steps, and a letter at each spot (column, row)."""
    grid = [[" "] * _WIDTH for _ in range(_HEIGHT)]
    steps = sorted(front, key=lambda spot: (spot[0], -spot[1]))
    for (column, row), (until, _) in zip(steps, [*steps[1:], (_WIDTH, 0)], strict=True):
        grid[row][column:until] = "." * (until - column)
    for name, (column, row) in spots.items():
        taken = grid[row][column] not in " ."
        grid[row][column] = _SEVERAL if taken else named[name]
    return ["".join(cells).rstrip() for cells in grid]


def _amount(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.2g}"


def _label(row: int, low: float, high: float) -> str:
    """The score at the top and at the bottom."""
    if row not in (0, _HEIGHT - 1):
        return " " * 5
    return f"{high if row == 0 else low:.3f}"
