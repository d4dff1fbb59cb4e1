"""Workers of a run in other processes, seen from the one that leads it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from greendapt.core.errors import RunError
from greendapt.core.records import Record
from greendapt.run.plan import Cell, Stage, stages
from greendapt.run.progress import Reporter
from greendapt.store.run import Growing, RunFolder, latest

_LOOK_S = 0.5


@dataclass(frozen=True)
class Ask:
    """What is to be done: the plan of a run, its folder, and which failures are from before."""

    folder: RunFolder
    plan: list[Cell]
    retry: Mapping[str, str]
    device: str
    debug: bool = False


class Crew(Protocol):
    """Does the stages of a plan by other processes."""

    def work(self, ask: Ask, follow: Follow) -> None:
        """Until all workers have ended, whatever their end. Says nothing of what is left."""


@dataclass
class Follow:
    """Tells what workers finish."""

    ask: Ask
    reporter: Reporter
    works: Mapping[str, float]
    """Predicted, of each stage of the plan."""
    told: dict[str, Record] = field(default_factory=dict)
    _written: Growing = field(init=False)

    def __post_init__(self) -> None:
        self._written = Growing(self.ask.folder)

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
            old = self.ask.retry.get(key) == record.started_at
            if key in self.works and not old and self.told.get(key) != record:
                self.told[key] = record
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


def left(ask: Ask) -> list[Stage]:
    """Stages that no record ends, leaving out those behind a failure."""
    done = latest(ask.folder.records())
    broken: set[str] = set()
    found = []
    for stage in stages(ask.plan):
        record = done.get(stage.key)
        fresh = record is not None and ask.retry.get(stage.key) != record.started_at
        if any(parent.key in broken for parent in stage.reads):
            broken.add(stage.key)
        elif record is None or not fresh:
            found.append(stage)
        elif record.status == "failed":
            broken.add(stage.key)
    return found


def unfinished(ask: Ask, why: str) -> RunError:
    """What to say when all workers have ended and something is left."""
    missing = left(ask)
    return RunError(
        f"{why}; {len(missing)} stages are left, first: {missing[0].label}; "
        f"see the logs in {ask.folder.path / 'logs'}"
    )
