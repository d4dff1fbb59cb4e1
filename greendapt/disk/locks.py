"""Files that one process holds at a time, on every system; a kill lets go of them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

with warnings.catch_warnings():  # that a system has no locks: `_lock_file` is for those
    warnings.simplefilter("ignore")
    from filelock import FileLock, Timeout, has_fcntl, lock_descriptor


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold ``path``, which is made where there is none, while the block runs; what it holds is left
    as it is, and a link is not followed.

    Raises BlockingIOError where another process holds it and ``wait`` is False; OSError.
    """
    lock = FileLock(_lock_file(path), timeout=-1 if wait else 0)
    try:
        lock.acquire()
    except Timeout as error:
        raise BlockingIOError(f"another process holds {path}") from error
    try:
        yield
    finally:
        lock.release()


def is_locked(path: Path) -> bool:
    """Whether a process holds it now. Raises OSError."""
    path = _lock_file(path)
    if not path.exists():
        return False
    try:
        with locked(path, wait=False):
            return False
    except BlockingIOError:
        return True
    except PermissionError:  # one's own it is not: held for a moment without writing to it
        with path.open("rb") as file:
            return not lock_descriptor(file.fileno(), blocking=False)


def _lock_file(path: Path) -> Path:
    """Where a system has no locks, a file that is there is one: it must not be ``path``, which
    another system that shares the folder may have left there."""
    has_locks = has_fcntl or sys.platform == "win32"
    return path if has_locks or path.suffix == ".pid" else path.with_name(f"{path.name}.pid")
