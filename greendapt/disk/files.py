"""Whole files or none: atomic writes, synced before anything names them, never through a link."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePath
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
    """Replace ``path`` by ``data``: a reader, a kill or a power cut sees the old file or the new
    one. A link there is replaced, not followed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with disk_errors(path):
        try:
            temporary.unlink(missing_ok=True)
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        except BaseException:
            with suppress(OSError):  # the first error is the one to tell
                temporary.unlink(missing_ok=True)
            raise


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill; it becomes ``path``, and replaces it, when the block ends, or is removed.
    What is in it is on the disk before that.

    For one writer at a time: what a killed one left behind is removed first. One that was only
    thought to be dead then fails, and does not write among another's files.
    """
    for left in path.parent.glob(f".{path.name}.*.tmp"):
        shutil.rmtree(left, ignore_errors=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    temporary.mkdir(parents=True)
    try:
        yield temporary
        for written in temporary.iterdir():
            sync_file(written)
        sync_folder(temporary)
        shutil.rmtree(path, ignore_errors=True)
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def sync_file(path: Path) -> None:
    """Its bytes are on the disk when this returns."""
    with path.open("rb+") as file:  # not all systems sync what is open for reading alone
        os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """So are the names in it, where the system can say so."""
    if os.name == "nt":
        return
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def digest_of(path: Path) -> str:
    """Of the bytes of a file. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def own(path: Path) -> Path:
    """``path``, of a run folder that may come from a stranger; RunError where it is a link, or
    what waits or never ends when it is read (a pipe, a device)."""
    try:
        mode = path.lstat().st_mode
    except OSError:  # whoever opens it says it better
        return path
    if stat.S_ISLNK(mode):
        raise RunError(
            f"{path} is a symbolic link, which a run folder never holds; nothing was read or "
            "written through it: remove it"
        )
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise RunError(f"{path} is neither a file nor a folder, and was not opened: remove it")
    return path


def within(folder: Path, name: str) -> Path:
    """``name`` in a run ``folder``, each step its `own`; RunError where it leads out of it."""
    path = folder
    for step in PurePath(name).parts:
        if step == ".." or PurePath(step).anchor:
            raise RunError(f"{folder}: '{name}' leads out of the run folder; nothing was opened")
        path = own(path / step)
    return path


def write_json(path: Path, value: Any) -> None:
    write_atomic(path, (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """The JSON in ``path``; RunError when it is absent or broken."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise RunError(f"{path.parent} is no run folder: it has no {path.name}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"cannot read {path}: {error}") from error
