"""Whole files or none: atomic writes, and errors of the disk in one sentence."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from greendapt.core.errors import RunError


@contextmanager
def disk_errors(path: Path, other: str = "--out") -> Iterator[None]:
    """Turn what the disk refuses into a RunError that names the place.

    ``other`` says what chooses another folder.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        what = getattr(error, "strerror", None) or error
        raise RunError(
            f"cannot write {path}: {what}; free space, or choose another folder with {other}"
        ) from error


def write_atomic(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data``: a reader, or a kill, sees the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with disk_errors(path):
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):  # the first error is the one to tell
                temporary.unlink(missing_ok=True)
            raise


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill; it becomes ``path``, and replaces it, when the block ends, or is removed.

    For one writer at a time: what a killed one left behind is removed first. One that was only
    thought to be dead then fails, and does not write among another's files.
    """
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        shutil.rmtree(left, ignore_errors=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        shutil.rmtree(path, ignore_errors=True)
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    write_atomic(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """The JSON in ``path``; RunError when it is absent or broken."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise RunError(f"{path.parent} is no run folder: it has no {path.name}") from error
    except (OSError, ValueError) as error:
        raise RunError(f"cannot read {path}: {error}") from error
