"""A dataset folder as an ImageSet; everything wrong with it stands in one error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from greendapt.core.errors import DataError
from greendapt.core.remarks import Remark, note
from greendapt.data.imageset import ImageSet, Ints, Labelling, codes
from greendapt.data.labels import (
    NO_CLASS,
    Names,
    Part,
    class_targets,
    differing,
    finding,
    merge_columns,
    no_targets,
    plain,
)
from greendapt.data.sources.base import LoadOptions, NoLabels
from greendapt.data.sources.file_traits import file_traits
from greendapt.data.sources.groups import groups
from greendapt.data.sources.image_files import Batch, read_images, read_masks
from greendapt.data.sources.listing import (
    SPLIT_NAMES,
    Listing,
    Row,
    finding_columns,
    listed,
    read_folder,
)
from greendapt.data.splits import settle_splits
from greendapt.suite.datasets import FolderData


@dataclass(frozen=True)
class Labels:
    task: Labelling
    classes: tuple[str, ...]
    targets: NDArray[np.int64] | NDArray[np.float32]
    notes: tuple[Remark, ...] = ()


def load_folder(spec: FolderData, options: LoadOptions) -> ImageSet:
    """Read ``spec.path``. Raises one DataError that lists every problem found."""
    listing = read_folder(spec.path)
    columns = _label_columns(listing, spec) if options.needs == "labels" else []
    problems = [str(problem) for problem in listing.problems]
    picked = _pick(listing, spec)
    rows = [listing.rows[i] for i in picked]
    labels, label_problems = _labels(listing, rows, columns, options)
    batch, at = _images(listing, picked, spec, options)
    bad = dict(batch.bad)
    unreadable = [f"{rows[k].shown} ({bad[i]})" for k, i in enumerate(at.tolist()) if i in bad]
    if unreadable:
        problems.append(listed("images cannot be read", unreadable))
    problems += label_problems
    masks = _masks(rows, options.image_size, problems) if options.needs == "masks" else None
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
        masks=masks,
        traits=file_traits([row.path for row in rows]) if options.splits else None,
        notes=labels.notes + split_notes + batch.notes,
    )


def _images(
    listing: Listing, picked: Ints, spec: FolderData, options: LoadOptions
) -> tuple[Batch, Ints]:
    """The images, of all rows where there are packs, and which of them are the ``picked`` ones."""
    paths = [row.path for row in listing.rows]
    if options.packs is not None:
        return options.packs.images(spec.path, paths, options.image_size), picked
    batch = read_images([paths[i] for i in picked], options.image_size)
    return batch, np.arange(len(picked))


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


# --- labels ---------------------------------------------------------------------------------


def _label_columns(listing: Listing, spec: FolderData) -> list[str]:
    """Plain names of the label columns; ``*`` and no label at all mean every finding column."""
    if spec.label is None and "label" in listing.columns:
        return ["label"]
    if spec.label is None or spec.label.strip() == "*":
        wanted = finding_columns(listing)
        missing = [] if wanted else ["label" if spec.label is None else "*"]
    else:
        wanted = [plain(part) for part in spec.label.split(",") if part.strip()]
        missing = [p.strip() for p in spec.label.split(",") if plain(p) not in listing.columns]
    if missing or not wanted:
        there = ", ".join(listing.columns.values()) or "no columns"
        raise NoLabels(
            f"{spec.path} has no label column {' or '.join(map(repr, missing)) or repr('')}; "
            f"it has: {there}"
        )
    return wanted


def _labels(
    listing: Listing,
    rows: Sequence[Row],
    columns: Sequence[str],
    options: LoadOptions,
) -> tuple[Labels, list[str]]:
    names, part = options.names, options.part
    if not columns:
        return Labels("unlabelled", (), no_targets(len(rows))), []
    findings = finding_columns(listing)
    if len(columns) > 1 or (columns[0] in findings and columns[0] != "label"):
        wrong = [listing.columns[c] for c in columns if c not in findings]
        if wrong:
            return _NOTHING, [
                listed("columns are not findings (only 0, 1, -1 or empty cells)", wrong)
            ]
        unsure = part.uncertain if part else np.nan
        values = [[finding(row.cells[column], unsure) for column in columns] for row in rows]
        shown = [listing.columns[c] for c in columns]
        merged = merge_columns(shown, np.array(values, dtype=np.float32), names)
        labels = Labels("multilabel", *merged)
        return (labels, []) if part else _differing(labels, len(columns) == len(findings))
    return _classes(columns[0], rows, names, part)


_NOTHING = Labels("unlabelled", (), np.empty(0, dtype=np.int64))


def _classes(
    column: str, rows: Sequence[Row], names: Names, part: Part | None
) -> tuple[Labels, list[str]]:
    cells = [row.value(column) for row in rows]
    empty = [row.shown for row, cell in zip(rows, cells, strict=True) if cell.lower() in NO_CLASS]
    if empty:
        return _NOTHING, [listed(f"images have no label in the column '{column}'", empty)]
    classes, targets = class_targets(cells, names)
    if len(classes) < 2 and part is None:
        return _NOTHING, [f"every image is '{classes[0]}'; at least two classes are needed"]
    return Labels("multiclass", classes, targets), []


def _differing(labels: Labels, every: bool) -> tuple[Labels, list[str]]:
    """Without findings that are the same in every image, where ``every`` column was taken."""
    targets = labels.targets
    varies = differing(targets)
    flat = [name for name, keep in zip(labels.classes, varies, strict=True) if not keep]
    if not varies.any() or (flat and not every):
        return _NOTHING, [listed("findings never differ between images", flat)]
    kept = tuple(name for name in labels.classes if name not in flat)
    notes = (note(f"Left out, the same in every image: {', '.join(flat)}."),) if flat else ()
    return Labels("multilabel", kept, targets[:, varies], notes), []


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


def _masks(rows: Sequence[Row], size: int, problems: list[str]) -> NDArray[np.uint8]:
    masks, bad = read_masks([row.mask for row in rows], size)
    if all(row.mask is None for row in rows):
        problems.append(
            "no masks; labels.csv needs a column 'mask' or 'lung_mask' with their paths"
        )
    elif bad:
        problems.append(listed("masks cannot be read", bad))
    return masks
