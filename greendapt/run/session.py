"""A run from its start, or from where it was stopped, to its summary and report files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

from greendapt import __version__
from greendapt.accounting.grid import Grid
from greendapt.accounting.hourly import GridAsked, work_of
from greendapt.core.errors import CellFailed, RunError, Stopped
from greendapt.core.records import SCHEMA, Record, Summary
from greendapt.data.imageset import ImageSet
from greendapt.data.prepared import Prepared, Task
from greendapt.meter import Meter
from greendapt.models.backbone import create_backbone
from greendapt.run.allowance import Allowance, Standing
from greendapt.run.context import Context, Generic
from greendapt.run.environment import environment, fingerprint
from greendapt.run.plan import Cell, stages
from greendapt.run.progress import Reporter
from greendapt.run.race import due
from greendapt.run.scheduler import Scheduler
from greendapt.run.stages.base import Stage
from greendapt.run.step_choice import info_of
from greendapt.run.summary import summarize
from greendapt.run.workers.claims import Claims
from greendapt.run.workers.executor import Assignment, Executor, Follower, failed_before, left
from greendapt.run.workers.ranks import assist
from greendapt.run.workers.same_machine import beside_note
from greendapt.store.run import RunFolder, latest
from greendapt.store.runinfo import DataInfo, DatasetInfo, GridInfo, RunInfo, TaskInfo
from greendapt.suite.models import Suite
from greendapt.suite.own_code import require
from greendapt.train.engine import Engine
from greendapt.train.parallel import ALONE, Ranks
from greendapt.train.step import Trial

_REST_S = 1.0  # before any work: the power at rest, for energy above idle


@dataclass(frozen=True)
class Ending:
    """``summary``: None where a budget stopped the run. ``standing``: None without a budget."""

    summary: Summary | None
    standing: Standing | None


@dataclass(frozen=True)
class Session:
    """A suite with its data, weights and plan checked: nothing has run yet.

    ``plan``: every cell that may be asked for; which of them are, `due` says. ``entering``: waves
    of strategies, the cheapest first, where they race. ``allowance``: ends the work before the
    stage that there is no room for.
    """

    suite: Suite
    data: Prepared
    plan: list[Cell]
    engine: Engine
    grid: GridAsked
    generic: dict[str, Generic]
    steps: dict[str, Trial]
    entering: Sequence[Sequence[str]]
    allowance: Allowance | None = None

    def info(self, command: str = "") -> RunInfo:
        """``run.json``: what was asked, on what, with what."""
        here = environment(self.engine.device)
        data = self.data
        return RunInfo(
            schema=SCHEMA,
            suite=self.suite,
            command=command,
            version=__version__,
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
            environment=dict(here),
            steps={name: info_of(trial) for name, trial in self.steps.items()},
            fingerprint=fingerprint(here),
            grid=GridInfo.of(self.grid.of_work([])),
            data=DataInfo(
                pool=_dataset(data.pool),
                pools={name: _dataset(one) for name, one in data.pools.items() if name},
                development=_dataset(data.development),
                external={name: _dataset(one) for name, one in data.external.items()},
                targets={name: _task(task) for name, task in data.tasks.items() if name},
            ),
            own=require(self.suite),
            notes=data.notes,
        )

    def run(
        self,
        folder: RunFolder,
        reporter: Reporter,
        *,
        debug: bool = False,
        executor: Executor | None = None,
        ranks: Ranks = ALONE,
    ) -> Ending:
        """Do what of the plan is not done in ``folder``, and write its summary.

        ``executor``: who does it; None: this process, with the other ``ranks`` of its launcher.
        """
        with folder.writing(), reporter, _resumable(folder):
            folder.gather()
            claims, retry = Claims(folder.claims), failed_before(folder.records())
            rounds = self._rounds(folder, reporter)
            if executor is None:
                if ranks.size > 1:
                    self._lead(folder, ranks)
                is_over = self.work(
                    folder,
                    reporter,
                    claims,
                    (stages(new) for new in rounds),
                    retry=retry,
                    ranks=ranks,
                    debug=debug,
                )
            else:
                device = self.engine.device.type
                terms = None if self.allowance is None else self.allowance.terms
                given = (Assignment(folder, new, retry, device, debug, terms) for new in rounds)
                is_over = self._by_others(given, reporter, executor)
            claims.clear()
            folder.gather()
            records = latest(folder.records())
            update = {"meter": folder.meter_facts(), "grid": GridInfo.of(self._grid(records))}
            folder.write(folder.read().model_copy(update=update))
            summary = None if is_over else self._finished(folder, records)
            return Ending(summary, self._standing(folder, retry))

    def _finished(self, folder: RunFolder, records: Mapping[str, Record]) -> Summary:
        """Write the summary. Raises CellFailed where the one that is there is better."""
        for stage in (one for one in stages(self.plan) if one.is_temporary):
            folder.discard_checkpoint(stage.key)  # what later seeds would have read
        summary = self.summary(self.due(records), records)
        if _is_better(folder, summary):
            failed = summary.failures
            raise CellFailed(
                f"{len(failed)} cells failed that were done before, first in "
                f"{failed[0].stage}: {failed[0].error}; the summary of before is kept"
            )
        folder.write_summary(summary)
        return summary

    def summary(self, of: list[Cell], records: Mapping[str, Record]) -> Summary:
        """Of the cells that are finished or failed."""
        notes = [*map(str, self.data.notes), *beside_note(records.values())]
        made = synthetic(self.data)
        cells = [cell.planned for cell in of]
        grid = self._grid(records)
        return summarize(self.suite, cells, records, grid, synthetic=made, notes=notes)

    def _standing(self, folder: RunFolder, retry: Mapping[str, str]) -> Standing | None:
        """How far the money went, of the cells that are due by now."""
        allowance = self.allowance
        if allowance is None:
            return None
        records = folder.records()
        last = latest(records)
        asked = self.due(last)
        to_come = left(Assignment(folder, asked, retry, self.engine.device.type))
        return Standing(
            budget=allowance.budget,
            spent=allowance.spent(records),
            rest=allowance.rest([stage.key for stage in to_come], records),
            stopped_before=to_come[0].label if to_come else None,
            next=allowance.most(to_come[0].key, records) if to_come else 0.0,
            done=len(self.summary(asked, last).rows),
            cells=len(asked),
        )

    def _grid(self, records: Mapping[str, Record]) -> Grid:
        """A file of hours is for the time at which these were made."""
        return self.grid.of_work(work_of(records.values()))

    def due(self, records: Mapping[str, Record]) -> list[Cell]:
        """The cells that are asked for, as far as can be told by now; see `race.due`."""
        return due(
            self.suite, self.plan, records, lambda of: self.summary(of, records), self.entering
        )

    def _rounds(self, folder: RunFolder, reporter: Reporter) -> Iterator[list[Cell]]:
        """Cells to do, look by look: later seeds follow from what earlier ones gave."""
        asked: list[Cell] = []
        while len(now := self.due(latest(folder.records()))) > len(asked):
            planned = [cell.planned for cell in now]
            now_is = {"cells": planned, "own": require(self.suite)}
            folder.write(folder.read().model_copy(update=now_is))
            if asked:
                told = dict.fromkeys(cell.strategy for cell in now if cell not in asked)
                more = {*told} <= {cell.strategy for cell in asked}
                what = "undecided: more seeds for" if more else "next in the race:"
                reporter.say(f"{what} {', '.join(told)}")
            yield [cell for cell in now if cell not in asked]
            folder.gather()
            asked = now

    def work(
        self,
        folder: RunFolder,
        reporter: Reporter,
        claims: Claims,
        rounds: Iterable[list[Stage]],
        *,
        retry: Mapping[str, str] | None = None,
        note: str = "",
        ranks: Ranks = ALONE,
        debug: bool = False,
    ) -> bool:
        """Do stages in this process, one list after the other; see `Scheduler`. Whether the
        allowance ended it."""
        context, everything = self.context(folder, ranks), stages(self.plan)
        with self._meter() as meter:
            warm_up(context, everything)
            scheduler = Scheduler(
                context, meter, reporter, claims, debug, retry, note, self.allowance
            )
            for planned in rounds:
                scheduler.run(planned, everything)
                if scheduler.is_over:
                    break
            folder.keep_meter_facts(meter.facts())
            ranks.same(None)  # the others may go
        return scheduler.is_over

    def _lead(self, folder: RunFolder, ranks: Ranks) -> None:
        """Tell the other ranks what is run, and wait until they have read its data."""
        ranks.same(str(folder.path))
        ranks.meet()

    def assist(self, folder: RunFolder, ranks: Ranks) -> None:
        """What another rank does while rank 0 works on ``folder``."""
        context, planned = self.context(folder, ranks), stages(self.plan)
        ranks.meet()
        with self._meter() as meter:
            warm_up(context, planned)
            assist(context, meter, planned)

    def _meter(self) -> AbstractContextManager[Meter]:
        return closing(Meter(device=str(self.engine.device), idle_s=_REST_S))

    def context(self, folder: RunFolder, ranks: Ranks = ALONE) -> Context:
        """What its stages work with; their files go to ``folder``."""
        steps = {name: trial.step for name, trial in self.steps.items()}
        return Context(self.suite, self.data, folder, self.engine, self.generic, steps, ranks)

    def _by_others(
        self, rounds: Iterable[Assignment], reporter: Reporter, executor: Executor
    ) -> bool:
        """Whether a budget ended it: an executor that ends early without one raises."""
        for assignment in rounds:
            context = self.context(assignment.folder)
            works = {stage.key: stage.effort(context).work for stage in stages(assignment.plan)}
            follower = Follower(assignment, reporter, works)
            follower.begin()
            if left(assignment):
                executor.work(assignment, follower)
            else:
                reporter.say("every stage is finished: all are reused, nothing is left to run")
            if assignment.terms is not None and left(assignment):
                return True
        return False


def _is_better(folder: RunFolder, summary: Summary) -> bool:
    """Whether the summary that is there has cells that failed now."""
    before = folder.summary() if summary.failures else None
    if before is None:
        return False
    failed = {one.identity for one in summary.failures}
    return any(row.identity in failed for row in before.rows)


def unfinished(out: Path, suite: Suite) -> RunFolder | None:
    """The newest run of the very same suite in ``out`` that did not come to its end."""
    for path in sorted(out.glob(f"{suite.name}-*/run.json"), reverse=True):
        folder = RunFolder(path.parent)
        with suppress(RunError):  # it may be anybody's, and nobody asked for it
            same = folder.read().suite == suite
            if same and not folder.summary_path.exists() and not folder.is_held():
                return folder
    return None


def synthetic(data: Prepared) -> bool:
    """Whether any of the data a result rests on is synthetic."""
    return any(one.synthetic for one in data.sets())


@contextmanager
def _resumable(folder: RunFolder) -> Iterator[None]:
    """Whatever stops a run: say how it goes on."""
    how = f"go on with: greendapt resume {folder.path}"
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped(f"stopped; what was finished is kept; {how}") from None
    except RunError as error:
        raise RunError(f"{error}; then {how}") from error


def _task(task: Task) -> TaskInfo:
    outside = {name: _dataset(one) for name, one in task.external.items()}
    return TaskInfo(development=_dataset(task.development), external=outside)


def _dataset(one: ImageSet) -> DatasetInfo:
    """Counts only: no file name, no patient."""
    counts = {split: int((one.splits == split).sum()) for split in ("train", "val", "test")}
    return DatasetInfo(
        name=one.name,
        images=len(one),
        patients=len(set(one.patients.tolist())),
        classes=list(one.classes),
        task=one.task,
        synthetic=one.synthetic,
        **counts,
    )


def warm_up(context: Context, planned: list[Stage]) -> None:
    """One untimed pass, so that the first strategy does not pay for first calls."""
    size = context.image_size
    for name in {stage.start.backbone for stage in planned}:
        backbone = create_backbone(name, image_size=size).to(context.engine.device)
        images = torch.zeros(8, 3, size, size, device=context.engine.device)
        backbone(images).sum().backward()
