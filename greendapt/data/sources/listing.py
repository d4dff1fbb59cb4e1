"""What a dataset folder says it holds, before any image is decoded: a table or a class tree."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from greendapt.core.errors import DataError
from greendapt.core.remarks import ALLOW, Remark
from greendapt.data.labels import is_finding, plain
from greendapt.data.sources.layouts import Layout

SPLIT_NAMES = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "validate": "val",
    "dev": "val",
    "test": "test",
    "testing": "test",
}
RESERVED = frozenset(
    ("image", "label", "split", "patientid", "view", "mask", "lungmask", "sex", "age", "source")
)
ASTRAY = "patients are in more than one split"


@dataclass(frozen=True)
class Row:
    """One image as it is listed. ``cells``: its row of the table, by column key."""

    path: Path
    shown: str
    cells: dict[str, str] = field(default_factory=dict)
    label: str | None = None
    split: str | None = None
    patient: str | None = None
    view: str | None = None
    masks: tuple[Path, ...] = ()
    """One label map, or several that are laid over each other."""

    def value(self, column: str) -> str:
        """The cell of a column, by its key; a class tree has labels alone."""
        return self.label or "" if column == "label" else self.cells[column]


@dataclass(frozen=True)
class Problem:
    """What is wrong, and with which items (of a patient's data: names of files, of patients)."""

    what: str
    items: list[str]
    cure: str = ""

    def __str__(self) -> str:
        cure = f" ({self.cure})" if self.cure else ""
        return listed(self.what, self.items) + cure


@dataclass(frozen=True)
class Listing:
    """The rows of a folder, its columns (key -> as written), what is wrong so far, and what was
    read, ignored and guessed. ``layout``: how its labels are to be read.

    Images outside the folder have no row.
    """

    rows: list[Row]
    columns: dict[str, str]
    problems: list[Problem] = field(default_factory=list)
    remarks: tuple[Remark, ...] = ()
    layout: Layout = field(default_factory=Layout)

    @cached_property
    def findings(self) -> list[str]:
        """Keys of the columns that hold only 0, 1, -1 or nothing, and are not reserved."""
        used = {plain(name) for name in _mapped(self.layout)}
        return [
            key
            for key in self.columns
            if key not in RESERVED | used and is_finding(row.cells[key] for row in self.rows)
        ]


def listed(what: str, items: Sequence[str], limit: int = 10) -> str:
    """``what`` with its count and the first ``limit`` items."""
    more = f", and {len(items) - limit} more" if len(items) > limit else ""
    return f"{len(items)} {what}: {', '.join(items[:limit])}{more}"


def _mapped(layout: Layout) -> list[str]:
    columns = (layout.image, layout.patient, layout.view, layout.split_column)
    return [column for column in columns if column]


def split_named(text: str, layout: Layout) -> str:
    """``train``, ``val`` or ``test`` for a word that means it; else the word."""
    word = text.strip().lower()
    return layout.splits.get(word) or SPLIT_NAMES.get(word, text)


def checked(listing: Listing) -> list[Problem]:
    """What contradicts itself: words for splits, images listed twice, patients in two splits."""
    return [*_bad_splits(listing.rows), *_conflicts(listing.rows)]


def _bad_splits(rows: Sequence[Row]) -> list[Problem]:
    words = {row.split or "(empty)" for row in rows if row.split is not None}
    odd = sorted(words - set(SPLIT_NAMES.values()))
    what = "values of the column 'split' are not train, val or test"
    return [Problem(what, odd)] if odd else []


def _conflicts(rows: Sequence[Row]) -> list[Problem]:
    problems = []
    times: dict[Path, int] = defaultdict(int)
    where: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        times[row.path] += 1
        if row.patient and row.split:
            where[row.patient].add(row.split)
    twice = [row.shown for row in rows if times.pop(row.path, 1) > 1]
    if twice:
        cure = "rows_per_image = any, or majority, makes one of several rows"
        problems.append(Problem("images are listed more than once", twice, cure))
    astray = [f"{who} ({', '.join(sorted(s))})" for who, s in where.items() if len(s) > 1]
    if astray:
        problems.append(Problem(ASTRAY, astray, f"give each patient one split, {ALLOW}"))
    return problems


def cannot(root: Path, error: OSError) -> DataError:
    return DataError(f"{root} cannot be read ({error.strerror}); check its rights")
