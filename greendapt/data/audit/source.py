"""What an audit looks at: the rows of a folder, its labels, and small pictures of its images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from greendapt.core.errors import DataError
from greendapt.data.copies.appearance import SIDE, pictures
from greendapt.data.labels import NO_CLASS, Names, finding, plain
from greendapt.data.sources.file_traits import file_traits
from greendapt.data.sources.image_files import read_images
from greendapt.data.sources.listing import (
    Listing,
    Problem,
    Row,
    finding_columns,
    folder_of,
    read_folder,
)
from greendapt.data.splits import SPLITS
from greendapt.suite.datasets import FolderData

_CHUNK = 2048
YES, NO, UNSURE = 1.0, 0.0, -1.0


@dataclass(frozen=True)
class Source:
    """N images of one folder.

    labels
        Canonical name -> float32 [N] of YES, NO, UNSURE or NaN (missing). Each class of a column of
        classes is a label here.
    pictures
        uint8 [N, SIDE, SIDE], grey.
    hashes
        uint64 [N] of the decoded images.
    traits
        Of the files, [N, T].
    bad
        Position -> why the image cannot be read.
    """

    name: str
    rows: list[Row]
    labels: dict[str, NDArray[np.float32]]
    pictures: NDArray[np.uint8]
    hashes: NDArray[np.uint64]
    bad: dict[int, str]
    traits: NDArray[np.float64]
    problems: list[Problem]

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


def read(specs: Sequence[FolderData], names: Names, say: Callable[[str], None]) -> list[Source]:
    """Every folder. Raises DataError where one lists nothing, or has not the column or split."""
    paths = [folder_of(spec.path) for spec in specs]
    listings = [read_folder(path) for path in paths]
    called = _called(paths)
    chosen = [_rows(listing, spec) for listing, spec in zip(listings, specs, strict=True)]
    labels = [
        _labels(listing, rows, spec, names)
        for listing, rows, spec in zip(listings, chosen, specs, strict=True)
    ]
    done = []
    for name, listing, rows, read_labels in zip(called, listings, chosen, labels, strict=True):
        say(f"reading {len(rows)} images of {name}")
        done.append(_source(name, rows, *read_labels, problems=listing.problems))
    return done


def _source(
    name: str,
    rows: list[Row],
    labels: dict[str, NDArray[np.float32]],
    texts: list[Problem],
    problems: list[Problem],
) -> Source:
    seen, hashes = [], []
    bad: dict[int, str] = {}
    for start in range(0, len(rows), _CHUNK):
        batch = read_images([row.path for row in rows[start : start + _CHUNK]], SIDE)
        seen.append(pictures(batch.pixels))
        hashes.append(batch.hashes)
        bad |= {start + i: why for i, why in batch.bad}
    return Source(
        name=name,
        rows=rows,
        labels=labels,
        pictures=np.concatenate(seen),
        hashes=np.concatenate(hashes),
        bad=bad,
        traits=file_traits([row.path for row in rows]),
        problems=problems + texts,
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
    """Of the spec's columns, else of ``label`` and every finding; and columns of free text."""
    findings = finding_columns(listing)
    wanted = [plain(part) for part in (spec.label or "*").split(",") if part.strip()]
    unknown = [column for column in wanted if column != "*" and column not in listing.columns]
    if unknown:
        there = ", ".join(listing.columns.values()) or "no columns"
        raise DataError(f"{spec.path} has no label column '{unknown[0]}'; it has: {there}")
    if "*" in wanted:
        wanted = [*(["label"] if "label" in listing.columns else []), *findings]
    labels: dict[str, NDArray[np.float32]] = {}
    texts = []
    for column in wanted:
        cells = [row.value(column) for row in rows]
        if column in findings:
            numbers = np.array([finding(cell, UNSURE) for cell in cells], dtype=np.float32)
            columns = {names(listing.columns[column]): numbers}
        elif free_text(cells):
            texts.append(Problem(f"values of the column '{column}' are no classes", cells))
            continue
        else:
            columns = _classes(cells, names)
        for name, values in columns.items():
            labels[name] = np.fmax(labels[name], values) if name in labels else values
    return labels, texts


def _classes(cells: Sequence[str], names: Names) -> dict[str, NDArray[np.float32]]:
    there = np.array([cell.lower() not in NO_CLASS for cell in cells])
    called = np.array([names(cell) for cell in cells])
    return {
        name: np.where(there, called == name, np.nan).astype(np.float32)
        for name in sorted(set(called[there].tolist()))
    }
