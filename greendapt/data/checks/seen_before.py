"""Images and patients that stand in more than one set: what was trained on is not judged on."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from greendapt.core.errors import DataError
from greendapt.core.remarks import Remark, weak
from greendapt.data.imageset import ImageSet


def overlap(one: ImageSet, other: ImageSet) -> NDArray[np.bool_]:
    """True [N of one] for images that stand in ``other``, or whose patient does."""
    same = np.isin(one.hashes, other.hashes) | np.isin(one.patients, other.patients)
    return np.asarray(same)


def without_tests(
    pool: ImageSet, development: ImageSet, external: Mapping[str, ImageSet], notes: list[Remark]
) -> ImageSet:
    held = development.subset(development.splits != "train")
    for name, one in (
        ("development's validation or test part", held),
        *((f"the {one.name} set", one) for one in external.values()),
    ):
        seen = overlap(pool, one)
        if seen.all():
            raise DataError(
                f"{pool.name}: every image, or its patient, is also in {name}; choose another pool"
            )
        if seen.any():
            left_out = f"{seen.sum()} of {len(pool)} {pool.name} images were left out"
            notes.append(
                weak(f"{left_out}: they, or other images of their patients, are in {name}.")
            )
            pool = pool.subset(~seen)
    return pool


def without_seen(one: ImageSet, development: ImageSet, notes: list[Remark]) -> ImageSet:
    """The external set without what the head is trained or chosen on."""
    seen = overlap(one, development.subset(development.splits != "test"))
    if seen.all():
        raise DataError(
            f"{one.name}: every image, or its patient, is in development's training or validation "
            "part; an external set comes from elsewhere"
        )
    if not seen.any():
        return one
    left_out = f"{capitalised(one.name)}: {seen.sum()} of {len(one)} images were left out"
    where = "in development's training or validation part"
    notes.append(weak(f"{left_out}: they, or other images of their patients, are {where}."))
    return one.subset(~seen)


def same_source(
    pool: ImageSet, development: ImageSet, external: Mapping[str, ImageSet]
) -> list[Remark]:
    gain = "what DAPT gains here is the gain with data of the same source."
    inside = "it is not external to what the backbone or the head was trained on."
    pairs = [(pool, development, gain)]
    pairs += [(first, one, inside) for one in external.values() for first in (pool, development)]
    return [
        weak(f"{capitalised(a.name)} and {b.name} come from the same source: {consequence}")
        for a, b, consequence in pairs
        if a.origins & b.origins
    ]


def capitalised(name: str) -> str:
    return name[:1].upper() + name[1:]
