"""What a reader of the results should know of the development set, one sentence each."""

from __future__ import annotations

import numpy as np

from greendapt.core.remarks import Remark, weak
from greendapt.data.imageset import ImageSet
from greendapt.data.leaks import Rasters, column_auc, near_duplicates

NEAR_DUPLICATES_UP_TO = 20_000
_FEW = 30


def cautions(development: ImageSet) -> list[Remark]:
    return _small_parts(development) + _near_duplicates(development) + _views(development)


def _small_parts(development: ImageSet) -> list[Remark]:
    counts = {split: int((development.splits == split).sum()) for split in ("val", "test")}
    consequences = {"val": "choosing the best epoch is noisy", "test": "intervals are wide"}
    return [
        weak(f"Development's {split} part has only {count} images: {consequences[split]}.")
        for split, count in counts.items()
        if count < _FEW
    ]


def _near_duplicates(development: ImageSet) -> list[Remark]:
    if len(development) > NEAR_DUPLICATES_UP_TO:
        most = f"more than {NEAR_DUPLICATES_UP_TO} images"
        return [weak(f"Near-duplicates were not looked for: development has {most}.")]
    train, test = development.part("train"), development.part("test")
    count = near_duplicates(Rasters.of(train.batches()), Rasters.of(test.batches()))
    if count == 0:
        return []
    text = f"{count} of {len(test)} development test images have a near-duplicate in training."
    return [weak(text)]


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
    text = f"The view alone ({views}) reaches AUC {alone:.2f} on the development test part"
    return [weak(f"{text} (0.50 would say that it gives nothing away).")]
