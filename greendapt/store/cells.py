"""Tables of one's own: rows of a CSV file, and numbers in their cells."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from greendapt.core.errors import DataError

_LARGEST = 1e100
"""Of a cell: its square is still a number."""
_MOST = 1_000_000_000

Row = Mapping[str, str]


def read_rows(path: Path, wanted: Iterable[str]) -> list[Row]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            head, *lines = [*csv.reader(file)] or [[]]
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table: {error}") from error
    columns = _columns(path, head, wanted)
    rows: list[Row] = []
    for place, cells in enumerate(lines, start=2):
        if not any(cells):
            continue
        if len(cells) < len(columns) or any(cells[len(columns) :]):
            raise DataError(
                f"{path}: row {place} has {len(cells)} cells, its header names {len(columns)} "
                "columns"
            )
        rows.append(dict(zip(columns, cells, strict=False)))
    if not rows:
        raise DataError(f"{path} has no rows")
    return rows


def _columns(path: Path, head: Sequence[str], wanted: Iterable[str]) -> list[str]:
    """Names of the columns; a comma at the end of the header is none."""
    columns = [*head]
    while columns and not columns[-1].strip():
        columns.pop()
    missing = [name for name in wanted if name not in columns]
    if missing:
        raise DataError(f"{path} has no column {', '.join(missing)}")
    unnamed = [number for number, name in enumerate(columns, start=1) if not name.strip("- ")]
    if unnamed:
        raise DataError(f"{path}: column {unnamed[0]} has no name")
    twice = [name for name in columns if columns.count(name) > 1]
    if twice:
        raise DataError(f"{path}: the column {twice[0]} is there twice")
    return columns


def number(path: Path, row: Row, column: str) -> float:
    """NaN for an empty cell."""
    cell = row[column].strip() or "nan"
    try:
        value = float(cell)
    except ValueError as error:
        raise DataError(f"{path}: '{cell}' in the column {column} is not a number") from error
    if math.isinf(value) or abs(value) > _LARGEST:
        raise DataError(f"{path}: '{cell}' in the column {column} is beyond {_LARGEST:g}")
    return value


def whole_number(path: Path, row: Row, column: str) -> int:
    value = number(path, row, column)
    if not value.is_integer() or abs(value) > _MOST:
        raise DataError(
            f"{path}: '{row[column]}' in the column {column} is not a whole number up to {_MOST}"
        )
    return int(value)
