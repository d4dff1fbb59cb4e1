"""Rows over seeds: estimates, comparisons paired by seed, and the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from greendapt.core.figures import Figure, Quality
from greendapt.core.records import Row
from greendapt.report.model import COST_KEYS, DEVELOPMENT, Comparison, Cost, Estimate, Path
from greendapt.stats.draws import mean_draws
from greendapt.stats.intervals import Interval, t_interval
from greendapt.stats.paired import paired_difference, paired_ratio
from greendapt.stats.pareto import front_probability, pareto_front

Seeds = Mapping[int, Row]
"""The rows of one strategy on one backbone, by seed."""

FIGURES = (*COST_KEYS, "peak_memory_bytes")
_SCORES = ("auc", "balanced_accuracy", "ece")


def metric_paths(rows: Iterable[Row]) -> tuple[Path, ...]:
    """Every metric any row has, in the order of a table: development, external, corrupted."""
    found = dict.fromkeys(path for row in rows for path in _paths(row.metrics))
    order = {"development": 0, "external": 1, "corrupted": 2}
    return tuple(sorted(found, key=lambda p: (_SCORES.index(p[-1]), order[p[0]])))


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
    found = {seed: _metric(row.metrics, path) for seed, row in seeds.items()}
    return {seed: value for seed, value in found.items() if value is not None}


def cost_values(seeds: Seeds, key: str) -> dict[int, float]:
    found = {seed: figure(row, key).value for seed, row in seeds.items()}
    return {seed: value for seed, value in found.items() if value is not None}


def figure(row: Row, key: str) -> Figure:
    value: Figure = getattr(row, key)
    return value


def metric_estimate(seeds: Seeds, path: Path) -> Estimate | None:
    """Mean over seeds, its interval kept within what a score can be (0 to 1)."""
    values = metric_values(seeds, path)
    if not values:
        return None
    mean, low, high = t_interval(values.values())
    if len(values) > 1 and low is not None and high is not None:
        return Estimate(mean, max(0.0, low), min(1.0, high), len(values), "seeds")
    only = next(iter(values))
    bounds = [
        _metric(seeds[only].metrics, (*path[:-1], f"{path[-1]}_{end}")) for end in ("low", "high")
    ]
    basis: Any = "none" if None in bounds else "patients"
    return Estimate(mean, bounds[0], bounds[1], 1, basis)


def cost_estimate(seeds: Seeds, key: str) -> Cost:
    figures = [figure(row, key) for row in seeds.values()]
    known = [f for f in figures if f.value is not None]
    if not known:
        return Cost(None, figures[0].unit, Quality.UNAVAILABLE, figures[0].source)
    mean, low, high = t_interval([f.value for f in known if f.value is not None])
    worst = max((f.quality for f in known), key=list(Quality).index)
    source = "; ".join(dict.fromkeys(f.source for f in known))
    basis: Any = "none" if low is None else "seeds"
    return Cost(Estimate(mean, low, high, len(known), basis), known[0].unit, worst, source)


def compare(ours: Seeds, theirs: Seeds, reference: str, paths: Iterable[Path]) -> Comparison:
    """Ours minus theirs for metrics, ours over theirs for costs, on common seeds."""
    gaps = {path: gap(ours, theirs, path) for path in paths}
    ratios = {k: paired_ratio(cost_values(ours, k), cost_values(theirs, k)) for k in FIGURES}
    return Comparison(
        reference,
        {path: found for path, found in gaps.items() if found is not None},
        {key: ratio for key, ratio in ratios.items() if ratio is not None},
    )


def gap(ours: Seeds, theirs: Seeds, path: Path = DEVELOPMENT) -> Interval | None:
    """Ours minus theirs, its interval kept within what scores can differ by (-1 to 1)."""
    found = paired_difference(metric_values(ours, path), metric_values(theirs, path))
    if found is None or found.low is None or found.high is None:
        return found
    return Interval(found.mean, max(-1.0, found.low), min(1.0, found.high))


def front(groups: Sequence[Seeds], key: str | None) -> list[bool]:
    """Which groups are on the front of mean cost and mean development AUC."""
    if key is None:
        return [False] * len(groups)
    costs = [_mean(cost_values(seeds, key)) for seeds in groups]
    values = [_mean(metric_values(seeds, DEVELOPMENT)) for seeds in groups]
    return [bool(member) for member in pareto_front(costs, values)]


def _mean(values: Mapping[int, float]) -> float:
    return float(np.mean(list(values.values()))) if values else float("nan")


def front_chances(groups: Sequence[Seeds], key: str | None) -> list[float | None]:
    """Probability of each group to be on the front, from the spread over the seeds all have.

    None with fewer than two common seeds, or where a cost is missing or zero.
    """
    unknown: list[float | None] = [None] * len(groups)
    if key is None or not groups:
        return unknown
    costs = [cost_values(seeds, key) for seeds in groups]
    values = [metric_values(seeds, DEVELOPMENT) for seeds in groups]
    common = sorted(set.intersection(*(set(one) for one in [*costs, *values])))
    if len(common) < 2 or min(one[seed] for one in costs for seed in common) <= 0:
        return unknown
    table = [[np.log(c[s]) for c in costs] + [v[s] for v in values] for s in common]
    draws = mean_draws(table)
    count = len(groups)
    return list(front_probability(draws[:, :count], draws[:, count:]).tolist())
