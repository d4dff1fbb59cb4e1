"""One side of a comparison: what the cells of a run, or of a baseline, cost and reach."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from greendapt.core.disturbance import in_short
from greendapt.core.errors import GreendaptError, RunError
from greendapt.core.figures import Figure, Quality
from greendapt.core.keys import key_of
from greendapt.core.meter_facts import MeterFacts, grave
from greendapt.core.records import Row, Summary
from greendapt.store.baselines import Baseline, CellBaseline, Machine, Spread
from greendapt.store.run import RunFolder
from greendapt.store.runinfo import Environment, RunInfo
from greendapt.suite.datasets import PATH_KEYS
from greendapt.suite.limits import GAUGES, NO_LIMITS, Limits, Tier, from_table

Name = tuple[str, ...]
"""Which cell: strategy, backbone, transfer, shots. Its seeds are repeats of it."""

NOISY = tuple(name for name, gauge in GAUGES.items() if gauge.tier is Tier.NOISY)
SCORES = tuple(name for name, gauge in GAUGES.items() if gauge.tier is Tier.ACCURACY)
_MACHINE = ("platform", "cpu", "cores", "threads", "device", "gpu")
"""What of a run's environment makes costs comparable; software may be what is under test."""


@dataclass(frozen=True)
class Repeats:
    """A noisy figure of a cell: one value a repeat, its worst quality."""

    values: tuple[float, ...]
    quality: Quality

    def spread(self) -> Spread:
        logs = [math.log(value) for value in self.values]
        return Spread(
            mean=float(f"{math.exp(fmean(logs)):.6g}"),
            spread=float(f"{stdev(logs):.3g}") if len(logs) > 1 else 0.0,
            repeats=len(logs),
            quality=self.quality,
        )


@dataclass(frozen=True)
class Cell:
    """``exact`` and ``scores`` by figure and seed; ``noisy`` by figure, on the side's machine."""

    exact: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    scores: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    noisy: Mapping[str, Spread] = field(default_factory=dict)
    repeats: Mapping[str, Repeats] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """``machines``: of a run one; of a baseline all that it has figures of.

    ``failures``: why a cell did not finish. ``limits``: those of the run's own suite.
    ``disturbed``: what disturbed its stages, in a sentence; empty for nothing. ``strategies``: what
    a run was asked for.
    """

    title: str
    suite: str
    profile: str
    data: str
    machine_key: str
    machines: Mapping[str, Machine]
    cells: Mapping[Name, Cell]
    failures: Mapping[Name, str] = field(default_factory=dict)
    limits: Limits = NO_LIMITS
    disturbed: str = ""
    strategies: frozenset[str] = frozenset()


def of_run(path: Path) -> Side:
    """A finished run. Raises RunError where it did not come to its end."""
    run = RunFolder(path).finished()
    summary = run.summary
    key, machine = machine_of(run.info.environment, run.info.meter)
    rows: dict[Name, list[Row]] = defaultdict(list)
    for row in summary.rows:
        rows[_name(row)].append(row)
    return Side(
        title=str(path),
        suite=summary.suite,
        profile=summary.profile,
        data=_data_key(run.info),
        machine_key=key,
        machines={key: machine},
        cells={name: _cell(of) for name, of in rows.items()},
        failures=_failures(summary),
        limits=from_table(run.info.suite.limits),
        disturbed=in_short(run.records),
        strategies=frozenset(run.info.suite.run.strategies),
    )


def of_baseline(path: Path, baseline: Baseline, machine_key: str) -> Side:
    """A baseline as it is seen from the machine ``machine_key``."""
    return Side(
        title=str(path),
        suite=baseline.suite,
        profile=baseline.profile,
        data=baseline.data,
        machine_key=machine_key if machine_key in baseline.machines else "",
        machines=baseline.machines,
        cells={cell.name: _stored(cell, machine_key) for cell in baseline.cells},
    )


