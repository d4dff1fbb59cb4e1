"""Comparisons paired by seed: the same seed means the same splits, shots and initial weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from greendapt.stats.intervals import Interval, t_interval


def paired_difference(
    ours: Mapping[int, float], theirs: Mapping[int, float], level: float = 0.95
) -> Interval | None:
    """Mean of ours - theirs over the seeds both have, with a t interval; None without any."""
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds:
        return None
    return t_interval([ours[seed] - theirs[seed] for seed in seeds], level)


def paired_ratio(
    ours: Mapping[int, float], theirs: Mapping[int, float], level: float = 0.95
) -> Interval | None:
    """Geometric mean of ours / theirs over the seeds both have, with a t interval of the logs.

    None without a common seed, or when a value is not positive (a ratio to nothing says nothing).
    """
    seeds = sorted(ours.keys() & theirs.keys())
    if not seeds or any(min(ours[seed], theirs[seed]) <= 0 for seed in seeds):
        return None
    mean, low, high = t_interval([np.log(ours[s]) - np.log(theirs[s]) for s in seeds], level)
    return Interval(
        float(np.exp(mean)),
        None if low is None else float(np.exp(low)),
        None if high is None else float(np.exp(high)),
    )
