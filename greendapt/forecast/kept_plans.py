"""The newest plan of each suite on this machine: a run that follows takes it along."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from greendapt.core.keys import key_of
from greendapt.disk.cache import cache_folder
from greendapt.disk.files import disk_errors, write_atomic
from greendapt.store.forecasts import Forecast
from greendapt.suite.models import Suite


def keep_plan(suite: Suite, fingerprint: str, plan: Forecast) -> None:
    """In the user's cache; ``fingerprint`` is that of machine and software."""
    path = _path(suite, fingerprint)
    with disk_errors(path, "GREENDAPT_CACHE"):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, plan.model_dump_json(by_alias=True).encode())


def kept_plan(suite: Suite, fingerprint: str) -> Forecast | None:
    """The plan made for this very suite on this machine with this software, if there is one."""
    try:
        return Forecast.model_validate_json(_path(suite, fingerprint).read_bytes())
    except (OSError, ValidationError):  # absent, or of another version: no plan
        return None


def _path(suite: Suite, fingerprint: str) -> Path:
    key = key_of(suite=suite, machine=fingerprint)
    return cache_folder() / "plans" / f"{key}.json"
