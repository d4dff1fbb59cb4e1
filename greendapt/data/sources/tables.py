"""Tables of images as people write them: delimiters and encodings told apart, columns by name."""

from __future__ import annotations

import csv
import gzip
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from greendapt.core.errors import DataError
from greendapt.core.text import listed
from greendapt.data.labels import is_finding, plain

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
_SNIFFED_ROWS = 50
_AGAIN = "\t"
"""Before the number of a key: no plain name holds it."""
_HEADER = 2**16


@dataclass(frozen=True)
class Table:
    """``columns``: key -> name as written; the key is the plain name, numbered where
    several columns have it. ``rows``: cells by key, stripped; ``lines`` [N] in the file, from 1.
    ``dialect``: what is unusual about it, in words; ``short``: how many rows lack cells.
    """

    path: Path
    columns: dict[str, str]
    rows: list[dict[str, str]]
    lines: list[int]
    dialect: tuple[str, ...]
    short: int = 0

    def key(self, column: str) -> str | None:
        """Of a column by any spelling of its name."""
        name = plain(column)
        return name if name in self.columns else None


def base(key: str) -> str:
    """The plain name of a column's key."""
    return key.partition(_AGAIN)[0]


def is_table(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES)


def read_table(path: Path, header: Sequence[str] = (), delimiter: str | None = None) -> Table:
    """The table in a file; ``header``: its columns, where the file does not name them.

    Raises DataError where it is no table, has rows longer than its header, or names a column twice
    that is no finding.
    """
    text, dialect = _text(path)
    try:
        parsed = _parsed(text, delimiter)
    except csv.Error as error:
        raise DataError(f"{path} is not a CSV file ({error})") from error
    if parsed.delimiter != ",":
        dialect = (*dialect, _DELIMITERS.get(parsed.delimiter, f"'{parsed.delimiter}'"))
    names = list(header) or (parsed.rows.pop(0) if parsed.rows else [])
    lines = parsed.lines if header else parsed.lines[1:]
    while names and not names[-1].strip():  # a delimiter at the end of every line
        names.pop()
    columns = _columns(names)
    keys = list(columns)
    rows = []
    surplus = []
    short = 0
    for line, cells in zip(lines, parsed.rows, strict=True):
        if any(cell.strip() for cell in cells[len(keys) :]):
            surplus.append(str(line))
        short += len(cells) < len(keys)
        padded = [*cells, *[""] * (len(keys) - len(cells))]
        rows.append({key: cell.strip() for key, cell in zip(keys, padded, strict=False)})
    if surplus:
        raise DataError(
            f"{path}: {len(surplus)} rows have more cells than there are columns ({len(keys)}), "
            f"line {', '.join(surplus[:10])}{', ...' if len(surplus) > 10 else ''}; quote cells "
            "that hold the delimiter"
        )
    table = Table(path, columns, rows, lines, dialect, short)
    _check_twice(table)
    return table


def columns_of(path: Path) -> list[str]:
    """Plain names of a table's columns; none where it cannot be told."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            start = file.read(_HEADER)
        text, _ = _decoded(path, start)
        return list(_columns(_parsed(text.partition("\n")[0], None).rows[0]))
    except (OSError, EOFError, DataError, IndexError, csv.Error):
        return []


@dataclass(frozen=True)
class _Parsed:
    delimiter: str
    rows: list[list[str]]
    lines: list[int]


def _text(path: Path) -> tuple[str, tuple[str, ...]]:
    """The file's text with ``\\n`` for every end of line, and its encoding if that is unusual."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        try:
            data = gzip.decompress(data)
        except (OSError, EOFError) as error:
            raise DataError(f"{path} is not a whole gzip file ({error})") from error
    return _decoded(path, data)


def _decoded(path: Path, data: bytes) -> tuple[str, tuple[str, ...]]:
    encodings = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    encoding = encodings.get(data[:2], "utf-8-sig")
    told: tuple[str, ...] = () if encoding == "utf-8-sig" else (encoding.upper(),)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        text, told = data.decode("cp1252", errors="replace"), ("Latin-1",)
    if "\0" in text:
        raise DataError(f"{path} is not a CSV file (it holds null bytes)")
    return io.StringIO(text, newline=None).read(), told


def _parsed(text: str, delimiter: str | None) -> _Parsed:
    """``text`` by the delimiter that splits its first lines alike, and most often."""
    wanted = [delimiter] if delimiter else [d for d in _DELIMITERS if d != " "]
    start = "\n".join(text.split("\n", _SNIFFED_ROWS)[:_SNIFFED_ROWS])
    best = max(wanted, key=lambda d: _fit(start, d))
    rows, lines = [], []
    reader = csv.reader(io.StringIO(text), delimiter=best, skipinitialspace=best == " ")
    before = 0
    for cells in reader:
        if any(cell.strip() for cell in cells):
            rows.append(cells)
            lines.append(before + 1)
        before = reader.line_num
    return _Parsed(best, rows, lines)


def _fit(text: str, delimiter: str) -> tuple[bool, int]:
    """Whether the rows have one length, and that of the first."""
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]
    lengths = Counter(map(len, rows))
    first = len(rows[0]) if rows else 0
    return first > 1 and lengths[first] >= 0.8 * lengths.total(), first


def _columns(names: Sequence[str]) -> dict[str, str]:
    columns: dict[str, str] = {}
    times: Counter[str] = Counter()
    for place, name in enumerate(names):
        written = name.strip() or f"column {place + 1}"
        key = plain(written) or f"column{place + 1}"
        times[key] += 1
        columns[key if times[key] == 1 else f"{key}{_AGAIN}{times[key]}"] = written
    return columns


def _check_twice(table: Table) -> None:
    """Findings may stand twice ("any of them"); what else does says two things."""
    for key in table.columns:
        first = base(key)
        if key == first or _alike(table, key):
            continue
        if not all(is_finding(row[one] for row in table.rows) for one in (first, key)):
            both = listed([f"'{table.columns[one]}'" for one in (first, key)])
            raise DataError(f"{table.path}: the columns {both} are one name; rename one of them")


def _alike(table: Table, key: str) -> bool:
    return all(row[key] == row[base(key)] for row in table.rows)
