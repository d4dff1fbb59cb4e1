"""Who does the stages of a run in other processes, seen from the one that leads it.

An executor of another package is one object: what `EXECUTORS` holds is called with the options of
the command line and gives an `Executor`. It starts processes that each do a
`greendapt.run.workers.job.Job`, a list of stages by their keys, and waits for them. Claims in the
run folder keep two of them from doing the same stage, so that lists may overlap.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from greendapt.core.errors import RunError
from greendapt.core.records import Record
from greendapt.core.registry import Registry
from greendapt.run.allowance import Terms
from greendapt.run.plan import Cell, stages
from greendapt.run.progress import Reporter
from greendapt.run.stages.base import Stage
from greendapt.store.run import Growing, RunFolder, latest

_LOOK_S = 0.5


@dataclass(frozen=True)
class Options:
    """What the command line says of workers: how many at once (``--workers``; None: as the
    executor finds best), and ``--slurm KEY=VALUE``, an executor's own settings."""

    workers: int | None = None
    settings: Mapping[str, str | int | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Assignment:
    """What is to be done: the plan of a run, its folder, and which failures are from before.

    ``retry``: failed stages that run again -> when they started. ``device``: ``cpu`` or ``cuda``.
    ``terms``: of a budget that workers keep together.
    """

    folder: RunFolder
    plan: list[Cell]
    retry: Mapping[str, str]
    device: str
    debug: bool = False
    terms: Terms | None = None


class Executor(Protocol):
    """Does the stages of a plan by other processes."""

    def work(self, assignment: Assignment, follower: Follower) -> None:
        """Start workers on what is `left`, and follow them (`Follower.until`) until all have ended.

        Raises RunError (`unfinished`) where they ended and left something undone.
        """


MakeExecutor = Callable[[Options], Executor]
"""Raises SuiteError, in one sentence, for options that it cannot use."""

EXECUTORS: Registry[MakeExecutor] = Registry(
    "greendapt.executors",
    "executor",
    {
        "local": "greendapt.run.workers.local:Local.of",
        "slurm": "greendapt.run.workers.slurm:Slurm.of",
    },
)


@dataclass
class Follower:
    """Tells what workers finish. ``works``: predicted FLOP of each stage of the plan."""

    assignment: Assignment
    reporter: Reporter
    works: Mapping[str, float]
    _reported: dict[str, Record] = field(default_factory=dict, init=False)
    _written: Growing = field(init=False)

    def __post_init__(self) -> None:
        self._written = Growing(self.assignment.folder)

    def begin(self) -> None:
        self.reporter.total(len(self.works), sum(self.works.values()))
        self._tell(lambda record: f"reused, done {record.started_at}")

    def until(self, over: Callable[[], bool]) -> None:
        """Tell what is finished until ``over`` says so."""
        ended = False
        while not ended:
            ended = over()
            self._tell(_outcome)
            if not ended:
                time.sleep(_LOOK_S)

    def _tell(self, how: Callable[[Record], str]) -> None:
        for key, record in self._written.refresh().items():
            old = self.assignment.retry.get(key) == record.started_at
            if key in self.works and not old and self._reported.get(key) != record:
                self._reported[key] = record
                self.reporter.skip(record.label, self.works[key], how(record))


def _outcome(record: Record) -> str:
    if record.status == "failed":
        return f"failed: {record.error}"
    wall_s = record.value("wall_s")
    return "done" if wall_s is None else f"done in {wall_s:.1f} s"


def failed_before(records: list[Record]) -> dict[str, str]:
    """Stage -> when its last record, a failure, started."""
    last = latest(records)
    return {key: r.started_at for key, r in last.items() if r.status == "failed"}


def left(assignment: Assignment) -> list[Stage]:
    """Stages that no record ends, leaving out those behind a failure."""
    done = latest(assignment.folder.records())
    broken: set[str] = set()
    undone = []
    for stage in stages(assignment.plan):
        record = done.get(stage.key)
        fresh = record is not None and assignment.retry.get(stage.key) != record.started_at
        if any(parent.key in broken for parent in stage.reads):
            broken.add(stage.key)
        elif record is None or not fresh:
            undone.append(stage)
        elif record.status == "failed":
            broken.add(stage.key)
    return undone


def unfinished(assignment: Assignment, why: str) -> RunError:
    """What to say when all workers have ended and something is left."""
    missing = left(assignment)
    return RunError(
        f"{why}; {len(missing)} stages are left, first: {missing[0].label}; "
        f"see the logs in {assignment.folder.path / 'logs'}"
    )
