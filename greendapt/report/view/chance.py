"""Whether an AUC tells anything apart, or the wrong way round."""

from __future__ import annotations

from greendapt.report.view.model import Entry, Path

CHANCE = 0.5
_NEAR_CHANCE = 0.05


def near_chance(entry: Entry, path: Path) -> bool:
    """AUC below that of a coin plus 0.05, or an interval that holds the coin."""
    estimate = entry.metrics.get(path)
    if estimate is None:
        return True
    held = estimate.low is not None and estimate.high is not None
    return estimate.mean < CHANCE + _NEAR_CHANCE or (
        held and (estimate.low or 0) <= CHANCE <= (estimate.high or 1)
    )


def is_reversed(entry: Entry, path: Path) -> bool:
    """AUC below that of a coin beyond its interval; without one, far below."""
    estimate = entry.metrics.get(path)
    if estimate is None:
        return False
    return (estimate.mean + 2 * _NEAR_CHANCE if estimate.high is None else estimate.high) < CHANCE
