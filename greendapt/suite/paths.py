"""Paths as people write them."""

from __future__ import annotations

from pathlib import Path

from greendapt.core.errors import SuiteError


def absolute(written: str, folder: Path) -> str:
    """``written`` from ``folder`` on, with ``~`` for a home. Raises SuiteError where it is none."""
    try:
        return str((folder / Path(written).expanduser()).resolve())
    except (RuntimeError, ValueError, OSError) as error:  # no such home, links in a circle
        raise SuiteError(f"'{written}' cannot be a path: {error}") from error