def as_baseline(sides: Sequence[Side], kept: Baseline | None = None) -> Baseline:
    """Finished runs of one suite as a baseline; their repeats are put together.

    Of ``kept`` the figures of other machines stay for each cell whose exact figures are the same.
    Raises RunError where the runs disagree on what is exact.
    """
    first, *others = sides
    for side in sides:
        if side.failures:
            raise RunError(f"{side.title} has failed cells: it cannot be a baseline")
    for side in others:
        if _about(side) != _about(first) or side.machine_key != first.machine_key:
            raise RunError(f"{side.title} and {first.title} differ in suite, data or machine")
    names = dict.fromkeys(name for side in sides for name in side.cells)
    cells = [
        _joined(name, [s.cells[name] for s in sides if name in s.cells], first) for name in names
    ]
    machines = dict(first.machines)
    if kept is not None and (kept.suite, kept.profile, kept.data) == _about(first):
        cells, others_of = _with_kept(cells, kept, first.machine_key)
        machines |= others_of
    return Baseline(
        schema=Baseline.model_fields["schema_version"].default,
        suite=first.suite,
        profile=first.profile,
        data=first.data,
        machines=machines,
        cells=tuple(cells),
    )


def only(baseline: Baseline, tiers: Collection[Tier]) -> Baseline:
    """The baseline without what other tiers judge."""
    change: dict[str, Any] = {}
    if Tier.NOISY not in tiers:
        baseline = baseline.model_copy(update={"machines": {}})
        change["noisy"] = {}
    if Tier.ACCURACY not in tiers:
        change |= dict.fromkeys(SCORES, ())
    if Tier.EXACT not in tiers:
        change["exact"] = {}
    cells = tuple(cell.model_copy(update=change) for cell in baseline.cells)
    return baseline.model_copy(update={"cells": cells})


def _about(side: Side) -> tuple[str, str, str]:
    return side.suite, side.profile, side.data


def _with_kept(
    cells: list[CellBaseline], kept: Baseline, machine_key: str
) -> tuple[list[CellBaseline], dict[str, Machine]]:
    before = {cell.name: cell for cell in kept.cells}
    joined = []
    for cell in cells:
        old = before.get(cell.name)
        same = old is not None and old.exact == cell.exact
        noisy = {**(old.noisy if old and same else {}), **cell.noisy}
        joined.append(cell.model_copy(update={"noisy": noisy}))
    used = {key for cell in joined for key in cell.noisy} - {machine_key}
    return joined, {key: machine for key, machine in kept.machines.items() if key in used}


# --- a run ----------------------------------------------------------------------------------


def _name(row: Any) -> Name:
    return (row.strategy, row.backbone, row.transfer, str(row.shots))


def _failures(summary: Summary) -> dict[Name, str]:
    return {_name(failed): f"{failed.stage}: {failed.error}" for failed in summary.failures}


def machine_of(environment: Environment, meter: MeterFacts) -> tuple[str, Machine]:
    """The key and the words of the machine that a run describes, and what disturbed it."""
    facts = {name: environment.get(name, "unknown") for name in _MACHINE}
    gpu = "no GPU" if facts["gpu"] == "none" else facts["gpu"]
    says = f"{facts['cpu']}, {facts['cores']} cores, {facts['threads']} threads, {gpu}"
    troubles = grave(trouble for one in meter.gpus for trouble in one.troubles)
    return key_of(**facts), Machine(says=says, troubles=troubles)


def _data_key(info: RunInfo) -> str:
    """Of what the data are, by their sources and counts; no path, no name of a file.

    What is as by default stays out: a key that a later version adds voids no baseline. So do the
    counts of named pools, of which a run reads those that its strategies adapt on.
    """
    suite = info.suite.data.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    tables = [suite["pool"], suite["development"]]
    for more in ("external", "pools", "targets"):
        named = suite.get(more, {})
        tables += [named[name] for name in sorted(named)]
    counts = info.data.model_dump(mode="json", exclude={"pools"})
    return key_of(
        sources=_without_paths(tables), counts={role: one for role, one in counts.items() if one}
    )


def _without_paths(table: Any) -> Any:
    if isinstance(table, Mapping):
        return {k: _without_paths(v) for k, v in table.items() if k not in PATH_KEYS}
    return [*map(_without_paths, table)] if isinstance(table, list) else table


