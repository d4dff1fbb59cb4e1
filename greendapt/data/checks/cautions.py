"""What a reader of the results should know of the development set, one sentence each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from greendapt.core.remarks import Remark, weak
from greendapt.core.text import listed
from greendapt.data.checks import words
from greendapt.data.checks.shortcuts import features, remarks, shortcuts
from greendapt.data.copies.appearance import pictures
from greendapt.data.imageset import ImageSet
from greendapt.data.leaks import column_auc, gives_away

_FEW = 30
_SAMPLE = 1000


def cautions(development: ImageSet) -> list[Remark]:
    return [
        *_small_parts(development),
        *_few_positives(development),
        *_contradictions(development),
        *_views(development),
        *_shortcuts(development),
    ]


def _small_parts(development: ImageSet) -> list[Remark]:
    counts = {split: int((development.splits == split).sum()) for split in ("val", "test")}
    consequences = {"val": "choosing the best epoch is noisy", "test": "intervals are wide"}
    return [
        weak(f"Development's {split} part has only {count} images: {consequences[split]}.")
        for split, count in counts.items()
        if count < _FEW
    ]


def _contradictions(development: ImageSet) -> list[Remark]:
    if development.task == "unlabelled":
        return []
    count = int(contradicted(development.hashes, development.targets).sum())
    text = f"{words.contradicted(count, development.name)}: one of the two labels is wrong"
    return [weak(f"{text}.")] if count else []


def contradicted(
    hashes: NDArray[np.uint64], targets: NDArray[np.int64] | NDArray[np.float32]
) -> NDArray[np.bool_]:
    """True [N] for images that another one equals whose label differs (missing ones agree)."""
    columns = np.nan_to_num(targets.reshape(len(targets), -1), nan=-1)
    agree = np.ones(len(hashes), dtype=bool)
    _, same = np.unique(hashes, return_inverse=True)
    for column in columns.T:
        known = column >= 0
        low, high = np.full(len(hashes), np.inf), np.full(len(hashes), -np.inf)
        np.minimum.at(low, same[known], column[known])
        np.maximum.at(high, same[known], column[known])
        agree &= low[same] >= high[same]
    return ~agree


def _few_positives(development: ImageSet) -> list[Remark]:
    """Of which classes the test part can tell no AUC, or none with an interval."""
    if development.task == "unlabelled":
        return []
    positive = development.part("test").hot == 1
    counts = dict(zip(development.classes, positive.sum(axis=0).tolist(), strict=True))
    one = [name for name, count in counts.items() if count == 1]
    none = [name for name, count in counts.items() if count == 0]
    remarks = []
    if one:
        remarks.append(
            weak(
                f"Development's test part has one positive of {listed(one)}: no AUC can be told "
                "of it."
            )
        )
    if none:
        remarks.append(
            weak(
                f"Development's test part has no positive of {listed(none)}: "
                "the mean AUC leaves it out."
            )
        )
    return remarks


def _shortcuts(development: ImageSet) -> list[Remark]:
    """What is alarming of a sample; nothing is looked for in what was drawn."""
    if development.task == "unlabelled" or development.drawn:
        return []
    rows = np.sort(np.random.default_rng(0).permutation(len(development))[:_SAMPLE])
    some = development.subset(rows)
    columns = some.hot.T
    if some.task == "multiclass" and len(some.classes) == 2:
        columns = columns[1:]  # of two classes one tells all
    names = some.classes[-len(columns) :]
    seen = features(pictures(some.gather()), some.traits)
    told = shortcuts(seen, dict(zip(names, columns, strict=True)), some.patients)
    return remarks(*told, words.capitalised(development.name))


def _views(development: ImageSet) -> list[Remark]:
    if development.views is None or development.task == "unlabelled":
        return []
    alone = column_auc(
        development.views,
        development.targets,
        development.splits == "train",
        development.splits == "test",
        len(development.classes),
    )
    if alone is None or len(np.unique(development.views)) < 2:
        return []
    views = ", ".join(np.unique(development.views))
    return [gives_away(f"The view alone ({views})", alone, "the development test part")]
