"""What one worker process does: some stages of a run, in the folder that all workers share."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from greendapt.core.errors import GreendaptError, RunError
from greendapt.core.machine import libc
from greendapt.core.terminal import clean_streams, say
from greendapt.run.allowance import Allowance, Terms
from greendapt.run.plan import stages
from greendapt.run.prepare import prepare_session
from greendapt.run.progress import PlainReporter
from greendapt.run.stages.base import Stage
from greendapt.run.workers.claims import Claims
from greendapt.run.workers.executor import Assignment
from greendapt.store.run import RunFolder
from greendapt.suite.own_code import require, trust

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
SPENT = 3
"""Exit code of a worker that a budget ended."""


@dataclass(frozen=True)
class Job:
    """``stages``: keys, parents first. ``retry`` and ``note``: see `Scheduler`. ``terms``: of the
    budget, if there is one. ``own``: the files of the suite's own code, by their digests, that the
    process which shares out the work was allowed to run. Called, it says whether the budget ended
    it."""

    run: str
    stages: tuple[str, ...]
    retry: dict[str, str]
    note: str = ""
    debug: bool = False
    terms: Terms | None = None
    own: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, assignment: Assignment, stages: list[Stage], note: str = "") -> Job:
        """Some stages of an assignment, parents first; ``note``: what is to be said of energy."""
        keys = tuple(stage.key for stage in stages)
        path = str(assignment.folder.path.resolve())
        own = require(assignment.folder.read().suite)
        return cls(
            path, keys, dict(assignment.retry), note, assignment.debug, assignment.terms, own
        )

    def __call__(self) -> bool:
        """Do the stages. Raises RunError where the run's data is another than it was."""
        claims = Claims(RunFolder(Path(self.run)).claims)
        folder = RunFolder(Path(self.run), claims.worker.name)
        reporter = PlainReporter()
        before = folder.read()
        if self.own:
            trust(before.suite, self.own)
        session = prepare_session(before.suite, reporter.say, before)
        if self.terms is not None:
            session = replace(session, allowance=Allowance(self.terms, session.grid.of_work))
        everything = {stage.key: stage for stage in stages(session.plan)}
        if not everything.keys() >= {*self.stages}:
            raise RunError(f"the data or weights of {self.run} changed while it ran")
        return session.work(
            folder,
            reporter,
            claims,
            [[everything[key] for key in self.stages]],
            retry=self.retry,
            note=self.note,
            debug=self.debug,
        )

    def checkpoint(self) -> Any:
        """What submitit starts again when the job's time is over, or the job is preempted."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)

    def as_json(self) -> str:
        return TypeAdapter(Job).dump_json(self).decode()


def _die_with_parent() -> None:
    """A killed run leaves no worker behind (Linux; elsewhere workers finish their stages)."""
    prctl = libc("prctl")
    if prctl is not None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:  # it was killed before this took hold
        sys.exit(1)


def main() -> int:
    """``python -m greendapt.run.workers.job``: the job is JSON on stdin."""
    _die_with_parent()
    job = TypeAdapter(Job).validate_json(sys.stdin.buffer.read())
    with clean_streams():
        return _worked(job)


def _worked(job: Job) -> int:
    try:
        return SPENT if job() else 0
    except GreendaptError as error:
        say(f"greendapt: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
