"""How much a noisy figure changed: ratios of geometric means, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.special import stdtrit

from greendapt.stats.intervals import Interval, t_interval

Sample = tuple[float, float, int]
"""Mean and standard deviation of logarithms, and how many."""


def unpaired_ratio(ours: Sample, theirs: Sample, level: float = 0.95) -> Interval:
    """Ours over theirs, with Welch's t interval of the logarithms (Welch 1947).

    Without bounds where a side has fewer than two values.
    """
    change = ours[0] - theirs[0]
    if min(ours[2], theirs[2]) < 2:
        return Interval(math.exp(change), None, None)
    parts = [sd**2 / n for _, sd, n in (ours, theirs)]
    error = math.sqrt(sum(parts))
    if error == 0:
        return Interval(math.exp(change), math.exp(change), math.exp(change))
    freedom = sum(parts) ** 2 / sum(
        part**2 / (n - 1) for part, (_, _, n) in zip(parts, (ours, theirs), strict=True)
    )
    half = float(stdtrit(freedom, (1 + level) / 2)) * error
    return Interval(math.exp(change), math.exp(change - half), math.exp(change + half))


def log_ratio(logs: Sequence[float], level: float = 0.95) -> Interval:
    """The ratio behind paired log-ratios, with a t interval; no bounds for one pair."""
    mean, low, high = t_interval(logs, level)
    if low is None or high is None:
        return Interval(math.exp(mean), None, None)
    return Interval(math.exp(mean), math.exp(low), math.exp(high))


def separated(ours: Sequence[float], theirs: Sequence[float]) -> bool:
    """Whether every value of one side lies above every value of the other."""
    return min(ours) > max(theirs) or max(ours) < min(theirs)
