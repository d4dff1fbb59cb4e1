"""How a dataset folder is read: by a preset, by the table that names its images, or as a tree."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from greendapt.core.errors import DataError
from greendapt.core.remarks import Remark, note, weak
from greendapt.core.text import listed
from greendapt.data.labels import plain
from greendapt.data.sources.image_index import ImageIndex
from greendapt.data.sources.layouts import NONE, Layout
from greendapt.data.sources.listing import SPLIT_NAMES, Listing, cannot, checked
from greendapt.data.sources.presets import Preset, preset_of
from greendapt.data.sources.read_rows import Place, joined, placed, read_rows
from greendapt.data.sources.read_tree import read_paths, read_tree
from greendapt.data.sources.tables import Table, is_table, read_table
from greendapt.suite.datasets import FolderData

_USUAL = "labels.csv"


def read_folder(spec: FolderData, masks: bool = False) -> Listing:
    """The images that a dataset lists; ``masks``: whether it is read for them.

    Raises DataError when nothing can be listed at all; lesser problems are collected.
    """
    root = folder_of(spec.path)
    if not root.is_dir():
        what = "is not a folder" if root.exists() else "does not exist"
        raise DataError(f"the dataset folder {root} {what}; check the path")
    if root != spec.path:
        spec = spec.model_copy(update={"table": spec.path.name})
    try:
        listing = _listed(Path(os.path.normpath(root.absolute())), spec, masks)
    except OSError as error:
        raise cannot(root, error) from error
    listing.problems.extend(checked(listing))
    if not listing.rows:
        if listing.problems:
            raise DataError("\n".join(f"{root}: {problem}" for problem in listing.problems))
        raise DataError(
            f"{root} lists no images; it needs a table with rows, or sub-folders of images"
            f"{''.join(f' ({one})' for one in listing.remarks)}"
        )
    return listing


def folder_of(path: Path) -> Path:
    """A dataset folder, which may be given by its table."""
    return path.parent if is_table(path) and path.is_file() else path


def _listed(root: Path, spec: FolderData, masks: bool) -> Listing:
    index, inner = _within(ImageIndex.of(root))
    tables = [index.root / table for table in index.tables]
    usual = spec.table is None and (index.root / _USUAL).is_file()
    preset = None if usual and spec.preset is None else _preset(index.root, spec, tables)
    layout = (preset.layout if preset else Layout()).over(spec)
    listing = (
        read_paths(index, layout) if layout.paths else _tables_or_tree(index, layout, spec, masks)
    )
    told = [*inner, *([note(f"Its layout is that of {preset.name}.")] if preset else [])]
    remarks = (*told, *listing.remarks, *index.ignored())
    return replace(listing, remarks=remarks)


def _within(index: ImageIndex) -> tuple[ImageIndex, list[Remark]]:
    """The one folder that holds everything, where archives unpack to one."""
    told: list[Remark] = []
    while index.images and not index.tables:
        tops = {path.partition("/")[0] for path in index.images}
        first = next(iter(index.images))
        deep = first.count("/") > 1 and len(tops) == 1
        if not deep or plain(*tops) in SPLIT_NAMES:
            break
        told.append(note(f"All images lie in the folder {next(iter(tops))}: it was read."))
        inner = ImageIndex.of(index.root / next(iter(tops)))
        index = replace(inner, unread=inner.unread, strays=index.strays + inner.strays)
    return index, told


def _preset(root: Path, spec: FolderData, tables: Sequence[Path]) -> Preset | None:
    if spec.preset is None and (spec.table is not None or spec.image is not None):
        return None
    return preset_of(root, spec.preset, tables)


def _tables_or_tree(index: ImageIndex, layout: Layout, spec: FolderData, masks: bool) -> Listing:
    if spec.table == NONE:
        return read_tree(index, layout, masks)
    if layout.tables:
        return read_rows(index, _named(index, layout), layout)
    if (index.root / _USUAL).is_file():
        return read_rows(index, [_sure(index, index.root / _USUAL, None, layout)], layout)
    found, left = _found(index, layout)
    if found:
        return read_rows(index, found, layout)
    listing = read_tree(index, layout, masks)
    if not left:
        return listing
    names = listed([table.path.relative_to(index.root).as_posix() for table in left])
    if "label" not in listing.columns and not masks:
        raise DataError(_hint(index, left))
    text = f"Not read: {names}, no column of it names images here; folders are the classes."
    return replace(listing, remarks=(weak(text), *listing.remarks))


def _named(index: ImageIndex, layout: Layout) -> list[Place]:
    """The tables that the suite or the preset names."""
    places = []
    for glob, split in layout.tables:
        for path in _matching(index.root, glob):
            places.append(_sure(index, path, split, layout))
    if not places:
        names = listed([glob for glob, _ in layout.tables])
        there = ", ".join(index.tables) or "none"
        raise DataError(f"{index.root} has no table {names}; its tables: {there}")
    return places


def _matching(root: Path, glob: str) -> list[Path]:
    try:
        return sorted(root.glob(glob))
    except (ValueError, IndexError, NotImplementedError) as error:  # '', '.', '/x'
        raise DataError(f"table = '{glob}' is no name in {root} ({error})") from error


def _sure(index: ImageIndex, path: Path, split: str | None, layout: Layout) -> Place:
    """Raises DataError where no column of the table names images."""
    table = read_table(path, layout.header, layout.cells)
    others = sorted(one for glob in layout.joined for one in index.root.glob(glob))
    table = joined(table, [read_table(one) for one in others])
    place = placed(index, table, split, layout)
    if place is None:
        raise DataError(_hint(index, [table]))
    return place


def _found(index: ImageIndex, layout: Layout) -> tuple[list[Place], list[Table]]:
    """The one table that names images, or those of the splits; and tables that do not.

    Raises DataError where several do.
    """
    top = [name for name in index.tables if "/" not in name]
    names = top or [name for name in index.tables if name.count("/") == 1]
    tables = [read_table(index.root / name) for name in names]
    tried = [(table, placed(index, table, _split(index, table), layout)) for table in tables]
    places = [place for _, place in tried if place is not None]
    left = [table for table, place in tried if place is None]
    splits = [place.split for place in places]
    if len(places) == 1:
        return [replace(places[0], split=None)], left
    if len(places) > 1 and (None in splits or len(set(splits)) < len(splits)):
        options = ", ".join(place.table.path.relative_to(index.root).as_posix() for place in places)
        raise DataError(
            f"{index.root} has several tables of images: {options}; say which with table = NAME "
            "(DIR?table=NAME on the command line)"
        )
    return places, left


def _split(index: ImageIndex, table: Table) -> str | None:
    """Of a table that is named after one, or lies in its folder."""
    path = table.path.relative_to(index.root)
    words = (path.name.partition(".")[0], path.parent.name)
    return next((SPLIT_NAMES[plain(word)] for word in words if plain(word) in SPLIT_NAMES), None)


def _hint(index: ImageIndex, tables: Sequence[Table]) -> str:
    """What to say of tables in which no column names images."""
    lines = [
        f"{table.path.relative_to(index.root).as_posix()} has {', '.join(table.columns.values())}"
        for table in tables
    ]
    return (
        f"{index.root}: no column 'image' names its images ({'; '.join(lines)}); say which column "
        "does, and what to put around it, with DIR?table=NAME&image=COLUMN&prefix=TEXT&suffix=TEXT "
        "(or the same keys in the suite)"
    )
