"""The Pareto picture in characters: one letter a strategy, for a terminal."""

from __future__ import annotations

import string

from greendapt.report import axes, chart, words
from greendapt.report.model import DEVELOPMENT, Panel

LETTERS = string.ascii_uppercase + string.ascii_lowercase
_WIDTH, _HEIGHT = 60, 12
_SEVERAL = "#"


def letters(panel: Panel) -> dict[str, str]:
    """A letter for each strategy, in the order of the table; ``?`` when letters run out."""
    return {e.name: LETTERS[i] if i < 52 else "?" for i, e in enumerate(panel.entries)}


def pareto(panel: Panel, key: str) -> str:
    """Development AUC (up) against cost ``key`` (right); empty with fewer than two points.

    Letters as in `letters`, ``#`` where several fall together; dots mark the front's steps.
    """
    entries = chart.drawn(panel, DEVELOPMENT, key)
    if len(entries) < 2:
        return ""
    factor, unit = axes.unit(key, [axes.cost_bounds(entry, key)[0] for entry in entries])
    x = axes.cost_axis(entries, key, factor, _WIDTH - 1)
    scores = [entry.metrics[DEVELOPMENT].mean for entry in entries]
    low, high = min(scores), max(scores)
    grid = [[" "] * _WIDTH for _ in range(_HEIGHT)]

    def place(cost: float, score: float) -> tuple[int, int]:
        down = (high - score) / ((high - low) or 1.0) * (_HEIGHT - 1)
        return round(down), round(x.to_pixel(cost / factor))

    spots = {
        e.name: place(axes.cost_bounds(e, key)[0], e.metrics[DEVELOPMENT].mean) for e in entries
    }
    steps = sorted((spots[e.name][1], spots[e.name][0]) for e in entries if e.standing.on_front)
    for (column, row), (until, _) in zip(steps, [*steps[1:], (_WIDTH, 0)], strict=True):
        for at in range(column, until):
            grid[row][at] = "."
    named = letters(panel)
    for name, (row, column) in spots.items():
        taken = grid[row][column] not in " ."
        grid[row][column] = _SEVERAL if taken else named[name]
    lines = [
        f"{_label(row, low, high)} |{''.join(cells).rstrip()}" for row, cells in enumerate(grid)
    ]
    ends = f"{x.low:.3g}", f"{x.high:.3g} {unit}"
    gap = " " * (_WIDTH - len(ends[0]) - len(ends[1]))
    title = f"      AUC against {words.COST_NOUNS[key]}{' (log scale)' if x.log else ''}"
    return "\n".join([title, *lines, "      +" + "-" * _WIDTH, f"       {ends[0]}{gap}{ends[1]}"])


def _label(row: int, low: float, high: float) -> str:
    """The AUC at the top, the middle and the bottom."""
    if row not in (0, _HEIGHT - 1):
        return " " * 5
    return f"{high if row == 0 else low:.3f}"
