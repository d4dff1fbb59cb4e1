"""From ``--executor`` and its options to who does the stages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from greendapt.core.errors import SuiteError
from greendapt.run.workers.executor import Crew
from greendapt.run.workers.local import Local
from greendapt.run.workers.slurm import Slurm
from greendapt.train.parallel import launched


def crew(name: str | None, workers: int | None, slurm: Sequence[str]) -> Crew | None:
    """None: this process does all. Raises SuiteError for what does not go together."""
    if slurm and name != "slurm":
        raise SuiteError("--slurm: give --executor slurm with it")
    if workers is not None and name is None:
        raise SuiteError("--workers: give --executor local or slurm with it")
    if name is None:
        return None
    if launched():
        raise SuiteError("--executor: torchrun shares each training already; give one of the two")
    if name == "local":
        # one, on any machine: CPU counters are the processor's, so that two workers at once
        # would each be charged for both
        return Local(workers or 1)
    if name != "slurm":
        raise SuiteError(f"--executor {name}: there is local and slurm")
    return Slurm.checked(workers or 0, dict(map(_setting, slurm)))


def _setting(text: str) -> tuple[str, Any]:
    """``partition=gpu``, ``time=120``, ``exclusive``."""
    key, equals, value = text.partition("=")
    if not equals:
        return key, True
    return key, int(value) if value.isdecimal() else value
