"""What probabilities are worth, as curves: are they true, and whom does acting on them serve."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from greendapt.core.curves import Benefit, Calibrated, Curves
from greendapt.stats.crossed import interval_alone
from greendapt.stats.intervals import Floats, cluster_bootstrap, percentile_interval
from greendapt.transfer.clinical import Columns, number, quotient
from greendapt.transfer.subgroups import ENOUGH

_BINS = 10
_THRESHOLDS = 10

Point = Calibrated | Benefit


def curves(
    logits: ArrayLike,
    targets: ArrayLike,
    patients: ArrayLike,
    classes: tuple[str, ...],
    *,
    bootstrap: int,
    net_benefit: tuple[float, float] | None = None,
) -> Curves:
    """Of logits (N, K) and targets as `Columns.of` takes them, one class against the rest; bounds
    by ``bootstrap`` draws of patients.

    Calibration: up to 10 bins of as many images each, no more than one for 20 patients that are
    labelled, and none of fewer than 10 patients is told. ``net_benefit``: of decision curves
    (Vickers and Elkin 2006), from the first threshold to the last; without it there are none.
    """
    columns, people = Columns.of(logits, targets), np.asarray(patients)
    calibration, benefit = {}, {}
    names = classes[-columns.labels.shape[1] :]
    of = zip(names, columns.labels.T, columns.probabilities.T, strict=True)
    for name, labels, probabilities in of:
        known = ~np.isnan(labels)
        one = labels[known] == 1, probabilities[known], people[known], bootstrap
        if one[0].all() or not one[0].any():
            continue
        if points := tuple(_calibration(*one)):
            calibration[name] = points
        if net_benefit is not None:
            benefit[name] = tuple(_benefit(*one, net_benefit))
    return Curves(calibration=calibration, net_benefit=benefit)


def _calibration(
    positive: NDArray[np.bool_], probabilities: Floats, people: NDArray[Any], bootstrap: int
) -> Iterator[Calibrated]:
    bins = min(_BINS, len(np.unique(people)) // ENOUGH)
    if bins < 2:
        return
    edges = np.quantile(probabilities, np.arange(1, bins) / bins)
    place = np.searchsorted(edges, probabilities, side="right")
    inside = (place[:, None] == np.arange(bins)).astype(np.float64)
    observed = _drawn(
        lambda weights: quotient(weights @ (inside * positive[:, None]), weights @ inside),
        people,
        bootstrap,
    )
    for k in range(bins):
        here = place == k
        count = len(np.unique(people[here]))
        if count < ENOUGH // 2:
            continue
        value = float(positive[here].mean())
        low, high = interval_alone(value, observed[:, k], count)
        mean = float(probabilities[here].mean())
        yield Calibrated(bin=k + 1, predicted=mean, observed=value, low=low, high=high)


def _benefit(
    positive: NDArray[np.bool_],
    probabilities: Floats,
    people: NDArray[Any],
    bootstrap: int,
    between: tuple[float, float],
) -> Iterator[Benefit]:
    places = np.linspace(*between, _THRESHOLDS)
    price = places / (1 - places)
    treated = probabilities[:, None] >= places
    worth = np.where(positive[:, None], 1.0, -price)  # (N, thresholds), of treating an image
    values = (worth * treated).mean(axis=0)
    drawn = _drawn(
        lambda weights: quotient(
            weights @ (worth * treated), weights.sum(axis=1, keepdims=True) + np.zeros(len(places))
        ),
        people,
        bootstrap,
    )
    for k, place in enumerate(places):
        low, high = percentile_interval(drawn[:, k])
        every = number(worth[:, k].mean()) or 0.0
        yield Benefit(threshold=place, net=values[k], all=every, low=low, high=high)


def _drawn(statistic: Callable[[Floats], Floats], people: NDArray[Any], bootstrap: int) -> Floats:
    if not bootstrap:
        return np.empty((0, max(_BINS, _THRESHOLDS)))
    return cluster_bootstrap(statistic, people, bootstrap)
