"""The line to the wall that readings of a plug meter gave, kept for this machine."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from pathlib import Path

import psutil
from pydantic import ValidationError

from greendapt.core.keys import key_of
from greendapt.core.wall_fit import WallFit
from greendapt.disk.cache import cache_folder
from greendapt.disk.files import disk_errors, write_atomic


def keep_fit(fit: WallFit, gpus: Sequence[str]) -> None:
    """In the user's cache, for when the GPUs of these names are counted. Raises RunError."""
    path = _path(gpus)
    with disk_errors(path, "GREENDAPT_CACHE"):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, fit.model_dump_json(indent=2).encode() + b"\n")


def kept_fit(gpus: Sequence[str]) -> WallFit | None:
    """None where no reading was taken on this machine with these GPUs counted."""
    try:
        return WallFit.model_validate_json(_path(gpus).read_bytes())
    except (OSError, ValidationError):  # absent, or of another version: no reading
        return None


def _path(gpus: Sequence[str]) -> Path:
    # with other memory it is another line; the host's name stays on this machine
    memory_gb = round(psutil.virtual_memory().total / 1e9)
    key = key_of(host=socket.gethostname(), memory_gb=memory_gb, gpus=sorted(gpus))
    return cache_folder() / "wall" / f"{key}.json"
