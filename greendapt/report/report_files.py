"""Reads a run folder and leaves its reports beside the figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from greendapt.core.errors import RunError
from greendapt.core.records import SCHEMA, Summary
from greendapt.report.formats import table
from greendapt.report.view.from_run import view
from greendapt.store.run import RunFolder
from greendapt.store.runinfo import RunData, RunInfo

Read = TypeVar("Read")


def load_run(folder: Path) -> RunData:
    """The run in ``folder``. RunError when it is no run, not finished, or damaged."""
    if not folder.is_dir():
        raise RunError(f"{folder} is not a folder; a run lies in runs/<suite>-<time>/")
    if not (folder / "run.json").is_file():
        raise RunError(f"{folder} is not a run: it has no run.json")
    info = _read(folder, "run.json", RunInfo.model_validate_json)
    summary = _read(folder, "summary.json", Summary.model_validate_json)
    records = tuple(RunFolder(folder).records())
    if not records:
        raise RunError(f"{folder}/records.jsonl holds no record; try: greendapt resume {folder}")
    newest = max(info.schema_version, summary.schema_version)
    if newest > SCHEMA:
        raise RunError(
            f"{folder} has schema {newest}, this greendapt reads {SCHEMA}: it is newer; "
            "upgrade greendapt"
        )
    return RunData(info, records, summary)


def _read(folder: Path, name: str, parse: Callable[[str], Read]) -> Read:
    path = folder / name
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(
            f"{path} is missing: the run is not finished; go on with: greendapt resume {folder}"
        ) from None
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}") from error
    except (ValidationError, ValueError) as error:
        raise RunError(
            f"{path} is damaged ({_first(error)}); try: greendapt resume {folder}"
        ) from error


def _first(error: ValueError) -> str:
    """The first thing wrong, in one line."""
    if isinstance(error, ValidationError):
        worst = error.errors(include_url=False, include_context=False)[0]
        where = ".".join(map(str, worst["loc"]))
        return f"{where}: {worst['msg']}" if where else str(worst["msg"])
    return str(error).splitlines()[0]


def write_reports(folder: Path) -> list[Path]:
    """report.html, report.md and report.svg (where there is something to draw) in ``folder``.

    Each file appears whole or not at all. RunError when the folder cannot be read or written.
    """
    run = load_run(folder)
    return table.write(run, view(run), table.USUAL, folder)
