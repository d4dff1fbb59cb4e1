"""From ``--executor`` and its options to who does the stages."""

from __future__ import annotations

from collections.abc import Sequence

from greendapt.core.errors import SuiteError
from greendapt.core.machine import launched
from greendapt.run.workers.executor import EXECUTORS, Executor, Options


def executor(name: str | None, workers: int | None, settings: Sequence[str]) -> Executor | None:
    """None: this process does all. Raises SuiteError for what does not go together."""
    if name is None:
        if settings:
            raise SuiteError("--slurm: give --executor slurm with it")
        if workers is not None:
            raise SuiteError("--workers: give --executor local or slurm with it")
        return None
    if name not in EXECUTORS:
        raise SuiteError(f"--executor {name}: there is {' and '.join(EXECUTORS.names())}")
    if launched():
        raise SuiteError("--executor: torchrun shares each training already; give one of the two")
    return EXECUTORS.get(name)(Options(workers, dict(map(_setting, settings))))


def _setting(text: str) -> tuple[str, str | int | bool]:
    """``partition=gpu``, ``time=120``, ``exclusive``."""
    key, equals, value = text.partition("=")
    if not equals:
        return key, True
    return key, int(value) if value.isdecimal() else value
