"""MedMNIST's files: images, labels and splits in one .npz (Yang et al., Sci Data 2023)."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.typing import NDArray

from greendapt.core.errors import DataError
from greendapt.core.remarks import weak
from greendapt.data.imageset import ImageSet, Ints
from greendapt.data.sources.arrays import Arrays, as_image_set, labels_of, small_image
from greendapt.data.sources.base import LoadOptions
from greendapt.data.sources.image_files import in_threads, open_file
from greendapt.data.splits import SPLITS
from greendapt.suite.datasets import NpzData

_AT_ONCE_BYTES = 1 << 25
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
NOBODY_NAMED = weak(
    "No patient ids: split as published, each image counts as a patient of its own."
)


@dataclass(frozen=True)
class NpzPart:
    """One split: uint8 [N, C, S, S], uint64 [N], labels int64 [N, K]."""

    split: str
    pixels: NDArray[np.uint8]
    hashes: NDArray[np.uint64]
    labels: Ints


def load_npz(spec: NpzData, options: LoadOptions) -> ImageSet:
    """Its images, split as published. Raises DataError where it is no such file."""
    if options.needs == "masks":
        raise DataError(f"{spec.path} has no masks; use a folder")
    parts = read_npz(spec, options.image_size)
    labels = labels_of(
        str(spec.path), spec.classes, np.concatenate([part.labels for part in parts]), options
    )
    names = (f"\0{part.split} {i}" for part in parts for i in range(len(part.labels)))
    arrays = Arrays(
        np.concatenate([part.pixels for part in parts]),
        np.concatenate([part.hashes for part in parts]),
        names,
        [part.split for part in parts for _ in part.labels] if spec.split is None else [],
    )
    return as_image_set(str(spec.path.resolve()), arrays, labels, options, [NOBODY_NAMED])


def read_npz(spec: NpzData, size: int) -> list[NpzPart]:
    """Its splits, images at ``size`` px. Raises DataError where it is no such file."""
    try:
        with open_file(spec.path) as file, zipfile.ZipFile(file) as archive:
            return [_part(archive, split, size) for split in _splits(archive, spec.split)]
    except FileNotFoundError:
        raise DataError(f"{spec.path} does not exist; check the path") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{spec.path} is no file of MedMNIST: {error}") from error


# --- the file -------------------------------------------------------------------------------


def _splits(archive: zipfile.ZipFile, wanted: str | None) -> list[str]:
    """Those to read. Raises ValueError where there are none, or not the one wanted."""
    there = {name.removesuffix(".npy") for name in archive.namelist()}
    splits = [s for s in SPLITS if {f"{s}_images", f"{s}_labels"} <= there]
    if not splits:
        raise ValueError(
            f"it holds {', '.join(sorted(there)) or 'nothing'}, not train_images, train_labels, "
            "val_images and so on"
        )
    if wanted is not None and wanted not in splits:
        raise ValueError(f"it has no split '{wanted}', but {', '.join(splits)}")
    return splits if wanted is None else [wanted]


def _part(archive: zipfile.ZipFile, split: str, size: int) -> NpzPart:
    with archive.open(f"{split}_labels.npy") as file:
        labels = np.lib.format.read_array(file, allow_pickle=False)
    with archive.open(f"{split}_images.npy") as file:
        small = list(in_threads(lambda image: small_image(image, size), _images(file, len(labels))))
    broken = next((one for one in small if isinstance(one, str)), None)
    if broken is not None:
        raise ValueError(broken)
    done = [one for one in small if not isinstance(one, str)]
    if labels.ndim not in (1, 2) or labels.dtype.kind not in "iu" or not done:
        raise ValueError(f"its {split}_labels are no whole numbers [N, K] of one image or more")
    return NpzPart(
        split,
        np.stack([image for image, _ in done]),
        np.array([hashed for _, hashed in done], dtype=np.uint64),
        labels.reshape(len(labels), -1).astype(np.int64),
    )


def _images(file: IO[bytes], labels: int) -> Iterator[NDArray[np.uint8]]:
    """uint8 [H, W] or [H, W, 3], one after the other; never all of them in memory.

    Raises ValueError where the file holds anything else, or not as many as ``labels``.
    """
    reader = _HEADERS.get(np.lib.format.read_magic(file))
    if reader is None:
        raise ValueError("an array of an unknown version")
    shape, in_columns, kind = reader(file)
    colour = len(shape) == 4 and shape[3] == 3
    if kind != np.uint8 or in_columns or not (len(shape) == 3 or colour):
        raise ValueError(f"images {kind} {list(shape)}, not 8 bits [N, H, W] or [N, H, W, 3]")
    if shape[0] != labels:
        raise ValueError(f"{shape[0]} images with {labels} labels")
    nbytes = int(np.prod(shape[1:]))
    at_once = max(1, _AT_ONCE_BYTES // max(1, nbytes))
    for start in range(0, shape[0], at_once):
        count = min(at_once, shape[0] - start)
        data = file.read(count * nbytes)
        yield from np.frombuffer(data, np.uint8).reshape(count, *shape[1:])
