"""What is in a dataset, in one sentence: images by label and part, and patients. Counts only."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from greendapt.core.remarks import Remark, note
from greendapt.data.imageset import ImageSet
from greendapt.data.splits import SPLITS

_MOST = 12


def contents(one: ImageSet, by_part: bool) -> Remark:
    """Of ``one``; ``by_part``: its training, validation and test part apart."""
    masks = [one.splits == split for split in SPLITS] if by_part else [np.ones(len(one), bool)]
    lines = [f"{name} {_numbers(has, masks)}" for name, has in _labels(one)]
    more = f", and {len(lines) - _MOST} more labels" if len(lines) > _MOST else ""
    labels = f" ({', '.join(lines[:_MOST])}{more})" if lines else ""
    patients = " / ".join(f"{len(np.unique(one.patients[mask])):,}" for mask in masks)
    parts = ", in training / validation / test" if by_part else ""
    images = _numbers(np.ones(len(one), bool), masks)
    return note(f"Read{parts}: {images} images{labels} of {patients} patients.")


def _labels(one: ImageSet) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Each label and which images have it."""
    yield from zip(one.classes, one.hot.T == 1, strict=True)


def _numbers(has: NDArray[np.bool_], masks: list[NDArray[np.bool_]]) -> str:
    return " / ".join(f"{int((has & mask).sum()):,}" for mask in masks)
