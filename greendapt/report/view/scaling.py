"""How error falls with data and compute, and what a domain is worth at equal compute."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean

from greendapt.core.text import shots_text
from greendapt.core.units import si
from greendapt.report import words
from greendapt.report.view import estimates
from greendapt.report.view.model import Section, Setting, Table
from greendapt.report.view.reached import Reached, metric_values
from greendapt.stats.intervals import Interval
from greendapt.stats.power import power_law
from greendapt.store.runinfo import RunData
from greendapt.suite.references import no_dapt

_EQUAL = 1.1
"""Compute is called equal up to this ratio."""
_NOT_TOLD = "no law can be told"
_SAID = (
    "Scores are means over seeds. Error is 1 - the score on the development test part. A law is "
    "error = offset + factor x size ^ exponent, fitted to the pools of one domain: below 0 the "
    "error falls with size, towards an offset (0 or more) that no size takes away. Size is the "
    "pool's images, or the FLOPs of adaptation and transfer. All seeds of a pool share its images, "
    "so that the interval counts sizes, not seeds. No law can be told from fewer than four sizes, "
    "or where the interval is wider than 1, as it is where the error may be constant: more sizes "
    "over a wider range would decide it. Differences between domains are paired by seed."
)


@dataclass(frozen=True)
class _Point:
    """A strategy of one question: its pool, and by seed its score, FLOPs and energy."""

    strategy: str
    domain: str
    images: int
    score: dict[int, float]
    flops: dict[int, float]
    energy_j: dict[int, float]


def scaling(run: RunData, reached: Mapping[Setting, Reached]) -> Section | None:
    """Tables by backbone, transfer and shots; None where no strategy names a pool."""
    if not any(run.info.suite.pool(name) for name in run.info.suite.run.strategies):
        return None
    names = tuple(dict.fromkeys(row.strategy for row in run.summary.rows))
    points = {one: list(_points(run, names, of)) for one, of in reached.items()}
    laws = [row for one, group in points.items() for row in _laws(one, group)]
    domains = [row for one, group in points.items() for row in _domains(one, group, reached[one])]
    none = no_dapt(run.info.suite, names)
    gains = [row for one, group in points.items() for row in _gains(none, one, group, reached[one])]
    tables = [
        *_curves(run.info.suite.run.shots, names, reached),
        (("question", "domain", "exponent by images [95%]", "exponent by FLOPs [95%]"), *laws),
        (("question", "domains", "compute", "score difference [95%]"), *domains),
        (("question", "strategy", "images", "score", "energy per point gained"), *gains),
    ]
    return Section("scale", "Scale", _SAID, tuple(table for table in tables if len(table) > 1))


def _curves(
    shots: Sequence[int | str], names: Sequence[str], reached: Mapping[Setting, Reached]
) -> Iterator[Table]:
    """The few-shot curve: a row a strategy, a column a number of shots."""
    shots = [count for count in shots if count in {setting[2] for setting in reached}]
    if len(shots) < 2:
        return
    tasks = dict.fromkeys(setting[:2] for setting in reached)
    lines = [
        (", ".join(task), name, *(_mean(reached, (*task, count), name) for count in shots))
        for task in tasks
        for name in names
        if any(one[:2] == task and name in of.groups for one, of in reached.items())
    ]
    yield ("task", "strategy", *(f"{shots_text(count)} [95%]" for count in shots)), *lines


def _mean(reached: Mapping[Setting, Reached], setting: Setting, strategy: str) -> str:
    of = reached.get(setting)
    score = None if of is None else of.estimate(strategy, of.path)
    if score is None:
        return words.MISSING
    return Interval(score.mean, score.low, score.high).text(".3f")


def _points(run: RunData, names: Sequence[str], reached: Reached) -> Iterator[_Point]:
    suite = run.info.suite
    for strategy in names:
        pool, of = suite.pool(strategy), reached.groups.get(strategy)
        if pool is None or of is None or not suite.phases(strategy):
            continue
        info = run.info.data.pools.get(pool)
        yield _Point(
            strategy,
            suite.data.pools[pool].domain,
            (info.images if info else None) or 0,
            metric_values(of, reached.path),
            estimates.cost_values(of, "training_flops"),
            estimates.cost_values(of, "energy_j"),
        )


def _laws(setting: Setting, points: Sequence[_Point]) -> Iterator[tuple[str, ...]]:
    for domain in dict.fromkeys(point.domain for point in points):
        of = [point for point in points if point.domain == domain]
        if len({point.images for point in of}) < 2:
            continue
        compute = [fmean(p.flops.values()) if p.flops else 0.0 for p in of]
        images = [float(p.images) for p in of]
        yield words.setting(setting), domain, _law(of, images), _law(of, compute)


def _law(points: Sequence[_Point], sizes: Sequence[float]) -> str:
    """Its exponent; ``sizes``: one a point, 0 where unknown. A strategy's seeds are of one size."""
    if not all(sizes):
        return words.MISSING
    pairs = zip(points, sizes, strict=True)
    law = power_law((size, 1 - score) for point, size in pairs for score in point.score.values())
    if law is None or not law.told:
        return _NOT_TOLD
    return Interval(law.exponent, law.low, law.high).text(".2f")


def _domains(
    setting: Setting, points: Sequence[_Point], reached: Reached
) -> Iterator[tuple[str, ...]]:
    """Pairs of pools of different domains whose adaptation costs the same."""
    for one, other in combinations(points, 2):
        ours, theirs = (fmean(point.flops.values()) for point in (one, other))
        if one.domain == other.domain or max(ours, theirs) > _EQUAL * min(ours, theirs):
            continue
        difference = reached.gap(one.strategy, other.strategy, reached.path)
        if difference is not None:
            yield (
                words.setting(setting),
                f"{one.strategy} less {other.strategy}",
                si(ours, "FLOP"),
                difference.text("+.3f"),
            )


def _gains(
    none: str | None, setting: Setting, points: Sequence[_Point], reached: Reached
) -> Iterator[tuple[str, ...]]:
    """Energy over that of ``none``, by the points (0.01) gained over it; nothing without it."""
    if none is None:
        return
    without = reached.groups.get(none, {})
    base = metric_values(without, reached.path)
    spent = estimates.cost_values(without, "energy_j")
    for point in points:
        seeds = sorted(point.score.keys() & base.keys())
        gain = fmean(point.score[s] - base[s] for s in seeds) if seeds else 0.0
        extra = [point.energy_j[s] - spent.get(s, 0.0) for s in seeds if s in point.energy_j]
        per_point = si(fmean(extra) / (100 * gain), "J") if gain > 0 and extra else "no gain"
        score = fmean(point.score.values())
        yield words.setting(setting), point.strategy, f"{point.images:,}", f"{score:.3f}", per_point
