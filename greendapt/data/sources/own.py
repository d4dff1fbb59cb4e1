"""Datasets of one's own: arrays that a function of the suite's code gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from greendapt.core.errors import DataError
from greendapt.core.own_code import allowed
from greendapt.core.remarks import Remark, weak
from greendapt.data.imageset import ImageSet, Ints
from greendapt.data.sources.arrays import Arrays, as_image_set, labels_of, small_image
from greendapt.data.sources.base import LoadOptions, NoLabels
from greendapt.data.sources.image_files import in_threads
from greendapt.suite.datasets import OwnData, Split

_KEYS = ("images", "labels", "classes", "patients", "splits")
_ALONE = weak("No patient ids: each image counts as a patient of its own.")


def load_own(spec: OwnData, options: LoadOptions) -> ImageSet:
    """What the function gives, at the size that is wanted. Raises OwnCodeError where it fails,
    DataError where what it gives is no dataset."""
    where = f"own.{spec.name}"
    given = _given(spec.name)
    if options.needs == "masks":
        raise DataError(f"{where} has no masks; use a folder")
    splits = _splits(where, given)
    rows = np.arange(len(given["images"]))
    if spec.split is not None:
        rows = np.flatnonzero(np.array(splits) == spec.split)
        if not len(rows):
            raise DataError(f"{where}: none of its splits is '{spec.split}'")
    labels = labels_of(where, _classes(where, given), _labels(where, given, options)[rows], options)
    pixels, hashes = _pixels(where, [given["images"][row] for row in rows], options.image_size)
    people, alone = _patients(where, given)
    named = (people[row] for row in rows)
    arrays = Arrays(pixels, hashes, named, splits if spec.split is None else [])
    return as_image_set(where, arrays, labels, options, alone)


def _given(name: str) -> Mapping[str, Any]:
    own = allowed("dataset", name)
    with own.guard():
        given: Any = own.call()
    if not isinstance(given, Mapping) or "images" not in given or not {*given} <= {*_KEYS}:
        keys = f"keys {', '.join(map(str, given))}" if isinstance(given, Mapping) else "no mapping"
        raise DataError(
            f"own.{name}: {own.function} of {own.file.name} gives {keys}; it must give images, and "
            f"may give {', '.join(_KEYS[1:])}"
        )
    images = given["images"]
    if not isinstance(images, list | tuple | np.ndarray) or not len(images):
        raise DataError(f"own.{name}: {own.function} of {own.file.name} gives no array of images")
    return given


def _patients(where: str, given: Mapping[str, Any]) -> tuple[list[str], tuple[Remark, ...]]:
    if given.get("patients") is None:
        return [f"\0{row}" for row in range(len(given["images"]))], (_ALONE,)
    patients = [str(one) for one in given["patients"]]
    _check_length(where, given, "patients", patients)
    return patients, ()


def _pixels(
    where: str, images: Sequence[Any], size: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint64]]:
    """[N, C, S, S] and their hashes, grey ones repeated where another has colour."""
    for number, image in enumerate(images):
        shape = tuple(getattr(image, "shape", ()))
        kind = getattr(image, "dtype", type(image).__name__)
        if kind != np.uint8 or not (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)):
            raise DataError(
                f"{where}: image {number} is {kind} {list(shape)}, not a numpy array of 8 "
                "bits [H, W] or [H, W, 3]"
            )
    small = list(in_threads(lambda image: small_image(image, size), images))
    done = [one for one in small if not isinstance(one, str)]
    if len(done) < len(small):
        raise DataError(f"{where}: {next(one for one in small if isinstance(one, str))}")
    channels = max(len(image) for image, _ in done)
    pixels = np.stack([np.broadcast_to(image, (channels, size, size)) for image, _ in done])
    return pixels, np.array([hashed for _, hashed in done], dtype=np.uint64)


def _labels(
    where: str, given: Mapping[str, Any], options: LoadOptions
) -> Ints | NDArray[np.float32]:
    """[N, K]."""
    count = len(given["images"])
    if options.needs != "labels":
        return np.zeros((count, 1), dtype=np.int64)
    if given.get("labels") is None:
        raise NoLabels(f"{where} gives no labels")
    values = np.asarray(given["labels"])
    _check_length(where, given, "labels", values)
    whole = values.dtype.kind in "iub"
    if values.ndim not in (1, 2) or not (whole or (values.dtype.kind == "f" and values.ndim == 2)):
        raise DataError(
            f"{where}: labels are {values.dtype} {list(values.shape)}, not whole numbers [N], or "
            "0, 1 and NaN [N, K]"
        )
    known = values[~np.isnan(values)] if not whole else values
    if not known.size or (known != np.round(known)).any():
        raise DataError(f"{where}: labels are not 0, 1 and NaN")
    table = values.reshape(count, -1)
    return table.astype(np.int64) if whole else table.astype(np.float32)


def _classes(where: str, given: Mapping[str, Any]) -> tuple[str, ...]:
    classes = given.get("classes") or ()
    if isinstance(classes, str) or not all(isinstance(one, str) for one in classes):
        raise DataError(f"{where}: classes are no list of names")
    return tuple(classes)


def _splits(where: str, given: Mapping[str, Any]) -> list[str]:
    """Of each image; empty where none are given."""
    if given.get("splits") is None:
        return []
    splits = [str(one) for one in given["splits"]]
    _check_length(where, given, "splits", splits)
    other = sorted({*splits} - {*get_args(Split)})
    if other:
        raise DataError(f"{where}: splits hold '{other[0]}', not train, val and test alone")
    return splits


def _check_length(where: str, given: Mapping[str, Any], key: str, values: Any) -> None:
    if len(values) != len(given["images"]):
        raise DataError(f"{where}: {len(given['images'])} images with {len(values)} {key}")
