"""Intervals: over seeds (Student's t) and over patients (cluster bootstrap of the AUC)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logsumexp, stdtrit

Floats = NDArray[np.float64]

_CHUNK = 4_000_000  # weights held at once by the bootstrap: 32 MB


class Interval(NamedTuple):
    """A mean with a two-sided interval; ``low`` and ``high`` are None where none can be given."""

    mean: float
    low: float | None
    high: float | None

    def text(self, form: str) -> str:
        """``0.51 [0.40, 0.62]``, each number as ``form`` says; without bounds the mean alone."""
        if self.low is None or self.high is None:
            return f"{self.mean:{form}}"
        return f"{self.mean:{form}} [{self.low:{form}}, {self.high:{form}}]"


def t_interval(values: Iterable[float], level: float = 0.95) -> Interval:
    """Mean and Student's t interval of independent values (one a seed).

    One value has no interval. Raises ValueError for no value at all.
    """
    sample = np.asarray(list(values), dtype=np.float64)
    if sample.size == 0:
        raise ValueError("an interval needs at least one value")
    mean = float(sample.mean())
    if sample.size == 1:
        return Interval(mean, None, None)
    error = float(sample.std(ddof=1)) / np.sqrt(sample.size)
    half = float(stdtrit(sample.size - 1, (1 + level) / 2) * error)
    return Interval(mean, mean - half, mean + half)


def macro_auc(targets: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve, one class against the rest, averaged over the classes present.

    ``targets``: (N,) class indices with ``scores`` (N, C), or (N,) zeros and ones with ``scores``
    (N,), or (N, C) zeros, ones and NaN (label missing: masked) with ``scores`` (N, C). Equal
    scores count one half (Mann-Whitney). A class without a positive or without a negative is
    left out; NaN when no class is left.
    """
    labels, columns = _as_columns(targets, scores)
    return float(_weighted_macro_auc(labels, columns, np.ones((1, len(columns))))[0])


def log_odds(logits: ArrayLike) -> Floats:
    """Log-odds (N, K) of each class against the rest, of logits (N, K): ``z_k - log sum exp`` of
    the others.

    They order images as the softmax does, and never saturate: a probability of a confident network
    rounds to 1 (in float32 from a margin of 17 on, in float64 of 37), which makes ties.
    """
    z = np.asarray(logits, dtype=np.float64)
    # a constant added to all logits of an image is gone before anything rounds
    z = z - z.max(axis=1, keepdims=True)
    rest = [logsumexp(np.delete(z, k, axis=1), axis=1) for k in range(z.shape[1])]
    return np.asarray(z - np.stack(rest, axis=1))


def cluster_bootstrap_auc(
    targets: ArrayLike, scores: ArrayLike, groups: ArrayLike, n: int = 1000, seed: int = 0
) -> Floats:
    """``n`` draws of `macro_auc`, whole patients (``groups``, N values) drawn with replacement.

    A draw without any evaluable class is NaN. See `percentile_interval`.
    """
    labels, columns = _as_columns(targets, scores)
    draws = [
        _weighted_macro_auc(labels, columns, weights)
        for weights in _patient_weights(groups, n, seed)
    ]
    return np.concatenate(draws)


def bootstrap_interval(
    statistic: Callable[[Floats], Any],
    groups: ArrayLike,
    n: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> tuple[float | None, float | None]:
    """Percentile interval of any statistic of weights, by a bootstrap over ``groups``.

    ``statistic`` takes weights (draws, N), how often each item was drawn, and returns (draws,).
    """
    draws = [statistic(weights) for weights in _patient_weights(groups, n, seed)]
    return percentile_interval(np.concatenate(draws), level)


def percentile_interval(draws: ArrayLike, level: float = 0.95) -> tuple[float | None, float | None]:
    """The central ``level`` of the draws, NaN left out; (None, None) when nothing is left."""
    values = np.asarray(draws, dtype=np.float64)
    values = values[~np.isnan(values)]
    if values.size == 0:
        return None, None
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _patient_weights(groups: ArrayLike, n: int, seed: int) -> Iterator[Floats]:
    """How often each item is drawn, (chunk, N), until ``n`` draws are given out."""
    _, index = np.unique(np.asarray(groups), return_inverse=True)
    if index.size == 0:
        raise ValueError("a bootstrap needs at least one item")
    patients = int(index.max()) + 1
    generator = np.random.default_rng(seed)
    chunk = max(1, _CHUNK // index.size)
    for start in range(0, n, chunk):
        size = min(chunk, n - start)
        counts = generator.multinomial(patients, np.full(patients, 1 / patients), size=size)
        yield counts[:, index].astype(np.float64)


def _as_columns(targets: ArrayLike, scores: ArrayLike) -> tuple[Floats, Floats]:
    """Labels (N, C) of 0, 1 and NaN, and scores (N, C)."""
    labels = np.asarray(targets, dtype=np.float64)
    columns = np.asarray(scores, dtype=np.float64)
    if columns.ndim == 1:
        columns = columns[:, None]
        labels = labels.reshape(len(labels), -1)
    elif labels.ndim == 1:
        labels = (labels[:, None] == np.arange(columns.shape[1])).astype(np.float64)
    if labels.shape != columns.shape:
        raise ValueError(f"targets {labels.shape} do not fit scores {columns.shape}")
    if np.isnan(columns).any():
        raise ValueError("a score is NaN")
    return labels, columns


def _weighted_macro_auc(labels: Floats, scores: Floats, weights: Floats) -> Floats:
    """Macro AUC for each row of ``weights`` (draws, N), shape (draws,)."""
    areas = np.stack(
        [_weighted_auc(y, s, weights) for y, s in zip(labels.T, scores.T, strict=True)]
    )
    present = ~np.isnan(areas)
    counted = present.sum(axis=0)
    summed = np.where(present, areas, 0.0).sum(axis=0)
    means: Floats = np.full(len(weights), np.nan)
    np.divide(summed, counted, out=means, where=counted > 0)
    return means


def _weighted_auc(labels: Floats, scores: Floats, weights: Floats) -> Floats:
    """Share of (positive, negative) pairs in the right order, for each row of ``weights``."""
    present = np.flatnonzero(~np.isnan(labels))
    if present.size == 0:
        return np.full(len(weights), np.nan)
    order = present[np.argsort(scores[present], kind="stable")]
    ranked = scores[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])  # one start a group of ties
    drawn = weights[:, order]
    positives = np.add.reduceat(drawn * (labels[order] == 1), starts, axis=1)
    negatives = np.add.reduceat(drawn * (labels[order] == 0), starts, axis=1)
    below = np.cumsum(negatives, axis=1) - negatives / 2  # a tie is half a win
    pairs = positives.sum(axis=1) * negatives.sum(axis=1)
    wins = (positives * below).sum(axis=1)
    areas: Floats = np.full(len(weights), np.nan)
    np.divide(wins, pairs, out=areas, where=pairs > 0)
    return areas
