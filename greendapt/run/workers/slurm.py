"""Workers as Slurm jobs, through submitit: a chain of cells a job, all of them one array."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from greendapt.core.errors import RunError, Stopped, SuiteError
from greendapt.disk.files import own, write_json
from greendapt.run.stages.base import Stage
from greendapt.run.workers.chains import chains, common
from greendapt.run.workers.executor import Assignment, Follower, Options, left, unfinished
from greendapt.run.workers.job import Job

JOBS = "slurm.json"
DAY_MIN = 24 * 60
_ASK_S = 5.0
_OVER = {
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "REVOKED",
    "TIMEOUT",
}
_OURS = {"additional_parameters", "array_parallelism", "dependency"}
"""Parameters of a submission that are not the user's."""
_SHARED = "the node may have done other jobs' work too (--slurm exclusive reserves it)"


@dataclass
class Slurm:
    """``workers``: how many jobs run at once (0: as many as there is room for). ``settings``:
    parameters of submitit's Slurm executor, such as partition, time (minutes), gpus_per_node.
    """

    workers: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)
    _looked_s: float = 0.0

    @classmethod
    def of(cls, options: Options) -> Slurm:
        """Raises SuiteError where jobs cannot be submitted so."""
        try:
            from submitit import SlurmExecutor
        except ImportError as error:
            raise SuiteError(
                '--executor slurm needs submitit: pip install "greendapt[slurm]"'
            ) from error
        parameters = SlurmExecutor._valid_parameters() - _OURS
        for name in options.settings.keys() - parameters:
            raise SuiteError(f"--slurm {name}: there is {', '.join(sorted(parameters))}")
        if shutil.which("sbatch") is None:
            raise SuiteError("--executor slurm: no sbatch here; go to a login node of the cluster")
        return cls(options.workers or 0, options.settings)

    def work(self, assignment: Assignment, follower: Follower) -> None:
        """Submit what is left and follow it; jobs of an earlier call that are still there first.

        Ctrl-C leaves the jobs in the queue. Raises RunError where something is left in the end.
        """
        earlier = _alive(_noted(assignment))
        if earlier:
            follower.reporter.say(f"following the jobs that are there: {', '.join(earlier)}")
            self._follow([*earlier], follower)
        if not left(assignment):
            return
        ids = self._submit(assignment)
        write_json(assignment.folder.path / JOBS, ids)
        follower.reporter.say(
            f"submitted: {', '.join(ids)}; logs in {assignment.folder.path / 'logs'}"
        )
        self._follow(ids, follower)
        if left(assignment):
            raise unfinished(assignment, "jobs ended early")

    def _follow(self, ids: list[str], follower: Follower) -> None:
        def over() -> bool:
            if time.monotonic() - self._looked_s < _ASK_S:
                return False
            self._looked_s = time.monotonic()
            return not _alive(ids)

        try:
            follower.until(over)
        except KeyboardInterrupt:
            cancel = f"scancel {' '.join(_main(ids))}"
            raise Stopped(
                f"the jobs go on without this command; to end them: {cancel}; "
                "to follow them, and for the report: "
                f"greendapt resume {follower.assignment.folder.path} --executor slurm"
            ) from None

    def _submit(self, assignment: Assignment) -> list[str]:
        undone = {stage.key for stage in left(assignment)}
        groups = [of for of in chains(assignment.plan) if any(stage.key in undone for stage in of)]
        first = [stage for stage in common(groups) if stage.key in undone]
        ids = self._array(assignment, [first], {}) if first else []
        wait = {"dependency": f"afterany:{':'.join(_main(ids))}"} if ids else {}
        return ids + self._array(assignment, groups, wait)

    def _array(
        self, assignment: Assignment, groups: list[list[Stage]], settings: Mapping[str, Any]
    ) -> list[str]:
        import submitit

        executor = submitit.SlurmExecutor(folder=own(assignment.folder.path.resolve() / "logs"))
        executor.update_parameters(
            **{"job_name": "greendapt", "time": DAY_MIN, **self.settings, **settings},
            array_parallelism=self.workers or len(groups),
            additional_parameters={"requeue": True},
        )
        note = "" if self.settings.get("exclusive") else _SHARED
        jobs = [Job.of(assignment, of, note) for of in groups]
        try:
            with executor.batch():
                submitted = [executor.submit(job) for job in jobs]
        except (submitit.core.utils.FailedJobError, subprocess.CalledProcessError) as error:
            reason = str(error).strip().splitlines()[-1]
            raise RunError(f"Slurm took no job: {reason}") from error
        return [job.job_id for job in submitted]


def _main(ids: list[str]) -> list[str]:
    """Of arrays the array."""
    return list(dict.fromkeys(one.partition("_")[0] for one in ids))


def _noted(assignment: Assignment) -> list[str]:
    """Jobs that an earlier call submitted."""
    try:
        return [*map(str, json.loads(own(assignment.folder.path / JOBS).read_bytes()))]
    except (OSError, ValueError, TypeError):
        return []


def _alive(ids: list[str]) -> list[str]:
    """Of ``ids`` those that wait or run. All, while Slurm does not answer."""
    if not ids:
        return []
    command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i %T", "--jobs"]
    answer = subprocess.run(
        [*command, ",".join(_main(ids))], capture_output=True, text=True, check=False
    )
    if answer.returncode and "Invalid job id" not in answer.stderr:
        return ids
    states = dict(line.split(maxsplit=1) for line in answer.stdout.splitlines() if line.strip())
    return [one for one in ids if one in states and states[one].strip() not in _OVER]
