"""Run a plan: what is finished is reused, what fails fails alone, what is done is on the disk."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from greendapt.bench import generic
from greendapt.bench.outcome import Outcome
from greendapt.bench.plan import Cell, Stage, stages
from greendapt.bench.predict import work
from greendapt.bench.progress import Reporter
from greendapt.bench.work import do
from greendapt.bench.workbench import Workbench
from greendapt.core.errors import RunError
from greendapt.core.figures import Figure
from greendapt.core.records import SCHEMA, Record
from greendapt.meter import Meter, Window
from greendapt.store.run import latest


@dataclass
class Executor:
    """Works through cells; ``records`` is the run so far, last record of each stage."""

    bench: Workbench
    meter: Meter
    reporter: Reporter
    debug: bool = False
    records: dict[str, Record] = field(default_factory=dict)

    def run(self, cells: list[Cell]) -> dict[str, Record]:
        """Every stage of every cell, each once. Returns the records by key."""
        self.records = latest(self.bench.folder.records())
        planned = stages(cells)
        works = {stage.key: work(self.bench, stage) for stage in planned}
        self.reporter.total(len(planned), sum(works.values()))
        needed = self._needed(planned)
        if not needed:
            self.reporter.say("every stage is finished: all are reused, nothing is left to run")
        broken: set[str] = set()
        last_reader = {stage.prefix.key: stage.key for stage in planned if stage.prefix}
        for stage in planned:
            if any(parent.key in broken for parent in stage.reads):
                broken.add(stage.key)
                self.records.pop(stage.key, None)
                self.reporter.skip(stage.label, works[stage.key], "left out, a stage before failed")
                continue
            reason = needed.get(stage.key)
            if reason is None:
                finished = self.records[stage.key].started_at
                self.reporter.skip(stage.label, works[stage.key], f"reused, done {finished}")
            elif not self._do(stage, works[stage.key], reason):
                broken.add(stage.key)
            if stage.prefix and last_reader[stage.prefix.key] == stage.key:
                self.bench.folder.discard_checkpoint(stage.prefix.key)
        return self.records

    def _needed(self, planned: list[Stage]) -> dict[str, str]:
        """Which stages run, and why; a stage whose files are gone runs only if they are read."""
        needed: dict[str, str] = {}
        keys = {stage.key for stage in planned}
        changed = {record.label for key, record in self.records.items() if key not in keys}
        for stage in planned:
            record = self.records.get(stage.key)
            if record is None and stage.label in changed:
                needed[stage.key] = "runs again, its data or weights changed"
            elif record is None:
                needed[stage.key] = "runs, not finished before" if self.records else ""
            elif record.status == "failed":
                needed[stage.key] = "runs again, it failed before"
        read = [parent for stage in planned if stage.key in needed for parent in stage.reads]
        while read:
            stage = read.pop()
            if stage.key not in needed and not self._has_output(stage):
                needed[stage.key] = "runs again, its files are gone and a later stage reads them"
                read += stage.reads
        return needed

    def _has_output(self, stage: Stage) -> bool:
        if stage.kind == "pretrain":
            return generic.kept_record(stage) is not None
        if self.records[stage.key].details.get("stored") is False:
            return True  # it could not be stored: what reads it takes the plain way
        return self.bench.folder.checkpoint(stage.key).is_dir()

    def _do(self, stage: Stage, predicted: float, reason: str) -> bool:
        self.reporter.start(stage.label, predicted, reason)
        if stage.kind == "pretrain":
            record = self._pretrain(stage)
        else:
            advance = self.reporter.advance
            record = self._metered(
                stage, lambda window: do(self.bench, stage, advance, window.energy_so_far_j)
            )
        self.bench.folder.append(record)
        self.records[stage.key] = record
        wall_s = record.figures["wall_s"].value if "wall_s" in record.figures else 0.0
        self.reporter.finish(wall_s or 0.0)
        if record.status == "failed":
            self.reporter.say(f"failed: {stage.label}: {record.error}")
        return record.status == "done"

    def _pretrain(self, stage: Stage) -> Record:
        """Generic weights are made once a machine; afterwards their first record counts."""
        with generic.building(stage):
            kept = generic.kept_record(stage)
            if kept is not None:
                return kept.model_copy(update={"key": stage.key, "label": stage.label})
            suite, engine = self.bench.suite, self.bench.engine
            record = self._metered(
                stage, lambda _: generic.pretrain(suite, stage, engine, self.reporter.advance)
            )
            if record.status == "done":
                generic.keep_record(stage, record)
            return record

    def _metered(self, stage: Stage, job: Callable[[Window], Outcome]) -> Record:
        """The job inside a meter window; an exception becomes a failed record."""
        record = Record(
            schema=SCHEMA,
            key=stage.key,
            kind=stage.kind,
            role=stage.role,
            label=stage.label,
            parents=[parent.key for parent in stage.reads],
            started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        try:
            with self.meter.window() as window:
                outcome = job(window)
        except RunError:
            raise
        except Exception as error:
            if self.debug:
                traceback.print_exc(file=sys.stderr)
            return record.model_copy(update={"status": "failed", "error": _sentence(error)})
        if outcome.warning:
            self.reporter.say(f"warning: {outcome.warning}")
        source = "operators of one step, times what ran"
        flops = Figure.measured(outcome.training_flops, "FLOP", source)
        return record.model_copy(
            update={
                "figures": {**window.figures, "training_flops": flops},
                "metrics": outcome.metrics,
                "details": outcome.details,
            }
        )


def _sentence(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__