def _cell(rows: Sequence[Row]) -> Cell:
    exact: dict[str, dict[int, int]] = defaultdict(dict)
    for row in rows:
        for figure, count in _exact(row).items():
            exact[figure][row.seed] = count
    repeats = {name: one for name in NOISY if (one := _repeats(rows, name)) is not None}
    return Cell(
        exact=exact,
        scores={name: by_seed for name in SCORES if (by_seed := _scores(rows, name))},
        noisy={name: one.spread() for name, one in repeats.items()},
        repeats=repeats,
    )


def _scores(rows: Sequence[Row], name: str) -> dict[int, float]:
    by_seed = {row.seed: row.reached(name) for row in rows}
    return {seed: round(value, 6) for seed, value in by_seed.items() if value is not None}


def _exact(row: Row) -> dict[str, int]:
    counts: dict[str, int] = {}
    judging = row.parts.get("evaluation", {}).get("training_flops")
    for name, figure in (("training_flops", row.training_flops), ("evaluation_flops", judging)):
        if figure is not None and figure.value is not None:
            counts[name] = int(figure.value)
    return {**counts, "trainable_params": row.trainable_params, **row.counts}


def _repeats(rows: Sequence[Row], name: str) -> Repeats | None:
    figures: list[Figure] = [getattr(row, name) for row in rows]
    values = [figure.value for figure in figures]
    if any(value is None or value <= 0 for value in values):
        return None
    worst = max((figure.quality for figure in figures), key=list(Quality).index)
    return Repeats(tuple(value for value in values if value is not None), worst)


# --- a baseline -----------------------------------------------------------------------------


def _stored(cell: CellBaseline, machine_key: str) -> Cell:
    exact = {
        figure: dict.fromkeys(cell.seeds, counts)
        if isinstance(counts, int)
        else dict(zip(cell.seeds, counts, strict=True))
        for figure, counts in cell.exact.items()
    }
    scores = {
        name: dict(zip(cell.seeds, values, strict=False))
        for name in SCORES
        if (values := getattr(cell, name))
    }
    return Cell(exact, scores, cell.noisy.get(machine_key, {}))


def _joined(name: Name, cells: Sequence[Cell], side: Side) -> CellBaseline:
    """Several runs' repeats of one cell as a block of the file."""
    seeds = sorted({seed for cell in cells for by in cell.exact.values() for seed in by})
    return CellBaseline(
        name=name,
        seeds=tuple(seeds),
        auc=_known("auc", seeds, cells),
        dice=_known("dice", seeds, cells),
        exact={
            figure: _one_or_all([_agreed(name, figure, seed, cells) for seed in seeds])
            for figure in cells[0].exact
        },
        noisy={side.machine_key: _pooled(cells)},
    )


def _known(score: str, seeds: Sequence[int], cells: Sequence[Cell]) -> tuple[float, ...]:
    """A score by seed; nothing where a seed has none."""
    by_seed = {seed: value for c in cells for seed, value in c.scores.get(score, {}).items()}
    return tuple(by_seed[seed] for seed in seeds) if by_seed.keys() >= set(seeds) else ()


def _agreed(name: Name, figure: str, seed: int, cells: Sequence[Cell]) -> int:
    counts = {by[seed] for cell in cells if seed in (by := cell.exact.get(figure, {}))}
    if len(counts) != 1:
        raise GreendaptError(
            f"the runs disagree on {figure} of {'/'.join(name)}, seed {seed}: {sorted(counts)}; "
            "make a baseline of runs of one state of the code"
        )
    return counts.pop()


def _one_or_all(counts: list[int]) -> int | tuple[int, ...]:
    return counts[0] if len(set(counts)) == 1 else tuple(counts)


def _pooled(cells: Sequence[Cell]) -> dict[str, Spread]:
    pooled = {}
    for name in NOISY:
        repeats = [cell.repeats[name] for cell in cells if name in cell.repeats]
        if repeats:
            worst = max((one.quality for one in repeats), key=list(Quality).index)
            pooled[name] = Repeats(tuple(v for one in repeats for v in one.values), worst).spread()
    return pooled
