"""A file for a record that comes at the end: opened before the work, which cannot be done again."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Self

from greendapt.disk.files import disk_errors


class RecordFile:
    """``path`` is opened at once; what it held stays until `write`. RunError where it cannot be.

    Left without a record, a file that was not there before is removed.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._new = path, not path.exists()
        # a pipe that nobody reads refuses at once, and does not wait for a reader
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NONBLOCK", 0)
        with disk_errors(path, "--output"):
            self._descriptor = os.open(path, flags, 0o666)
            os.set_blocking(self._descriptor, True)

    def write(self, text: str) -> None:
        """All of it, or OSError, and nothing is left of a part."""
        self._new = False
        self._empty()
        left = text.encode()
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            self._empty()
            raise

    def _empty(self) -> None:
        if stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            os.ftruncate(self._descriptor, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        if self._new:
            self.path.unlink(missing_ok=True)
