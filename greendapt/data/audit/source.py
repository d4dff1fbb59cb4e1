"""What an audit looks at: the rows of a dataset, its labels, and small pictures of its images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from greendapt.core.errors import DataError
from greendapt.core.remarks import Remark
from greendapt.data.copies.appearance import SIDE, pictures
from greendapt.data.labels import Names, Part
from greendapt.data.sources.arrays import labels_of
from greendapt.data.sources.base import LoadOptions
from greendapt.data.sources.file_traits import file_traits
from greendapt.data.sources.image_files import read_images
from greendapt.data.sources.label_columns import Labels, label_keys, read_labels, unlabelled
from greendapt.data.sources.listing import (
    Listing,
    Problem,
    Row,
)
from greendapt.data.sources.npz import NOBODY_NAMED, read_npz
from greendapt.data.sources.read_folder import folder_of, read_folder
from greendapt.data.splits import SPLITS
from greendapt.suite.datasets import FolderData, NpzData

YES, NO, UNSURE = 1.0, 0.0, -1.0


@dataclass(frozen=True)
class Source:
    """N images of one folder or file.

    labels
        Canonical name -> float32 [N] of YES, NO, UNSURE or NaN (missing). Each class of a column of
        classes is a label here.
    pictures
        uint8 [N, SIDE, SIDE], grey.
    hashes
        uint64 [N] of the decoded images.
    traits
        Of the files, [N, T]; None where the images are no files.
    bad
        Position -> why the image cannot be read.
    remarks
        How it was read, as a run would say.
    """

    name: str
    rows: list[Row]
    labels: dict[str, NDArray[np.float32]]
    pictures: NDArray[np.uint8]
    hashes: NDArray[np.uint64]
    bad: dict[int, str]
    traits: NDArray[np.float64] | None
    problems: list[Problem]
    remarks: tuple[Remark, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def splits(self) -> list[str]:
        """Of each image; empty where the folder has none, or another word."""
        return [row.split if row.split in SPLITS else "" for row in self.rows]


def free_text(values: Sequence[str]) -> bool:
    """Whether a column holds what is of one image rather than of a kind of images."""
    distinct = len(set(values))
    return distinct > 20 and distinct > len(values) / 2


def read(
    specs: Sequence[FolderData | NpzData], names: Names, say: Callable[[str], None]
) -> list[Source]:
    """All of them. Raises DataError where one lists nothing, or has not the column or split."""
    called = _called([folder_of(spec.path) for spec in specs])
    readers = [
        _npz(name, spec, names) if isinstance(spec, NpzData) else _folder(name, spec, names, say)
        for name, spec in zip(called, specs, strict=True)
    ]  # every table is looked at before the first image of any folder
    return [reader() for reader in readers]


def _npz(name: str, spec: NpzData, names: Names) -> Callable[[], Source]:
    parts = read_npz(spec, SIDE)
    options = LoadOptions(name=name, image_size=SIDE, names=names, part=Part(UNSURE))
    values = np.concatenate([part.labels for part in parts])
    labels = labels_of(str(spec.path), spec.classes, values, options)
    pixels = np.concatenate([part.pixels for part in parts])
    return lambda: Source(
        name=name,
        rows=[
            Row(spec.path, f"{part.split} {place + 1}", split=part.split)
            for part in parts
            for place in range(len(part.labels))
        ],
        labels=dict(
            _columns(
                replace(unlabelled(len(values)), classes=labels.classes, targets=labels.targets)
            )
        ),
        pictures=pictures(pixels),
        hashes=np.concatenate([part.hashes for part in parts]),
        bad={},
        traits=None,
        problems=[],
        remarks=(NOBODY_NAMED, *labels.notes),
    )


def _folder(
    name: str, spec: FolderData, names: Names, say: Callable[[str], None]
) -> Callable[[], Source]:
    listing = read_folder(spec)
    rows = _rows(listing, spec)
    labels, texts = _labels(listing, rows, spec, names)

    def images() -> Source:
        say(f"reading {len(rows)} images of {name}")
        return _source(name, rows, labels, texts, listing)

    return images


def _source(
    name: str,
    rows: list[Row],
    labels: dict[str, NDArray[np.float32]],
    texts: list[Problem],
    listing: Listing,
) -> Source:
    paths = [row.path for row in rows]
    batch = read_images(paths, SIDE)
    return Source(
        name=name,
        rows=rows,
        labels=labels,
        pictures=pictures(batch.pixels),
        hashes=batch.hashes,
        bad=dict(batch.bad),
        traits=file_traits(batch.traits, paths),
        problems=listing.problems + texts,
        remarks=(*listing.remarks, *batch.remarks()),
    )


def _called(paths: Sequence[Path]) -> list[str]:
    """The folders' own names; with their parents' where two are the same."""
    short = [path.resolve().name or str(path) for path in paths]
    return [
        f"{path.resolve().parent.name}/{name} ({k + 1})" if short.count(name) > 1 else name
        for k, (path, name) in enumerate(zip(paths, short, strict=True))
    ]


def _rows(listing: Listing, spec: FolderData) -> list[Row]:
    rows = [row for row in listing.rows if spec.split is None or row.split == spec.split]
    if not rows:
        part = "" if spec.split is None else f" in the split '{spec.split}'"
        raise DataError(f"{spec.path} lists no image inside it{part}")
    return rows


def _labels(
    listing: Listing, rows: Sequence[Row], spec: FolderData, names: Names
) -> tuple[dict[str, NDArray[np.float32]], list[Problem]]:
    """Of the spec's columns, else of ``label`` and every finding, as a run would read them; and
    columns of free text."""
    tolerant = replace(listing, layout=replace(listing.layout, missing="drop"))
    labels: dict[str, NDArray[np.float32]] = {}
    texts = []
    for keys in _asked(listing, spec):
        cells = [row.value(keys[0]) for row in rows]
        if len(keys) == 1 and keys[0] not in listing.findings and free_text(cells):
            texts.append(Problem(f"values of the column '{keys[0]}' are no classes", cells))
            continue
        read, problems = read_labels(tolerant, rows, keys, names, Part(UNSURE))
        if problems:
            raise DataError("\n".join(f"{spec.path}: {problem}" for problem in problems))
        for name, values in _columns(read):
            labels[name] = np.fmax(labels[name], values) if name in labels else values
    return labels, texts


def _asked(listing: Listing, spec: FolderData) -> list[list[str]]:
    """Keys of label columns, those together that are read together."""
    findings = listing.findings
    if listing.layout.label in (None, "*"):
        return [["label"]] * ("label" in listing.columns) + [findings] * bool(findings)
    keys = label_keys(listing, str(spec.path))
    return [keys] if set(keys) <= set(findings) else [[key] for key in keys]


def _columns(labels: Labels) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Each label with its values float32 [N], NaN for rows without."""
    for k, name in enumerate(labels.classes):
        values = np.full(len(labels.kept), np.nan, dtype=np.float32)
        targets = labels.targets
        values[labels.kept] = targets[:, k] if targets.ndim == 2 else targets == k
        yield name, values
