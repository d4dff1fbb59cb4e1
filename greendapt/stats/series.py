"""Recorded trajectories: how good the weights of each epoch proved downstream, and their scores."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
TRANSFER = "transfer"
"""The score that needs no theory: transfer the weights (``transfer:2``: with two seeds) and see."""


@dataclass(frozen=True, eq=False)
class Series:
    """One pre-training and one downstream task, at T epochs in rising order.

    quality
        [S, T] downstream results, one row a seed, higher is better; NaN where a run is missing,
        but never a whole epoch.
    scores
        name -> [T], oriented so that higher is better; NaN where undefined.
    energy_j, wall_s
        [T] spent up to each epoch, where recorded.
    """

    name: str
    dataset: str
    epochs: NDArray[np.int64]
    quality: Floats
    scores: Mapping[str, Floats]
    energy_j: Floats | None = None
    wall_s: Floats | None = None


@dataclass(frozen=True, eq=False)
class View:
    """What a rule sees of a series [T] (None: nothing), and what it is judged by [T].

    ``transfers``: how many transfers a look takes.
    """

    seen: Floats | None
    judged: Floats
    transfers: int = 0


def views(series: Series, score: str | None) -> Iterator[View]:
    """The ways to look at a series.

    ``transfer:K`` looks at K seeds and is judged by the others, each seed first in turn, where
    those judge every epoch; any other score is judged by the mean of all seeds.

    ValueError where the series does not have the score, or too few seeds.
    """
    if score is None or score in series.scores:
        yield View(None if score is None else series.scores[score], mean(series.quality))
        return
    base, _, count = score.partition(":")
    looked = int(count) if count.isdecimal() else 0 if count else 1
    seeds = len(series.quality)
    if base != TRANSFER or looked < 1:
        raise ValueError(f"{series.name} has no score '{score}'")
    if looked >= seeds:
        raise ValueError(f"{series.name} has {seeds} seeds; {score} leaves none to judge by")
    judges = 0
    for first in range(seeds):
        rows = np.roll(series.quality, -first, axis=0)
        judged = mean(rows[looked:])
        if not np.isnan(judged).any():
            judges += 1
            yield View(mean(rows[:looked]), judged, looked)
    if judges == 0:
        raise ValueError(
            f"{series.name}: whatever {score} looks at leaves an epoch without a judge"
        )


def mean(quality: Floats) -> Floats:
    """Mean over seeds [S, T] -> [T], missing runs left out; NaN where all are missing."""
    present = ~np.isnan(quality)
    summed = np.where(present, quality, 0.0).sum(axis=0)
    means: Floats = np.full(quality.shape[1], np.nan)
    np.divide(summed, present.sum(axis=0), out=means, where=present.any(axis=0))
    return means
