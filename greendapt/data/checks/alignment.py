"""Whether a task can be evaluated at all, and external labels in the order of development's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from greendapt.core.errors import DataError
from greendapt.core.remarks import Remark, note, weak
from greendapt.data.imageset import ImageSet
from greendapt.data.labels import differing
from greendapt.data.masks import mask_classes
from greendapt.data.splits import SPLITS


def development_problems(development: ImageSet) -> list[str]:
    counts = {split: int((development.splits == split).sum()) for split in SPLITS}
    name = development.name
    problems = [
        f"{name}: the split '{split}' is empty; every split needs images"
        for split, count in counts.items()
        if count == 0
    ]
    if problems or development.task == "unlabelled":
        return problems
    for split in ("train", "test"):
        absent = _absent(development.part(split))
        if split == "train" and absent:
            problems.append(
                f"{name}: the training part has no image of {', '.join(absent)}; "
                "leave the class out or split otherwise"
            )
        if split == "test" and len(absent) >= max(len(development.classes) - 1, 1):
            problems.append(f"{name}: the test part has one class only; AUC needs two")
    return problems


def _absent(one: ImageSet) -> list[str]:
    if one.targets.ndim == 1:
        there = np.isin(np.arange(len(one.classes)), one.targets)
    else:
        there = differing(one.targets)
    return [name for name, ok in zip(one.classes, there, strict=True) if not ok]


def align(one: ImageSet, development: ImageSet) -> tuple[ImageSet, list[Remark]]:
    """``one`` with its targets over development's classes."""
    if one.task != development.task:
        raise DataError(
            f"{one.name}: its labels are {one.task}, development's are {development.task}; "
            "choose the same kind of label column in both"
        )
    if one.task == "unlabelled":
        _check_masks(one, development)
        return one, []
    extra = [name for name in one.classes if name not in development.classes]
    shared = [name for name in one.classes if name in development.classes]
    there, new = ", ".join(development.classes), ", ".join(map(repr, extra))
    if not shared or (extra and one.task == "multiclass"):
        raise DataError(
            f"{one.name}: development has no class {new} (it has: {there}); "
            "add an alias to [data.aliases] or choose another label column"
        )
    notes = [weak(f"it has no {name}.") for name in development.classes if name not in shared]
    if one.task == "multiclass":
        place = np.array([development.classes.index(name) for name in one.classes])
        targets: NDArray[np.int64] | NDArray[np.float32] = place[one.targets].astype(np.int64)
    else:
        targets = np.full((len(one), len(development.classes)), np.nan, dtype=np.float32)
        for name in shared:
            targets[:, development.classes.index(name)] = one.targets[:, one.classes.index(name)]
        notes += [note(f"its finding {name} is not used, development has none.") for name in extra]
    return replace(one, classes=development.classes, targets=targets), notes


def _check_masks(one: ImageSet, development: ImageSet) -> None:
    theirs, ours = mask_classes(one), mask_classes(development)
    if theirs > ours:
        raise DataError(
            f"{one.name}: its masks hold the label {theirs - 1}, development's go up to {ours - 1}"
        )
