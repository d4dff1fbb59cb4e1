"""What a dataset folder says it holds, before any image is decoded: labels.csv or a class tree."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from greendapt.core.errors import DataError
from greendapt.data.labels import MISSING, plain
from greendapt.data.sources.formats import IMAGE_SUFFIXES, mask_parts, suffix_of

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
_FINDING_VALUES = MISSING | {"0", "1", "0.0", "1.0"}


@dataclass(frozen=True)
class Row:
    """One image as it is listed. ``cells``: the labels.csv row, by plain column name."""

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
        """The cell of a column, by its plain name; a class tree has labels alone."""
        return self.label or "" if column == "label" else self.cells[column]


@dataclass(frozen=True)
class Problem:
    """What is wrong, and with which items (of a patient's data: names of files, of patients)."""

    what: str
    items: list[str]

    def __str__(self) -> str:
        return listed(self.what, self.items)


@dataclass(frozen=True)
class Listing:
    """The rows of a folder, its columns (plain name -> as written), and what is wrong so far.

    Images outside the folder have no row.
    """

    rows: list[Row]
    columns: dict[str, str]
    problems: list[Problem]


def listed(what: str, items: Sequence[str], limit: int = 10) -> str:
    """``what`` with its count and the first ``limit`` items."""
    more = f", and {len(items) - limit} more" if len(items) > limit else ""
    return f"{len(items)} {what}: {', '.join(items[:limit])}{more}"


def read_folder(root: Path) -> Listing:
    """Rows of ``root/labels.csv`` when there is one, else of the class tree below ``root``.

    Raises DataError when nothing can be listed at all; lesser problems are collected.
    """
    try:
        if not root.is_dir():
            what = "is not a folder" if root.exists() else "does not exist"
            raise DataError(f"the dataset folder {root} {what}; check the path")
        table = root / "labels.csv"
        listing = _read_table(root, table) if table.is_file() else _read_tree(root)
    except OSError as error:
        raise DataError(f"{root} cannot be read ({error.strerror}); check its rights") from error
    if not listing.rows and not listing.problems:
        raise DataError(
            f"{root} lists no images; it needs a labels.csv with rows, or sub-folders of images"
        )
    listing.problems.extend(_conflicts(listing.rows))
    return listing


def folder_of(path: Path) -> Path:
    """A dataset folder, which may be given by its labels.csv."""
    return path.parent if path.name == "labels.csv" and path.is_file() else path


def finding_columns(listing: Listing) -> list[str]:
    """Plain names of the columns that hold only 0, 1, -1 or nothing, and are not reserved."""
    return [
        name
        for name in listing.columns
        if name not in RESERVED
        and all(row.cells[name].lower() in _FINDING_VALUES for row in listing.rows)
        and any(row.cells[name].lower() not in MISSING for row in listing.rows)
    ]


# --- labels.csv -----------------------------------------------------------------------------


def _read_table(root: Path, table: Path) -> Listing:
    try:
        with table.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            columns = {plain(name): name for name in reader.fieldnames or () if name}
            lines = [{plain(k): (v or "").strip() for k, v in line.items() if k} for line in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{table} is not a UTF-8 CSV file ({error})") from error
    if "image" not in columns:
        raise DataError(
            f"{table} has no column 'image'; it has: {', '.join(columns.values()) or 'nothing'}"
        )
    lost = [f"row {n}" for n, line in enumerate(lines, start=2) if not line["image"]]
    problems = [Problem("rows of labels.csv without an image", lost)] if lost else []
    real, within = root.resolve(), _Within()
    made = [_row(real, line, within) for line in lines if line["image"]]
    rows = [row for row in made if row is not None]
    return Listing(rows, columns, problems + within.problems() + _bad_splits(rows))


class _Within:
    """Collects the paths of labels.csv that leave the dataset folder."""

    def __init__(self) -> None:
        self.outside: list[str] = []

    def path(self, root: Path, written: str) -> Path | None:
        path = root / written
        try:
            inside = not Path(written).is_absolute() and path.resolve().is_relative_to(root)
        except (OSError, ValueError, RuntimeError):  # too long, a null byte, a loop of links
            inside = False
        if not inside:
            self.outside.append(written)
        return path if inside else None

    def problems(self) -> list[Problem]:
        what = "paths leave the dataset folder (write them relative to it, without links out)"
        return [Problem(what, self.outside)] if self.outside else []


def _row(root: Path, line: dict[str, str], within: _Within) -> Row | None:
    path = within.path(root, line["image"])
    mask = line.get("mask") or line.get("lungmask")
    split = line.get("split")
    masks = [within.path(root, part) for part in mask_parts(mask or "")]
    if path is None:
        return None
    return Row(
        path=path,
        shown=line["image"],
        cells=line,
        label=line.get("label"),
        split=SPLIT_NAMES.get(split.lower(), split) if split is not None else None,
        patient=line.get("patientid") or None,
        view=line.get("view"),
        masks=tuple(path for path in masks if path is not None),
    )


def _bad_splits(rows: Sequence[Row]) -> list[Problem]:
    odd = {row.split or "(empty)" for row in rows if row.split is not None} - set(
        SPLIT_NAMES.values()
    )
    what = "values of the column 'split' are not train, val or test"
    return [Problem(what, sorted(odd))] if odd else []


# --- a tree of class folders ----------------------------------------------------------------


def _read_tree(root: Path) -> Listing:
    """``[split/]class/**/image``; images right below ``root`` have no label."""
    real, within = root.resolve(), _Within()
    tops = _folders(real)
    by_split = bool(tops) and all(plain(top.name) in SPLIT_NAMES for top in tops)
    parts = [(SPLIT_NAMES[plain(top.name)], top) for top in tops] if by_split else [(None, real)]
    rows = [
        Row(
            path=path,
            shown=str(path.relative_to(real)),
            label=folder.name if folder != part else "",
            split=split,
        )
        for split, part in parts
        for folder in (part, *_folders(part))
        for path in _images(folder, deep=folder != part)
        if within.path(real, str(path.relative_to(real))) is not None
    ]
    columns = {"label": "label"} if any(row.label for row in rows) else {}
    return Listing(rows, columns, within.problems())


def _folders(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))


def _images(folder: Path, deep: bool) -> Iterable[Path]:
    return sorted(
        path
        for path in (folder.rglob("*") if deep else folder.iterdir())
        if suffix_of(path) in IMAGE_SUFFIXES and not path.name.startswith(".")
    )


# --- what contradicts itself ----------------------------------------------------------------


ASTRAY = "patients are in more than one split"


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
        problems.append(Problem("images are listed more than once", twice))
    astray = [f"{who} ({', '.join(sorted(s))})" for who, s in where.items() if len(s) > 1]
    if astray:
        problems.append(Problem(ASTRAY, astray))
    return problems
