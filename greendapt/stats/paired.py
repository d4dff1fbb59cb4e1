"""Comparisons paired by seed: the same seed means the same splits, shots and initial weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from greendapt.stats.intervals import Interval, t_interval


def paired_ratio(
    ours: Mapping[int, float], theirs: Mapping[int, float], level: float = 0.95
) -> Interval | None:
    """Mean of ours over mean of theirs: it agrees with the two means beside it.

    Its interval, about that ratio, is Student's of the logarithms over the seeds both have. None
    without a common seed, or when a value is not positive (a ratio to nothing says nothing).
    """
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds or min(*ours.values(), *theirs.values()) <= 0:
        return None
    ratio = float(np.mean([*ours.values()]) / np.mean([*theirs.values()]))
    mean, low, high = t_interval([np.log(ours[s]) - np.log(theirs[s]) for s in seeds], level)
    if low is None or high is None:
        return Interval(ratio, None, None)
    return Interval(ratio, ratio * float(np.exp(low - mean)), ratio * float(np.exp(high - mean)))
