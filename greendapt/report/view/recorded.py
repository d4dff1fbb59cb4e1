"""A run of everything as what races are replayed on."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import fmean

from greendapt.core.errors import RunError
from greendapt.core.records import Row
from greendapt.report.view.estimates import by_setting
from greendapt.report.view.model import headline
from greendapt.report.view.reached import draws_of, metric_paths, metric_values, samples
from greendapt.stats.race_replay import Cell, Question, Recorded
from greendapt.store.runinfo import RunData
from greendapt.suite.checkpoints import kept_epochs

Groups = dict[str, dict[int, Row]]
"""Rows by strategy and seed."""


def recorded(run: RunData, dataset: str = "", truth: str = "") -> list[Recorded]:
    """The questions of a run, of the seeds that all of its strategies have.

    ``dataset``: what to call its data. ``truth``: the external set that is more of the same
    patients. Raises RunError where a strategy failed or did not run, where there are fewer than two
    strategies or seeds, and where FLOPs are not known.
    """
    groups = by_setting(run.summary.rows)
    called = dataset or run.info.data.development.name or "development"
    return [_one(run, Question(called, *map(str, of)), truth, rows) for of, rows in groups.items()]


def _one(run: RunData, question: Question, truth: str, groups: Groups) -> Recorded:
    ended = _ended(run)
    path = headline(metric_paths(row for seeds in groups.values() for row in seeds.values()))
    scored = {name: metric_values(seeds, path) for name, seeds in groups.items()}
    seeds = sorted(set.intersection(*(set(values) for values in scored.values())))
    whole = [name for name in groups if ended[name].epoch is None]
    left_out = {*run.info.suite.run.strategies} - {*groups}  # of a race: who never entered
    if len(seeds) < 2 or len(whole) < 2 or left_out or run.summary.failures:
        raise RunError(
            "a race is replayed on a run of two strategies and two seeds or more, every strategy "
            "with every seed; run greendapt bench with a fixed number of --seeds"
        )
    flops = _flops(run)
    costs = {name: fmean(_paid(row) for row in groups[name].values()) for name in whole}
    whole.sort(key=lambda name: costs[name])
    of = samples({name: groups[name] for name in whole}, draws_of(run.records), path)
    rows = {
        ended[name]._replace(seed=seed): groups[name][seed] for seed in seeds for name in groups
    }
    outside = {n: metric_values(groups[n], ("external", truth, path[-1])) for n in whole}
    return Recorded(
        question,
        run.info.suite.verdict.margin,
        {name: of[name].only(seeds) for name in whole},
        {name: costs[name] for name in whole},
        {
            cell: {key: flops[key] for key in row.stages if key in flops}
            for cell, row in rows.items()
        },
        {cell: row.score or 0.0 for cell, row in rows.items() if cell.epoch is not None},
        {name: groups[name][seeds[0]].trainable_params for name in whole},
        {n: fmean(values.values()) for n, values in outside.items()} if truth else {},
    )


def _ended(run: RunData) -> Mapping[str, Cell]:
    """By name, of a checkpoint too: which strategy that is, after how many epochs; no seed yet."""
    suite = run.info.suite
    named = {name: Cell(name, None, 0) for name in suite.strategy}
    for strategy in suite.strategy:
        for name, epoch in kept_epochs(suite, strategy).items():
            if name != strategy:
                named[name] = Cell(strategy, epoch, 0)
    return named


def _flops(run: RunData) -> Mapping[str, float]:
    """Of each stage that a race pays for, by key."""
    spent = {
        record.key: record.value("training_flops")
        for record in run.records
        if record.role != "sunk"
    }
    return {key: _known(flops) for key, flops in spent.items()}


def _paid(row: Row) -> float:
    return _known(row.training_flops.value)


def _known(flops: float | None) -> float:
    if flops is None:
        raise RunError("a race is replayed by FLOPs, and those of this run are not all known")
    return flops
