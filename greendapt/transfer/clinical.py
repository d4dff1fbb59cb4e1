"""What a network is worth at the bedside: precision, and what a threshold does that was chosen on
validation before the test.

The library's metrics know neither patients drawn anew nor missing labels, so that value and draws
come from one function of weights here; tests hold it against scikit-learn.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, softmax

from greendapt.core.metrics import PATIENTS_OF
from greendapt.stats.crossed import interval_alone
from greendapt.stats.intervals import Floats, cluster_bootstrap, log_odds

CLINICAL = ("auprc", "sensitivity", "specificity", "f1", "brier")
"""``auprc``: average precision; ``brier``: squared error of the probability."""
_BY_CLASS = (*CLINICAL, "ece")
BINS = 15
"""Of an expected calibration error, of equal width."""


@dataclass(frozen=True)
class Columns:
    """One question a column, one class against the rest; of one label of two classes the last one
    alone. ``labels`` (N, C): 0, 1, NaN for missing. ``scores`` (N, C): log-odds, or logits."""

    labels: Floats
    scores: Floats
    probabilities: Floats

    @classmethod
    def of(cls, logits: ArrayLike, targets: ArrayLike) -> Columns:
        """Of logits (N, K) and targets (N,) of one label, or (N, K) of findings."""
        raw, true = np.asarray(logits, dtype=np.float64), np.asarray(targets)
        if true.ndim > 1:
            return cls(true.astype(np.float64), raw, expit(raw))
        labels = (true[:, None] == np.arange(raw.shape[1])).astype(np.float64)
        first = 1 if raw.shape[1] == 2 else 0
        parts = labels, log_odds(raw), softmax(raw, axis=1)
        return cls(*(part[:, first:] for part in parts))


def thresholds(logits: ArrayLike, targets: ArrayLike, sensitivity: float | None = None) -> Floats:
    """(C,) scores from which on an image is called positive, as validation images have them.

    The one of the highest sensitivity + specificity (Youden 1950), or the highest that reaches
    ``sensitivity``; the highest of equals. NaN for a class without a positive or a negative.
    """
    columns = Columns.of(logits, targets)
    pairs = zip(columns.labels.T, columns.scores.T, strict=True)
    return np.array([_threshold(labels, scores, sensitivity) for labels, scores in pairs])


def _threshold(labels: Floats, scores: Floats, sensitivity: float | None) -> float:
    positives, negatives = np.sort(scores[labels == 1]), np.sort(scores[labels == 0])
    if not len(positives) or not len(negatives):
        return math.nan
    places = np.unique(scores[~np.isnan(labels)])[::-1]
    found = 1 - np.searchsorted(positives, places) / len(positives)
    if sensitivity is not None:
        return float(places[np.argmax(found >= sensitivity)])
    return float(places[np.argmax(found + np.searchsorted(negatives, places) / len(negatives))])


def judge_at(
    at: Floats,
    logits: ArrayLike,
    targets: ArrayLike,
    patients: ArrayLike,
    classes: tuple[str, ...],
    *,
    bootstrap: int = 0,
) -> tuple[dict[str, Any], dict[str, Floats]]:
    """`CLINICAL` at thresholds (C,), averaged over classes that have a positive and a negative; and
    ``bootstrap`` draws (bootstrap,) of each.

    With several classes also ``..._by_class``, ``ece_by_class`` (of one class against the rest)
    among them, and with draws ``..._by_class_low`` and ``_high``, this network's 95% interval over
    patients. A metric that cannot be had is None.
    """
    columns, people = Columns.of(logits, targets), np.asarray(patients)
    names = classes[-columns.labels.shape[1] :]
    table = _table(columns, at)
    values = table(np.ones((1, len(people))))[:, 0]
    means = known_mean(values)
    result: dict[str, Any] = dict(zip(CLINICAL, map(number, means), strict=False))
    of_class = [_patients(labels, people) for labels in columns.labels.T]
    fewest = [min(pair) for pair in of_class]
    for at_label, name in ((1, "patients_with"), (0, "patients_without")):
        result[name] = min((pair[at_label] for pair in of_class if min(pair)), default=0)
    drawn: Floats = np.empty((len(_BY_CLASS), 0, len(names)))
    if bootstrap:
        flat = cluster_bootstrap(
            lambda weights: np.moveaxis(table(weights), 1, 0).reshape(len(weights), -1),
            people,
            bootstrap,
        )
        drawn = np.moveaxis(flat.reshape(bootstrap, len(_BY_CLASS), -1), 1, 0)
        drawn[:, :, [few < 2 for few in fewest]] = np.nan  # one patient tells nothing of others
    if len(names) > 1:
        for metric, of, draws in zip(_BY_CLASS, values, drawn, strict=True):
            result |= _by_class(
                metric, names, of, draws, [_about(metric, pair) for pair in of_class]
            )
    rare = min((few for few in fewest if few), default=0) < 2
    drawn_means = np.full(drawn.shape[:2], np.nan) if rare else known_mean(drawn)
    return result, dict(zip(CLINICAL, drawn_means, strict=False)) if bootstrap else {}


def _by_class(
    metric: str, names: tuple[str, ...], values: Floats, draws: Floats, patients: list[int]
) -> dict[str, dict[str, float | None]]:
    """``draws`` (B, C); ``patients``: those that the metric is about, by class."""
    told = {f"{metric}_by_class": dict(zip(names, map(number, values), strict=True))}
    if len(draws):
        bounds = [
            interval_alone(value, of, count)
            for value, of, count in zip(map(number, values), draws.T, patients, strict=True)
        ]
        for end, of_end in zip(("low", "high"), zip(*bounds, strict=True), strict=True):
            told[f"{metric}_by_class_{end}"] = dict(zip(names, of_end, strict=True))
    return told


def _table(columns: Columns, at: Floats) -> Callable[[Floats], Floats]:
    """`_BY_CLASS` by class (6, draws, C) for weights (draws, N); NaN where one cannot be had."""
    positive, negative = columns.labels == 1, columns.labels == 0
    called = columns.scores >= at
    known, fixed = positive | negative, ~np.isnan(at)
    missed = np.where(known, columns.probabilities - positive, 0.0)
    binned = [
        in_bins(p) * m[:, None] for p, m in zip(columns.probabilities.T, missed.T, strict=True)
    ]

    def every(weights: Floats) -> Floats:
        with_it, without = weights @ positive, weights @ negative
        found, spared = weights @ (positive & called), weights @ (negative & ~called)
        marked = found + without - spared
        precision = [
            _average_precision(labels, scores, weights)
            for labels, scores in zip(columns.labels.T, columns.scores.T, strict=True)
        ]
        measures = np.stack(
            [
                np.stack(precision, axis=1),
                *(
                    np.where(fixed, one, np.nan)
                    for one in (
                        quotient(found, with_it),
                        quotient(spared, without),
                        quotient(2 * found, with_it + marked),
                    )
                ),
                quotient(weights @ missed**2, weights @ known),
                quotient(
                    np.stack([np.abs(weights @ one).sum(axis=1) for one in binned], axis=1),
                    weights @ known,
                ),
            ]
        )
        return np.where((with_it > 0) & (without > 0), measures, np.nan)

    return every


def _average_precision(labels: Floats, scores: Floats, weights: Floats) -> Floats:
    """Sum over distinct scores, the highest first, of the precision down to it times the recall
    that it adds; for each row of ``weights`` (draws, N)."""
    known = np.flatnonzero(~np.isnan(labels))
    if not known.size:
        return np.full(len(weights), np.nan)
    order = known[np.argsort(-scores[known], kind="stable")]
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0])  # one start a group of ties
    drawn = weights[:, order]
    every = np.cumsum(np.add.reduceat(drawn, starts, axis=1), axis=1)
    added = np.add.reduceat(drawn * (labels[order] == 1), starts, axis=1)
    found = np.cumsum(added, axis=1)
    gained = np.divide(added * found, every, out=np.zeros_like(found), where=every > 0)
    return quotient(gained.sum(axis=1), found[:, -1])


def in_bins(probabilities: Floats) -> Floats:
    """(N, `BINS`) of zeros and a one, of probabilities (N,)."""
    place = np.minimum((probabilities * BINS).astype(int), BINS - 1)
    return np.asarray(place[:, None] == np.arange(BINS), dtype=np.float64)


def _patients(labels: Floats, patients: NDArray[Any]) -> tuple[int, int]:
    """How many have a class not, and how many have it; a class with a 0 is not judged."""
    without, with_it = (len(np.unique(patients[labels == value])) for value in (0, 1))
    return without, with_it


def _about(metric: str, patients: tuple[int, int]) -> int:
    """Of them, those that decide ``metric``: a perfect score of few patients is no sure one."""
    without, with_it = patients
    counts = {"patients_without": without, "patients_with": with_it}
    return counts.get(PATIENTS_OF.get(metric, ""), without + with_it)


def known_mean(values: Floats) -> Floats:
    """Over the last axis, of what is known; NaN where nothing is."""
    known = ~np.isnan(values)
    return quotient(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1))


def quotient(above: ArrayLike, below: ArrayLike) -> Floats:
    """NaN where nothing is below."""
    over, under = np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64)
    ratio: Floats = np.full(over.shape, np.nan)
    np.divide(over, under, out=ratio, where=under > 0)
    return ratio


def number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
