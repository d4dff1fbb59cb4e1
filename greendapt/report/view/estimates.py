"""Rows over seeds: estimates, comparisons paired by seed, and the Pareto front."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean

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
from greendapt.report.view.reached import Reached, Seeds, metric_values
from greendapt.stats.intervals import Interval, t_interval
from greendapt.stats.joint_means import mean_draws
from greendapt.stats.paired import paired_ratio
from greendapt.stats.pareto import front_probability, pareto_front


def setting(row: Row) -> Setting:
    return row.backbone, row.transfer, row.shots


def by_setting(rows: Iterable[Row]) -> dict[Setting, dict[str, dict[int, Row]]]:
    """The rows of each setting by strategy and seed."""
    groups: dict[Setting, dict[str, dict[int, Row]]] = {}
    for row in rows:
        groups.setdefault(setting(row), {}).setdefault(row.strategy, {})[row.seed] = row
    return groups


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


def cost_estimate(seeds: Seeds, key: str) -> Cost:
    """Mean over seeds. Its interval holds their spread and the bounds that the meter gives."""
    figures = [figure(row, key) for row in seeds.values()]
    known = [(f, f.value) for f in figures if f.value is not None]
    if not known:
        return Cost(None, figures[0].unit, Quality.UNAVAILABLE, figures[0].source)
    mean, low, _ = t_interval(value for _, value in known)
    spread = 0.0 if low is None else mean - low
    bounded = [(v if f.low is None else f.low, v if f.high is None else f.high) for f, v in known]
    least, most = (fmean(ends) for ends in zip(*bounded, strict=True))
    worst = max((f.quality for f, _ in known), key=list(Quality).index)
    source = "; ".join(dict.fromkeys(f.source for f, _ in known))
    if low is None and least == most:
        estimate = Estimate(mean, None, None, len(known), "none")
    else:
        estimate = Estimate(mean, max(0.0, least - spread), most + spread, len(known), "seeds")
    return Cost(estimate, known[0][0].unit, worst, source)


def compare(ours: str, theirs: str, reached: Reached) -> Comparison:
    """Ours minus theirs for metrics, ours over theirs for costs, on common seeds."""
    gaps = {path: reached.gap(ours, theirs, path) for path in reached.models}
    rows = reached.groups[ours], reached.groups[theirs]
    ratios = {key: cost_ratio(*rows, key) for key in COST_KEYS}
    return Comparison(
        theirs,
        {path: interval for path, interval in gaps.items() if interval is not None},
        {key: ratio for key, ratio in ratios.items() if ratio is not None},
        reached.path,
    )


def cost_ratio(ours: Seeds, theirs: Seeds, key: str) -> Interval | None:
    return paired_ratio(cost_values(ours, key), cost_values(theirs, key))


def standings(reached: Reached, key: str | None, path: Path) -> tuple[Standing, ...]:
    """Where each strategy stands on the front of mean cost ``key`` and mean score ``path``."""
    groups = [*reached.groups.values()]
    if key is None:
        return tuple(Standing(False, None) for _ in groups)
    costs = [_mean(cost_values(seeds, key)) for seeds in groups]
    values = [_mean(metric_values(seeds, path)) for seeds in groups]
    members = pareto_front(costs, values)
    chances = _front_chances(reached, key, path)
    return tuple(Standing(bool(m), c) for m, c in zip(members, chances, strict=True))


def _mean(values: Mapping[int, float]) -> float:
    return float(np.mean(list(values.values()))) if values else float("nan")


def _front_chances(reached: Reached, key: str, path: Path) -> list[float | None]:
    """Probability of each strategy to be on the front: the scores as the error model draws them,
    the costs from their spread over the seeds all have.

    None where no error is known, or where a cost is missing or zero.
    """
    unknown: list[float | None] = [None] * len(reached.groups)
    model = reached.models.get(path)
    if model is None or model.basis == "none" or len(model.names) < len(reached.groups):
        return unknown
    costs = [cost_values(seeds, key) for seeds in reached.groups.values()]
    common = sorted(set.intersection(*map(set, costs)))
    if not common or min(one[seed] for one in costs for seed in common) <= 0:
        return unknown
    scores = model.shrunken()
    table = np.log([[one[seed] for one in costs] for seed in common])
    drawn = mean_draws(table, len(scores)) if len(common) > 1 else np.repeat(table, len(scores), 0)
    return list(front_probability(drawn, scores).tolist())
