"""A dataset folder as an ImageSet; everything wrong with it stands in one error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from greendapt.core.errors import DataError
from greendapt.core.remarks import Remark, leak
from greendapt.data.imageset import ImageSet, Ints, codes
from greendapt.data.labels import plain
from greendapt.data.sources.base import LoadOptions
from greendapt.data.sources.file_traits import file_traits
from greendapt.data.sources.groups import groups
from greendapt.data.sources.image_files import Batch, read_images
from greendapt.data.sources.label_columns import Labels, label_keys, read_labels, unlabelled
from greendapt.data.sources.listing import ASTRAY, SPLIT_NAMES, Listing, Row, listed
from greendapt.data.sources.mask_files import Masks, read_masks
from greendapt.data.sources.read_folder import read_folder
from greendapt.data.sources.subgroups import subgroups
from greendapt.data.sources.traits import Traits
from greendapt.data.splits import settle_splits
from greendapt.suite.datasets import FolderData


def load_folder(spec: FolderData, options: LoadOptions) -> ImageSet:
    """Read ``spec.path``. Raises one DataError that lists every problem found."""
    listing = read_folder(spec, masks=options.needs == "masks")
    problems, leaks = _problems(listing, options.allow_leaks)
    picked = _pick(listing, spec)
    labels, label_problems = _labels(listing, picked, spec, options)
    picked = picked[labels.kept]
    rows = [listing.rows[i] for i in picked]
    batch, at = _images(listing, picked, spec, options)
    bad = dict(batch.bad)
    unreadable = [f"{rows[k].shown} ({bad[i]})" for k, i in enumerate(at.tolist()) if i in bad]
    if unreadable:
        problems.append(listed("images cannot be read", unreadable))
    problems += label_problems
    masks = _masks(rows, spec, options, batch.traits[at]) if options.needs == "masks" else None
    problems += masks.problems if masks else []
    if problems:
        raise DataError("\n".join(f"{spec.path}: {problem}" for problem in problems))
    origin = _origin(spec.path)
    patients = codes(origin, (row.patient or f"\0{row.path}" for row in rows))
    splits, split_notes = _splits(
        rows, spec, patients, labels.targets, groups(batch.pixels, at, batch.hashes, options)
    )
    return ImageSet(
        name=options.name,
        origin=origin,
        synthetic=False,
        task=labels.task,
        classes=labels.classes,
        pixels=batch.pixels,
        rows=None if len(at) == len(batch.hashes) else at,
        targets=labels.targets,
        patients=patients,
        splits=splits,
        hashes=batch.hashes[at],
        views=_views(rows),
        groups=subgroups([row.cells for row in rows]),
        masks=masks.maps if masks else None,
        traits=file_traits(batch.traits[at], [row.path for row in rows])
        if options.splits
        else None,
        notes=(
            *leaks,
            *listing.remarks,
            *labels.notes,
            *split_notes,
            *batch.remarks(at),
            *(masks.notes if masks else ()),
        ),
    )


def _problems(listing: Listing, allow_leaks: bool) -> tuple[list[str], list[Remark]]:
    """What refuses the folder, and the leaks that are allowed in it."""
    allowed = [one for one in listing.problems if allow_leaks and one.what == ASTRAY]
    refused = [str(one) for one in listing.problems if one not in allowed]
    return refused, [leak(f"{len(one.items)} {one.what}.") for one in allowed]


def _labels(
    listing: Listing, picked: Ints, spec: FolderData, options: LoadOptions
) -> tuple[Labels, list[str]]:
    if options.needs != "labels":
        return unlabelled(len(picked)), []
    keys = label_keys(listing, str(spec.path))
    rows = [listing.rows[i] for i in picked]
    return read_labels(listing, rows, keys, options.names, options.part)


def _images(
    listing: Listing, picked: Ints, spec: FolderData, options: LoadOptions
) -> tuple[Batch, Ints]:
    """The images, of all rows where there are packs, and which of them are the ``picked`` ones."""
    paths = [row.path for row in listing.rows]
    if options.packs is not None:
        return options.packs.images(spec.path, paths, options.image_size), picked
    return read_images(paths, options.image_size, picked), np.arange(len(picked))


def _origin(path: Path) -> str:
    """The folder; its parent where the folder is one split of a dataset (``chest/train``)."""
    real = path.resolve()
    return str(real.parent if plain(real.name) in SPLIT_NAMES else real)


def _pick(listing: Listing, spec: FolderData) -> Ints:
    """Positions in the listing."""
    if spec.split is None:
        return np.arange(len(listing.rows))
    if all(row.split is None for row in listing.rows):
        raise DataError(
            f"{spec.path} has no splits (no column 'split', no train/val/test folders), "
            f"so '@{spec.split}' picks nothing; leave it out"
        )
    rows = [i for i, row in enumerate(listing.rows) if row.split == spec.split]
    if not rows:
        raise DataError(f"{spec.path}: the split '{spec.split}' is empty; pick another")
    return np.array(rows)


# --- the other columns ----------------------------------------------------------------------


def _splits(
    rows: Sequence[Row],
    spec: FolderData,
    patients: NDArray[np.int64],
    targets: NDArray[np.int64] | NDArray[np.float32],
    alike: Callable[[], Ints] | None,
) -> tuple[NDArray[np.str_], tuple[Remark, ...]]:
    """The file's splits; made by patient where it has none, or where one of them was picked."""
    official = [row.split for row in rows if row.split is not None and spec.split is None]
    return settle_splits(official, patients, targets, alike)


def _views(rows: Sequence[Row]) -> NDArray[np.str_] | None:
    if all(not row.view for row in rows):
        return None
    return np.array([(row.view or "unknown").upper() for row in rows])


def _masks(rows: Sequence[Row], spec: FolderData, options: LoadOptions, images: Traits) -> Masks:
    """Of images whose files have these traits."""
    if not any(row.masks for row in rows):
        missing = "no masks; labels.csv needs a column 'mask' or 'lung_mask' with their paths"
        return Masks.none(missing)
    return read_masks([row.masks for row in rows], options.image_size, images, spec.mask_values)
