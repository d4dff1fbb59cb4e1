"""Workers on this machine: processes that take the stages of a run from one list, by claims."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch

from greendapt.core.errors import SuiteError
from greendapt.disk.files import disk_errors, own
from greendapt.run.plan import stages
from greendapt.run.workers.executor import Assignment, Follower, Options, left, unfinished
from greendapt.run.workers.job import SPENT, Job

_STOP_S = 5.0


@dataclass(frozen=True)
class Local:
    """``workers`` processes. Each GPU goes to one of them while there are enough."""

    workers: int = 1

    @classmethod
    def of(cls, options: Options) -> Local:
        """One worker, if nothing else is said: CPU counters are the processor's, so that two at
        once would each be charged for both."""
        if options.settings:
            raise SuiteError("--slurm: give --executor slurm with it")
        return cls(options.workers or 1)

    def work(self, assignment: Assignment, follower: Follower) -> None:
        """Raises RunError where workers ended and left something undone, but for a budget."""
        job = Job.of(assignment, stages(assignment.plan))
        logs = own(assignment.folder.path / "logs")
        with disk_errors(logs):
            logs.mkdir(exist_ok=True)
        with ExitStack() as ending:
            device = assignment.device
            workers = [self._start(job, number, logs, device) for number in range(self.workers)]
            for process in workers:
                ending.callback(_stop, process)
            follower.until(lambda: all(process.poll() is not None for process in workers))
        codes = [process.returncode for process in workers]
        if left(assignment) and {*codes} not in ({SPENT}, {SPENT, 0}):
            ended = ", ".join(f"worker {n} with {code}" for n, code in enumerate(codes) if code)
            raise unfinished(assignment, f"workers ended early ({ended})")

    def _start(self, job: Job, number: int, logs: Path, device: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "greendapt.run.workers.job"]
        with own(logs / f"local-{number}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment(number, device)},
            )
        assert process.stdin is not None
        with process.stdin as stdin:
            stdin.write(job.as_json().encode())
        return process

    def _environment(self, number: int, device: str) -> dict[str, str]:
        """A GPU, or an equal part of the cores, for each."""
        if device == "cuda" and torch.cuda.device_count() > 1:
            visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
            gpus = visible.split(",") if visible else [*map(str, range(torch.cuda.device_count()))]
            return {"CUDA_VISIBLE_DEVICES": gpus[number % len(gpus)]}
        if self.workers > 1 and "OMP_NUM_THREADS" not in os.environ:
            return {"OMP_NUM_THREADS": str(max(1, torch.get_num_threads() // self.workers))}
        return {}


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
