"""Reads a run folder and leaves its reports beside the figures."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from greendapt.core.errors import RunError
from greendapt.report.formats import table
from greendapt.report.view.from_run import view
from greendapt.store.run import RunFolder
from greendapt.store.runinfo import RunData

Read = TypeVar("Read")


def load_run(folder: Path) -> RunData:
    """The run in ``folder``. RunError when it is no run, not finished, or damaged."""
    if not folder.is_dir():
        raise RunError(f"{folder} is not a folder; a run lies in runs/<suite>-<time>/")
    run = RunFolder(folder).finished()
    if not run.records:
        raise RunError(f"{folder}/records.jsonl holds no record; try: greendapt resume {folder}")
    return run


def write_reports(folder: Path) -> list[Path]:
    """report.html, report.md and report.svg (where there is something to draw) in ``folder``.

    Each file appears whole or not at all. RunError when the folder cannot be read or written.
    """
    run = load_run(folder)
    return table.write(run, view(run), table.USUAL, folder)
