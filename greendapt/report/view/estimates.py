"""Rows over seeds: estimates, comparisons paired by seed, and the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from greendapt.core.figures import Figure, Quality
from greendapt.core.records import COST_UNITS, Row
from greendapt.report.view.model import (
    COST_KEYS,
    Comparison,
    Cost,
    Estimate,
    Path,
    Setting,
    Standing,
)
from greendapt.stats.intervals import Interval, t_interval
from greendapt.stats.joint_means import mean_draws
from greendapt.stats.paired import paired_difference, paired_ratio
from greendapt.stats.pareto import front_probability, pareto_front

Seeds = Mapping[int, Row]
"""The rows of one strategy on one backbone, by seed."""

_SCORES = ("auc", "dice", "balanced_accuracy", "ece", "jaccard", "mcc", "hausdorff95_px")
_RANGES = {"mcc": (-1.0, 1.0), "hausdorff95_px": (0.0, math.inf)}
"""What a metric can be; else 0 to 1."""


def setting(row: Row) -> Setting:
    return row.backbone, row.transfer, row.shots


def metric_paths(rows: Iterable[Row]) -> tuple[Path, ...]:
    """Every metric any row has, in the order of a table: development, external, corrupted."""
    paths = dict.fromkeys(path for row in rows for path in _paths(row.metrics))
    order = {"development": 0, "external": 1, "corrupted": 2}
    return tuple(sorted(paths, key=lambda p: (_SCORES.index(p[-1]), order[p[0]])))


def _paths(metrics: Mapping[str, Any]) -> Iterator[Path]:
    external = metrics.get("external") or {}
    places: list[Path] = [("development",), *(("external", name) for name in external)]
    for place in [*places, ("corrupted",)]:
        yield from (
            (*place, name) for name in _SCORES if _metric(metrics, (*place, name)) is not None
        )


def _metric(metrics: Any, path: Path) -> float | None:
    for step in path:
        metrics = metrics.get(step) if isinstance(metrics, Mapping) else None
    if isinstance(metrics, int | float) and math.isfinite(metrics):
        return float(metrics)
    return None


def metric_values(seeds: Seeds, path: Path) -> dict[int, float]:
    values = {seed: _metric(row.metrics, path) for seed, row in seeds.items()}
    return {seed: value for seed, value in values.items() if value is not None}


def cost_values(seeds: Seeds, key: str) -> dict[int, float]:
    values = {seed: figure(row, key).value for seed, row in seeds.items()}
    return {seed: value for seed, value in values.items() if value is not None}


def figures(row: Row) -> dict[str, Figure]:
    """Every figure of a row by name: the costs, and whatever else the meters gave it."""
    by_name: dict[str, Figure] = {}
    for name in type(row).model_fields:
        value = getattr(row, name)
        members = value if isinstance(value, Mapping) else {name: value}
        by_name |= {key: one for key, one in members.items() if isinstance(one, Figure)}
    return by_name


def figure_names(rows: Iterable[Row]) -> tuple[str, ...]:
    """The names of all figures of any row, the usual costs first."""
    return tuple(dict.fromkeys([*COST_KEYS, *(name for row in rows for name in figures(row))]))


def figure(row: Row, key: str) -> Figure:
    return figures(row).get(key) or Figure.unavailable(COST_UNITS.get(key, ""), "not recorded")


def metric_estimate(seeds: Seeds, path: Path) -> Estimate | None:
    """Mean over seeds, its interval kept within what the metric can be."""
    values = metric_values(seeds, path)
    if not values:
        return None
    mean, low, high = t_interval(values.values())
    if len(values) > 1 and low is not None and high is not None:
        least, most = _RANGES.get(path[-1], (0.0, 1.0))
        return Estimate(mean, max(least, low), min(most, high), len(values), "seeds")
    only = next(iter(values))
    bounds = [
        _metric(seeds[only].metrics, (*path[:-1], f"{path[-1]}_{end}")) for end in ("low", "high")
    ]
    basis: Any = "none" if None in bounds else "patients"
    return Estimate(mean, bounds[0], bounds[1], 1, basis)


def cost_estimate(seeds: Seeds, key: str) -> Cost:
    figures = [figure(row, key) for row in seeds.values()]
    available = [f for f in figures if f.value is not None]
    if not available:
        return Cost(None, figures[0].unit, Quality.UNAVAILABLE, figures[0].source)
    mean, low, high = t_interval([f.value for f in available if f.value is not None])
    worst = max((f.quality for f in available), key=list(Quality).index)
    source = "; ".join(dict.fromkeys(f.source for f in available))
    basis: Any = "none" if low is None else "seeds"
    return Cost(Estimate(mean, low, high, len(available), basis), available[0].unit, worst, source)


def compare(ours: Seeds, theirs: Seeds, reference: str, paths: Iterable[Path]) -> Comparison:
    """Ours minus theirs for metrics, ours over theirs for costs, on common seeds."""
    gaps = {path: gap(ours, theirs, path) for path in paths}
    ratios = {k: paired_ratio(cost_values(ours, k), cost_values(theirs, k)) for k in COST_KEYS}
    return Comparison(
        reference,
        {path: interval for path, interval in gaps.items() if interval is not None},
        {key: ratio for key, ratio in ratios.items() if ratio is not None},
    )


def gap(ours: Seeds, theirs: Seeds, path: Path) -> Interval | None:
    """Ours minus theirs, its interval kept within what the metric can differ by."""
    difference = paired_difference(metric_values(ours, path), metric_values(theirs, path))
    if difference is None or difference.low is None or difference.high is None:
        return difference
    least, most = _RANGES.get(path[-1], (0.0, 1.0))
    return Interval(
        difference.mean, max(least - most, difference.low), min(most - least, difference.high)
    )


def standings(groups: Sequence[Seeds], key: str | None, path: Path) -> tuple[Standing, ...]:
    """Where each group stands on the front of mean cost ``key`` and mean score ``path``."""
    if key is None:
        return tuple(Standing(False, None) for _ in groups)
    costs = [_mean(cost_values(seeds, key)) for seeds in groups]
    values = [_mean(metric_values(seeds, path)) for seeds in groups]
    members = pareto_front(costs, values)
    chances = _front_chances(groups, key, path)
    return tuple(Standing(bool(m), c) for m, c in zip(members, chances, strict=True))


def _mean(values: Mapping[int, float]) -> float:
    return float(np.mean(list(values.values()))) if values else float("nan")


def _front_chances(groups: Sequence[Seeds], key: str, path: Path) -> list[float | None]:
    """Probability of each group to be on the front, from the spread over the seeds all have.

    None with fewer than two common seeds, or where a cost is missing or zero.
    """
    unknown: list[float | None] = [None] * len(groups)
    if not groups:
        return unknown
    costs = [cost_values(seeds, key) for seeds in groups]
    values = [metric_values(seeds, path) for seeds in groups]
    common = sorted(set.intersection(*(set(one) for one in [*costs, *values])))
    if len(common) < 2 or min(one[seed] for one in costs for seed in common) <= 0:
        return unknown
    table = [[np.log(c[s]) for c in costs] + [v[s] for v in values] for s in common]
    draws = mean_draws(table)
    count = len(groups)
    return list(front_probability(draws[:, :count], draws[:, count:]).tolist())
