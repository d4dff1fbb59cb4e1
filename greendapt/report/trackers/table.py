"""The trackers that ``greendapt export RUN --to NAME`` knows."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from greendapt.core.errors import RunError
from greendapt.core.hints import did_you_mean
from greendapt.disk.files import disk_errors
from greendapt.report.trackers.cell_logs import RunLog, run_log
from greendapt.store.runinfo import RunData

Write = Callable[[RunLog, Path], str]
"""Logs a run, in a new folder where it needs one; what to type to see it, or to send it on."""

TRACKERS = {
    name: f"greendapt.report.trackers.to_{name}"
    for name in ("mlflow", "tensorboard", "trackio", "wandb")
}
"""A module with a function ``write``, which imports what the extra of that name brings."""


@dataclass(frozen=True)
class Tracked:
    """``next_step``: a command that shows what lies in ``folder``."""

    folder: Path
    next_step: str


def track(run: RunData, path: Path, name: str, out: Path | None = None) -> Tracked:
    """Log the cells of ``run``, whose folder is ``path``, with the tracker ``name`` into the folder
    ``out`` (None: one in ``exports/`` of the run).

    Nothing goes over a network, but to a server that the tracker's own environment variables name.
    Raises RunError for an unknown tracker, one that is not installed, and a folder with files.
    """
    if name not in TRACKERS:
        hint = did_you_mean(name, TRACKERS) or f"there is: {', '.join(TRACKERS)}"
        raise RunError(f"--to {name}: no such tracker; {hint}")
    folder = (path / "exports" / name if out is None else out).resolve()
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise RunError(f"export: {folder} holds files already: name another folder with --out")
    os.environ.setdefault("DO_NOT_TRACK", "true")  # a tracker's own telemetry
    write: Write = import_module(TRACKERS[name]).write
    log = run_log(run, path.resolve().name)
    try:
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            return Tracked(folder, write(log, folder))
    except ImportError as error:
        folder.rmdir()
        raise RunError(
            f"--to {name} needs {name}, which cannot be imported ({error}); "
            f"try: python -m pip install 'greendapt[{name}]'"
        ) from error
