"""A dataset whose folders say what its images are: classes below splits, or a preset's paths."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from greendapt.core.errors import DataError
from greendapt.core.remarks import note
from greendapt.core.text import plural
from greendapt.data.labels import plain
from greendapt.data.sources.image_index import ImageIndex
from greendapt.data.sources.layouts import Layout
from greendapt.data.sources.listing import SPLIT_NAMES, Listing, Row, split_named
from greendapt.data.sources.patients import from_paths

_IMAGES = frozenset({"images", "image", "imgs", "img"})
_MASKS = frozenset({"masks", "mask", "labels", "annotations", "segmentations", "groundtruth"})
_MASK_ENDS = ("_mask", "_seg", "_segmentation", "-mask", "_label")


def read_tree(index: ImageIndex, layout: Layout, masks: bool) -> Listing:
    """``[split/]class/**/image``; images right below the root have no label.

    Raises DataError where folders are no classes: images beside their masks, or a folder beside
    those of the splits.
    """
    tops = _tops(index.images)
    folders = [name for name in tops if name]
    if folders and all(map(_is_of_pairs, folders)):
        return _pairs(index, tops, layout, masks)
    splits = [name for name in folders if plain(name) in SPLIT_NAMES]
    others = [name for name in folders if name not in splits]
    by_split = bool(splits) and (not others or len(splits) > 1)
    if by_split and others:
        beside = ", ".join(f"{name} ({plural(len(tops[name]), 'image')})" for name in others)
        raise DataError(
            f"{index.root}: beside {', '.join(splits)} there is {beside}; move it elsewhere, or "
            "name the splits' folders apart"
        )
    rows = [_row(index, path, by_split) for top in tops.values() for path in top]
    columns = {"label": "label"} if any(row.label for row in rows) else {}
    kinds = sorted({row.label for row in rows if row.label})
    remarks = []
    if kinds:
        below = " below folders of splits" if by_split else ""
        remarks.append(note(f"Read from folders{below}: each of {len(kinds)} is a class."))
    return with_patients(Listing(rows, columns, [], tuple(remarks), layout))


def read_paths(index: ImageIndex, layout: Layout) -> Listing:
    """By the preset's regular expression; images that it does not describe are left alone."""
    form = re.compile(layout.paths or "")
    rows, patients = [], 0
    for path in index.images:
        fit = form.search(path)
        if fit is None:
            continue
        parts = fit.groupdict()
        patients += bool(parts.get("patient"))
        rows.append(
            Row(
                path=index.root / path,
                shown=path,
                label=labelled(parts.get("label") or "", layout.labels),
                split=split_named(parts["split"], layout) if parts.get("split") else None,
                patient=parts.get("patient") or None,
                view=parts.get("view"),
                masks=_masks(index, path, layout.masks),
            )
        )
    remarks = [note(f"{plural(patients, 'image')} name their patients in their paths.")]
    left = len(index.images) - len(rows)
    if left:
        remarks.append(note(f"{plural(left, 'other image')} in the folder were left alone."))
    return Listing(rows, {"label": "label"}, [], tuple(remarks), layout)


def labelled(cell: str, labels: Mapping[str, str]) -> str:
    """The label that a layout gives a cell."""
    return labels.get(cell, labels.get("*", cell)) if labels else cell


def with_patients(listing: Listing) -> Listing:
    """Patients by the images' paths, where these name them."""
    found = from_paths([row.shown for row in listing.rows], listing.layout.patient)
    rows = [replace(row, patient=who) for row, who in zip(listing.rows, found.ids, strict=True)]
    return replace(listing, rows=rows, remarks=(*listing.remarks, *found.told))


def _tops(images: Mapping[str, None]) -> dict[str, list[str]]:
    """The folders right below the root (empty: the root itself) and the images in each."""
    tops: dict[str, list[str]] = defaultdict(list)
    for path in images:
        tops[path.partition("/")[0] if "/" in path else ""].append(path)
    return tops


def _row(index: ImageIndex, path: str, by_split: bool) -> Row:
    *folders, _ = PurePosixPath(path).parts
    split = SPLIT_NAMES[plain(folders.pop(0))] if by_split and folders else None
    return Row(index.root / path, path, label=folders[0] if folders else "", split=split)


# --- images beside their masks --------------------------------------------------------------


def _is_of_pairs(name: str) -> bool:
    return plain(name) in _IMAGES | _MASKS


def _pairs(
    index: ImageIndex, tops: Mapping[str, Sequence[str]], layout: Layout, masks: bool
) -> Listing:
    """Images and masks of the same name, one folder each."""
    images = [path for name in tops if plain(name) in _IMAGES for path in tops[name]]
    of_masks = [path for name in tops if plain(name) in _MASKS for path in tops[name]]
    if not of_masks or not images:
        rows = [Row(index.root / path, path, label="") for path in index.images]
        return with_patients(Listing(rows, {}, [], (), layout))
    if not masks:
        raise DataError(
            f"{index.root}: its folders are no classes but {len(images)} images and "
            f"{len(of_masks)} masks: segment them "
            "(greendapt bench --suite segmentation), or name their labels in a labels.csv"
        )
    stems = {_stem(path): path for path in of_masks}
    rows = [
        Row(
            index.root / path,
            path,
            label="",
            masks=(index.root / stems[_stem(path)],) if _stem(path) in stems else (),
        )
        for path in images
    ]
    paired = sum(bool(row.masks) for row in rows)
    told = note(f"{paired} of {plural(len(rows), 'image')} have a mask of their name.")
    return with_patients(Listing(rows, {}, [], (told,), layout))


def _stem(path: str) -> str:
    stem = PurePosixPath(path).stem.casefold()
    for end in _MASK_ENDS:
        stem = stem.removesuffix(end)
    return stem


def _masks(index: ImageIndex, path: str, templates: Sequence[str]) -> tuple[Path, ...]:
    """The masks of an image, below the folder that the templates begin in."""
    stem = PurePosixPath(path).stem
    above = PurePosixPath(path).parent.parent
    places = [str(above / template.format(stem=stem)) for template in templates]
    return tuple(index.root / place for place in places if place in index.images)
