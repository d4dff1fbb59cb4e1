"""A dataset whose images stand in a table: which columns say what, and which file a row means."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from greendapt.core.errors import DataError
from greendapt.core.remarks import Remark, note, weak
from greendapt.core.text import plural
from greendapt.data.labels import MISSING, NO_CLASS, plain
from greendapt.data.sources import patients
from greendapt.data.sources.image_index import ImageIndex, Way
from greendapt.data.sources.layouts import NONE, Layout, Several
from greendapt.data.sources.listing import (
    Listing,
    Problem,
    Row,
    finding_columns,
    split_named,
)
from greendapt.data.sources.tables import Table, read_table

IMAGE_COLUMNS = ("image", "filename", "imagepath", "path", "file", "img", "imageid")
"""Plain names under which tables name images; others are taken if their cells do."""
_VIEWS = ("view", "viewposition", "projection")
_MASKS = ("mask", "lungmask")
_LOOKED = 500


@dataclass(frozen=True)
class Place:
    """A table, the split of its images (None: it says), and how its cells mean images."""

    table: Table
    split: str | None
    column: str
    way: Way


def read_rows(index: ImageIndex, places: Sequence[Place], layout: Layout) -> Listing:
    """The rows of the tables, one an image, with what was seen of them."""
    rows: list[Row] = []
    remarks: list[Remark] = []
    problems: list[Problem] = []
    columns: dict[str, str] = {}
    for place in places:
        remarks += _about(index, place)
        read, wrong = _rows(index, place, layout)
        rows += read
        problems += wrong
        columns |= place.table.columns
    rows = [replace(row, cells=dict.fromkeys(columns, "") | row.cells) for row in rows]
    listing = Listing(rows, columns, problems, tuple(remarks), layout)
    listing = _one_an_image(listing)
    listing = _with_split_files(index.root, listing)
    listing = _without_files(index, listing)
    listing = _with_patients(listing)
    unlisted = len(index.images) - len({row.path for row in listing.rows})
    if unlisted > 0:
        text = f"{plural(unlisted, 'image')} in the folder are in no row, or are masks: left alone."
        listing = replace(listing, remarks=(*listing.remarks, note(text)))
    return listing


def placed(index: ImageIndex, table: Table, split: str | None, layout: Layout) -> Place | None:
    """How the table means images; None where no column does."""
    folders = [
        folder for folder in (str(table.path.parent.relative_to(index.root)), split) if folder
    ]
    if layout.prefix or layout.suffix or layout.root:
        where = layout.root or ""
        ways = [Way("", lambda cell: index.exact(os.path.join(where, cell)))]  # noqa: PTH118
    else:
        ways = list(index.ways([folder for folder in folders if folder != "."]))
    columns = _image_columns(table, layout)
    best = max(
        ((_share(table, column, way, layout), column, way) for column in columns for way in ways),
        key=lambda one: one[0],
        default=None,
    )
    if best is None:
        return None
    share, column, way = best
    if layout.image is not None or column == "image":
        return Place(table, split, column, way if share else ways[0])
    return Place(table, split, column, way) if share >= 0.5 else None


def _image_columns(table: Table, layout: Layout) -> list[str]:
    if layout.image is not None:
        key = table.key(layout.image)
        if key is None:
            raise DataError(
                f"{table.path} has no column '{layout.image}'; it has: "
                f"{', '.join(table.columns.values()) or 'nothing'}"
            )
        return [key]
    if "image" in table.columns:
        return ["image"]
    named = [key for key in IMAGE_COLUMNS if key in table.columns]
    return [*named, *(key for key in table.columns if key not in named)]


def _share(table: Table, column: str, way: Way, layout: Layout) -> float:
    """Of the first rows, which name an image this way."""
    cells = [row[column] for row in table.rows[:_LOOKED] if row[column]]
    return sum(_image(cell, way, layout) is not None for cell in cells) / max(len(cells), 1)


def _image(cell: str, way: Way, layout: Layout) -> str | None:
    return way.find(f"{layout.prefix}{cell}{layout.suffix}")


def _about(index: ImageIndex, place: Place) -> Iterator[Remark]:
    table = place.table
    told = [table.path.relative_to(index.root).as_posix()]
    told += [f"({', '.join(table.dialect)})"] if table.dialect else []
    split = f", the {place.split} part" if place.split else ""
    text = (
        f"Read from {' '.join(told)}{split}: images by the column '{table.columns[place.column]}'"
    )
    yield note(f"{text}{f'; {place.way.words}' if place.way.words else ''}.")
    if table.short:
        yield weak(f"{plural(table.short, 'row')} of its table have fewer cells than columns.")


def _rows(index: ImageIndex, place: Place, layout: Layout) -> tuple[list[Row], list[Problem]]:
    table, name = place.table, place.table.path.name
    outside: list[str] = []
    lost = [
        f"row {line}"
        for line, cells in zip(table.lines, table.rows, strict=True)
        if not cells[place.column]
    ]
    view = _first(table, layout.view, _VIEWS)
    split = _first(table, layout.split_column, ("split",))
    rows = []
    for cells in table.rows:
        written = cells[place.column]
        if not written:
            continue
        path = _path(index, f"{layout.prefix}{written}{layout.suffix}", place.way, layout, outside)
        masks = [_mask(index, cell, layout, outside) for cell in _mask_cells(cells)]
        if path is None:
            continue
        rows.append(
            Row(
                path=path,
                shown=written,
                cells=cells,
                label=cells.get("label"),
                split=place.split or (split_named(cells[split], layout) if split else None),
                view=cells[view] if view else None,
                masks=tuple(mask for mask in masks if mask is not None),
            )
        )
    problems = [Problem(f"rows of {name} without an image", lost)] if lost else []
    if outside:
        cure = "write them relative to it, or say root = their folder"
        problems.append(Problem("paths leave the dataset folder", outside, cure))
    return rows, problems


def _first(table: Table, wanted: str | None, columns: Sequence[str]) -> str | None:
    """The key of the column that is wanted, else of the first of those there is."""
    if wanted is not None and wanted != NONE:
        key = table.key(wanted)
        if key is None:
            there = ", ".join(table.columns.values())
            raise DataError(f"{table.path} has no column '{wanted}'; it has: {there}")
        return key
    return next((key for key in columns if key in table.columns and wanted != NONE), None)


def _path(
    index: ImageIndex, written: str, way: Way, layout: Layout, outside: list[str]
) -> Path | None:
    """The file that is meant, whether it is there or not; None if it is outside the folder."""
    found = way.find(written)
    if found is not None:
        return index.root / found
    base = index.root / (layout.root or "")
    path = Path(os.path.normpath(base / written))  # links are followed wherever they lead
    if path.is_relative_to(index.root) or (layout.root and path.is_relative_to(base)):
        return path
    outside.append(written)
    return None


def _mask_cells(cells: Mapping[str, str]) -> list[str]:
    """Paths of the masks of a row; ``;`` stands between several."""
    written = next((cells[key] for key in _MASKS if cells.get(key)), "")
    return [part.strip() for part in written.split(";") if part.strip()]


def _mask(index: ImageIndex, written: str, layout: Layout, outside: list[str]) -> Path | None:
    return _path(index, written, Way("", index.exact), layout, outside)


# --- several rows an image, files that are not there, splits and patients --------------------


def _one_an_image(listing: Listing) -> Listing:
    """Rows of one image as one, where the layout says how."""
    how = listing.layout.rows_per_image
    if how is None:
        return listing
    groups: dict[Path, list[Row]] = defaultdict(list)
    for row in listing.rows:
        groups[row.path].append(row)
    findings = set(finding_columns(listing))
    label = plain(listing.layout.label or "label")
    rows = [_merged(rows, findings, label, how) for rows in groups.values()]
    text = f"{plural(len(listing.rows), 'row')} became {len(rows)}, one an image ({how} of them)."
    return replace(listing, rows=rows, remarks=(*listing.remarks, note(text)))


def _merged(rows: Sequence[Row], findings: set[str], label: str, how: Several) -> Row:
    first = rows[0]
    cells = {
        key: _cell([row.cells[key] for row in rows], key in findings, key == label, how)
        for key in first.cells
    }
    return replace(first, cells=cells, label=cells.get("label"))


def _cell(cells: Sequence[str], finding: bool, label: bool, how: Several) -> str:
    """One cell of several: a finding in any or in most of them, the commonest label, or all labels
    with a bar between them; else the first."""
    if finding:
        ones = [float(cell) for cell in cells if cell.lower() not in MISSING]
        if not ones:
            return cells[0]
        share = sum(ones) / len(ones)
        return str(int(share > 0 if how == "any" else share > 0.5))
    if not label:
        return cells[0]
    there = [cell for cell in cells if cell.lower() not in NO_CLASS]
    if how == "any":
        return "|".join(dict.fromkeys(there))
    common = Counter(there).most_common(2)
    tied = len(common) == 2 and common[0][1] == common[1][1]
    return "" if tied or not common else common[0][0]


def _without_files(index: ImageIndex, listing: Listing) -> Listing:
    """Without the rows whose image is not there, where the layout leaves them out."""
    if listing.layout.missing is None:
        return listing
    there = [
        row
        for row in listing.rows
        if (
            row.path.is_relative_to(index.root)
            and row.path.relative_to(index.root).as_posix() in index.images
        )
        or (listing.layout.root and row.path.is_file())
    ]
    left = len(listing.rows) - len(there)
    if not left:
        return listing
    text = f"{left} of {plural(len(listing.rows), 'row')} have no image here: left out."
    return replace(listing, rows=there, remarks=(*listing.remarks, note(text)))


def _with_split_files(root: Path, listing: Listing) -> Listing:
    """Splits by files that list images; where several list some parts, the rest is left out."""
    files = [(root / name, split) for name, split in listing.layout.split_files]
    there = [(path, split) for path, split in files if path.is_file()]
    if len(there) < len(files) and len(files) == 1:
        raise DataError(f"{files[0][0]} is no file; split_file lists the images of the test part")
    if not there:
        return listing
    named = {name: split for path, split in there for name in _lines(path)}
    rest = "train" if len(there) < 2 else None
    rows = [
        replace(row, split=named.get(row.shown, named.get(row.path.name, rest)))
        for row in listing.rows
    ]
    told = ", ".join(path.name for path, _ in there)
    kept = [row for row in rows if row.split is not None]
    return replace(
        listing, rows=kept, remarks=(*listing.remarks, note(f"Splits are those of {told}."))
    )


def _lines(path: Path) -> set[str]:
    try:
        return {line.strip() for line in path.read_text(encoding="utf-8").splitlines()}
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is no list of images ({error})") from error


def _with_patients(listing: Listing) -> Listing:
    how = listing.layout.patient
    rows = listing.rows
    if how in (None, "path", NONE):
        named = [key for key in patients.COLUMNS if key in listing.columns and how is None]
        column = next((key for key in named if _differs(rows, key)), None)
    else:
        column = plain(how or "")
        if column not in listing.columns:
            there = ", ".join(listing.columns.values())
            raise DataError(f"there is no column '{how}' for patients; there are: {there}")
    if column is None:
        found = patients.from_paths([row.shown for row in rows], how)
    else:
        cells = [row.cells[column] for row in rows]
        found = patients.from_column(listing.columns[column], cells)
    known = [replace(row, patient=who) for row, who in zip(rows, found.ids, strict=True)]
    return replace(listing, rows=known, remarks=(*listing.remarks, *found.told))


def _differs(rows: Sequence[Row], key: str) -> bool:
    return len({row.cells[key] for row in rows}) > 1


def joined(main: Table, others: Sequence[Table]) -> Table:
    """``main`` with the columns of the others, where these have the same cells in the columns that
    both have."""
    for other in others:
        keys = [key for key in main.columns if key in other.columns]
        if not keys:
            raise DataError(f"{other.path} and {main.path} have no column in common")
        more = {key: name for key, name in other.columns.items() if key not in main.columns}
        by = {tuple(row[key] for key in keys): row for row in other.rows}
        rows = [
            row | {key: by.get(tuple(row[k] for k in keys), {}).get(key, "") for key in more}
            for row in main.rows
        ]
        main = replace(main, columns=main.columns | more, rows=rows)
    return main


__all__ = ["Place", "joined", "placed", "read_rows", "read_table"]
