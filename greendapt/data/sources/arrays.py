"""Images and labels that come as arrays, of a file or of a function of one's own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from greendapt.core.errors import DataError
from greendapt.core.remarks import Remark
from greendapt.data.imageset import ImageSet, Ints, Labelling, codes, content_hash
from greendapt.data.labels import class_targets, merge_columns, no_targets, without_constant
from greendapt.data.sources.base import LoadOptions
from greendapt.data.sources.groups import groups
from greendapt.data.splits import settle_splits


@dataclass(frozen=True)
class ArrayLabels:
    """``targets`` as an `ImageSet` has them."""

    task: Labelling
    classes: tuple[str, ...]
    targets: Ints | NDArray[np.float32]
    notes: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class Arrays:
    """Small images uint8 [N, C, S, S] and their hashes uint64 [N] as they were, what names each
    one's patient [N], and the splits as published [N]; empty: splits are made."""

    pixels: NDArray[np.uint8]
    hashes: NDArray[np.uint64]
    people: Iterable[str]
    published: Sequence[str]


def as_image_set(
    origin: str,
    arrays: Arrays,
    labels: ArrayLabels,
    options: LoadOptions,
    notes: Sequence[Remark] = (),
) -> ImageSet:
    """``notes`` stand before those of labels and splits."""
    patients = codes(origin, arrays.people)
    pixels, hashes = arrays.pixels, arrays.hashes
    alike = groups(pixels, np.arange(len(pixels)), hashes, options)
    splits, split_notes = settle_splits(arrays.published, patients, labels.targets, alike)
    return ImageSet(
        name=options.name,
        origin=origin,
        synthetic=False,
        task=labels.task,
        classes=labels.classes,
        pixels=pixels,
        targets=labels.targets,
        patients=patients,
        splits=splits,
        hashes=hashes,
        notes=(*notes, *labels.notes, *split_notes),
    )


def small_image(image: NDArray[np.uint8], size: int) -> tuple[NDArray[np.uint8], int]:
    """uint8 [H, W] or [H, W, 3] as [C, S, S], and the hash of the image as it was."""
    small = np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR))
    return (small.transpose(2, 0, 1) if small.ndim == 3 else small[None]), content_hash(image)


def labels_of(
    where: str,
    called: tuple[str, ...],
    values: Ints | NDArray[np.float32],
    options: LoadOptions,
) -> ArrayLabels:
    """Of [N, K]: classes from 0 where K is 1, else findings 0 and 1, NaN where nothing is known.

    ``where`` they stand; ``called``: names of classes or findings, in order; none: their numbers.
    Raises DataError where they do not fit each other, or teach nothing.
    """
    if options.needs != "labels":
        return ArrayLabels("unlabelled", (), no_targets(len(values)))
    several = values.shape[1] > 1
    least, most = float(np.nanmin(values)), float(np.nanmax(values))
    count = values.shape[1] if several else int(most) + 1
    called = called or tuple(map(str, range(count)))
    if least < 0 or len(called) != count or (several and most > 1):
        raise DataError(
            f"{where}: {values.shape[1]} columns of labels from {least:g} to {most:g} do not fit "
            f"{len(called)} classes"
        )
    if several:
        return _findings(where, called, values, options)
    cells = [called[int(value)] for value in values[:, 0]]
    classes, targets = class_targets(cells, options.names, called)
    if options.part is None and len(np.unique(targets)) < 2:
        raise DataError(f"{where}: every image is '{cells[0]}'; at least two are needed")
    return ArrayLabels("multiclass", classes, targets)


def _findings(
    where: str, called: tuple[str, ...], values: Ints | NDArray[np.float32], options: LoadOptions
) -> ArrayLabels:
    """Those that differ between images (of one source of several: all)."""
    classes, targets = merge_columns(called, values.astype(np.float32), options.names)
    if options.part is not None:
        return ArrayLabels("multilabel", classes, targets)
    names, varies, left_out = without_constant(classes, targets)
    if not names:
        raise DataError(f"{where}: no finding differs between images")
    return ArrayLabels("multilabel", names, targets[:, varies], left_out)
