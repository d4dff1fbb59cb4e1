"""A dataset whose images stand in a table: which columns say what, and which file a row means."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from greendapt.core.errors import DataError
from greendapt.core.remarks import Remark, note, weak
from greendapt.core.text import plural
from greendapt.data.sources.formats import mask_parts
from greendapt.data.sources.image_index import ImageIndex, Way
from greendapt.data.sources.layouts import NONE, Layout
from greendapt.data.sources.listing import (
    Listing,
    Problem,
    Row,
    split_named,
)
from greendapt.data.sources.settle_rows import (
    one_an_image,
    with_ids,
    with_split_files,
    without_files,
)
from greendapt.data.sources.tables import Table

IMAGE_COLUMNS = ("image", "filename", "imagepath", "path", "file", "img", "imageid")
"""Plain names under which tables name images; others are taken if their cells do."""
_VIEWS = ("view", "viewposition", "projection")
_MASKS = ("mask", "lungmask")
_LOOKED = 500
_MOST = 0.5
"""Of these rows name an image, where a column means one in some way; the plainest way counts."""


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
    listing = one_an_image(listing)
    listing = with_split_files(index.root, listing)
    listing = without_files(index, listing)
    listing = with_ids(listing)
    meant = {row.path for row in listing.rows} | {
        mask for row in listing.rows for mask in row.masks
    }
    unlisted = len(index.images) - len(meant)
    if unlisted > 0:
        text = f"{plural(unlisted, 'image')} in the folder are in no row: left alone."
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
    for column in columns:
        for way in ways:
            if _share(table, column, way, layout) >= _MOST:
                return Place(table, split, column, way)
    sure = layout.image is not None or columns == ["image"]
    return Place(table, split, columns[0], ways[0]) if sure else None


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
    found = None if written.startswith("..") else way.find(written)
    if found is not None:
        return index.root / found
    base = index.root / (layout.root or "")
    path = Path(os.path.normpath(base / written))  # links are followed wherever they lead
    if path.is_relative_to(index.root) or (layout.root and path.is_relative_to(base)):
        return path
    outside.append(written)
    return None


def _mask_cells(cells: Mapping[str, str]) -> list[str]:
    """Paths of the masks of a row."""
    written = next((cells[key] for key in _MASKS if cells.get(key)), "")
    return mask_parts(written)


def _mask(index: ImageIndex, written: str, layout: Layout, outside: list[str]) -> Path | None:
    return _path(index, written, Way("", index.exact), layout, outside)


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
