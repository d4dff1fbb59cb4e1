"""Run a plan: what is finished is reused, what fails fails alone, what is done is on the disk."""

from __future__ import annotations

import time
import traceback
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from greendapt.core.disturbance import of_surroundings
from greendapt.core.errors import GreendaptError, RunError
from greendapt.core.figures import Figure
from greendapt.core.own_code import place_of
from greendapt.core.records import Record
from greendapt.core.terminal import say
from greendapt.meter import Meter
from greendapt.run.allowance import Allowance
from greendapt.run.context import Context
from greendapt.run.progress import Reporter
from greendapt.run.stages.base import Monitor, Stage
from greendapt.run.workers.claims import Claim, Claims
from greendapt.run.workers.ranks import Leader
from greendapt.run.workers.same_machine import Neighbours, labelled
from greendapt.store.run import Growing

POLL_S = 0.5
"""How often a stage is asked for again that another worker does."""
_GONE = "runs again, its files are gone and a later stage reads them"
_DAMAGED = "runs again, its files are not what was written and a later stage reads them"


@dataclass
class Scheduler:
    """Works through stages, each under a claim.

    ``retry``: which failed records are from before (stage -> when it started); those run again, and
    others are failures of this very run. None: all that are there at the start.
    ``note``: what is to be said of the energy figures. ``allowance``: asked before every stage;
    ``is_over`` once it had no room for one, which ends the work.
    """

    context: Context
    meter: Meter
    reporter: Reporter
    claims: Claims
    debug: bool = False
    retry: Mapping[str, str] | None = None
    note: str = ""
    allowance: Allowance | None = None
    is_over: bool = field(default=False, init=False)
    _written: Growing = field(init=False)
    _before: dict[str, Record] = field(default_factory=dict)
    _needed: dict[str, str] = field(default_factory=dict)
    _readers: dict[str, list[str]] = field(default_factory=dict)
    _broken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._written = Growing(self.context.folder)

    @property
    def records(self) -> dict[str, Record]:
        """The run so far, last of each stage."""
        return self._written.last

    def run(self, planned: list[Stage], among: list[Stage] | None = None) -> dict[str, Record]:
        """Every stage, parents first, each once. Returns the records by key.

        ``among``: all stages of the run, where ``planned`` is a part of them.
        """
        self._before = dict(self._written.refresh())
        works = {stage.key: stage.effort(self.context).work for stage in planned}
        self.reporter.total(len(planned), sum(works.values()))
        self._needed = self._find_needed(planned)
        self._readers = _readers(among or planned)
        if not self._needed:
            self.reporter.say("every stage is finished: all are reused, nothing is left to run")
        waiting = planned
        while waiting:
            held: dict[str, Stage] = {}
            for stage in waiting:
                ready = all(parent.key not in held for parent in stage.reads)
                if ready and self._settle(stage, works[stage.key]):
                    self._discard(stage)
                else:
                    held[stage.key] = stage
                if self.is_over:
                    return self.records
            if len(held) == len(waiting):
                time.sleep(POLL_S)
            waiting = list(held.values())
        return self.records

    def _settle(self, stage: Stage, predicted: float) -> bool:
        """Do a stage, or see that nothing is to be done; False while another worker does it, or
        there is no money for it."""
        if any(parent.key in self._broken for parent in stage.reads):
            self._broken.add(stage.key)
            self.reporter.skip(stage.label, predicted, "left out, a stage before failed")
            return True
        reason = self._needed.get(stage.key)
        if reason is None:
            finished = self.records[stage.key].started_at
            self.reporter.skip(stage.label, predicted, f"reused, done {finished}")
            return True
        with self.claims.take(stage.key) as claim:
            if claim is None:
                return False
            self._written.refresh()
            if self._is_new(stage.key):
                status = self.records[stage.key].status
                self.reporter.skip(stage.label, predicted, f"{status} by another worker")
                if status == "failed":
                    self._broken.add(stage.key)
                return True
            needed_by = (key for key in self._readers[stage.key] if key in self._needed)
            if reason in (_GONE, _DAMAGED) and all(map(self._is_new, needed_by)):
                # thrown away after its last reader, between our look at records and that at files
                self.reporter.skip(stage.label, predicted, "what reads it is done")
                return True
            return self._is_allowed(stage) and self._do(stage, predicted, reason, claim)

    def _is_allowed(self, stage: Stage, paid: Sequence[Record] = ()) -> bool:
        """Whether the budget has room for a stage that we have claimed, after what was ``paid`` and
        is not written yet. Without the others' stages it has none: the work is over."""
        if self.allowance is None:
            return True
        claimed = self.claims.held()  # before the records: who ends in between counts, not never
        self._written.refresh()
        held = [key for key in claimed if key in self._needed and not self._is_new(key)]
        records = [*self._written.every, *paid]
        if self.allowance.allows(stage.key, records, held):
            return True
        self.is_over = not paid and not (held and self.allowance.allows(stage.key, records))
        return False

    def _is_new(self, key: str) -> bool:
        """Whether a stage was done since we began."""
        return key in self.records and self.records[key] != self._before.get(key)

    def _discard(self, stage: Stage) -> None:
        """Throw temporary files away after the last of those that read them."""
        for read in (one for one in stage.reads if one.is_temporary):
            if all(key in self.records or key in self._broken for key in self._readers[read.key]):
                self.context.folder.discard_checkpoint(read.key)

    def _find_needed(self, planned: list[Stage]) -> dict[str, str]:
        """Which stages run, and why; a stage whose files are gone runs only if they are read."""
        needed: dict[str, str] = {}
        keys = {stage.key for stage in planned}
        changed = {record.label for key, record in self.records.items() if key not in keys}
        for stage in planned:
            record = self.records.get(stage.key)
            if record is None and stage.label in changed:
                needed[stage.key] = "runs again, its data, weights or own code changed"
            elif record is None:
                needed[stage.key] = "runs, not finished before" if self.records else ""
            elif record.status == "failed":
                if self.retry is None or self.retry.get(stage.key) == record.started_at:
                    needed[stage.key] = "runs again, it failed before"
                else:
                    self._broken.add(stage.key)
        read = [parent for stage in planned if stage.key in needed for parent in stage.reads]
        while read:
            stage = read.pop()
            if stage.key not in {*needed, *self._broken} and not self._has_output(stage):
                folder, needed[stage.key] = self.context.folder, _GONE
                if folder.checkpoint(stage.key).is_dir():
                    damage = folder.damage(self.records[stage.key])
                    self.reporter.say(f"warning: {stage.label}: {damage}")
                    needed[stage.key] = _DAMAGED
                read += stage.reads
        return needed

    def _has_output(self, stage: Stage) -> bool:
        return stage.has_output(self.context.folder, self.records[stage.key])

    def _do(self, stage: Stage, predicted: float, reason: str, claim: Claim) -> bool:
        self.reporter.start(stage.label, predicted, reason)
        record = stage.recorded(lambda: self._metered(stage))
        first, record = self._measured_again(stage, record)
        if not claim.is_mine():
            self.reporter.say(f"{stage.label}: taken over by another worker, its record counts")
            return False
        for one in (*first, record):
            self._written.append(one)
        if record.details.warning:
            self.reporter.say(f"warning: {record.details.warning}")
        self.reporter.finish(record.value("wall_s") or 0.0)
        if record.status == "failed":
            self.reporter.say(f"failed: {stage.label}: {record.error}")
            self._broken.add(stage.key)
        return True

    def _measured_again(self, stage: Stage, record: Record) -> tuple[list[Record], Record]:
        """What was paid before, and the record that counts: a second one where something disturbed
        the first and the stage is cheap. Nobody reads its files before both are written."""
        disturbed = of_surroundings(record)
        wall_s, limit_s = record.value("wall_s"), self.context.suite.run.remeasure
        if not disturbed or not wall_s or wall_s > limit_s or stage.in_cache:
            return [], record
        if not self._is_allowed(stage, [record]):
            return [], record
        self.reporter.say(f"{stage.label}: runs once more, {'; '.join(disturbed)}")
        return [record], self._metered(stage)

    def _metered(self, stage: Stage) -> Record:
        """The stage inside a meter window; an exception becomes a failed record."""
        record = stage.record(datetime.now(UTC).isoformat(timespec="seconds"))
        neighbours = Neighbours(self.context.folder, self.claims)
        team = Leader(self.context.ranks)
        try:
            with self.meter.window() as window, team.at(stage):
                monitor = Monitor(self.reporter.advance, window.energy_so_far_j, self.meter.window)
                outcome = stage.run(self.context, monitor)
            share = team.share(window)
        except RunError:
            raise
        except Exception as error:
            if self.debug:
                say(traceback.format_exc())
            return record.model_copy(update={"status": "failed", "error": _sentence(error)})
        source = "operators of one step, times what ran"
        flops = Figure.measured(outcome.training_flops, "FLOP", source)
        beside = neighbours.count()
        figures = labelled(share.figures(), beside, self.note)
        return record.model_copy(
            update={
                "figures": {**figures, "training_flops": flops},
                "metrics": outcome.metrics,
                "details": outcome.details.model_copy(update={"beside": beside}),
                "conditions": share.ran_under,
            }
        )


def _readers(of: list[Stage]) -> dict[str, list[str]]:
    """Stage -> those ``of`` that read it."""
    readers: dict[str, list[str]] = defaultdict(list)
    for stage in of:
        for parent in stage.reads:
            readers[parent.key].append(stage.key)
    return readers


def _sentence(error: Exception) -> str:
    text = str(error).strip().splitlines()
    what = f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
    place = "" if isinstance(error, GreendaptError) else place_of(error)
    return f"{place}: {what}" if place else what
