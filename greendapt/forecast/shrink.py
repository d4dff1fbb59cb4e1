"""A suite's data made small, so that the code of the run can time itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from greendapt.data.imageset import ImageSet
from greendapt.data.splits import SPLITS, few_shot
from greendapt.run.context import Context
from greendapt.store.run import RunFolder


def smaller(context: Context, images: int, folder: RunFolder) -> Context:
    """With about so many images of each set at most, writing into ``folder``."""
    fractal = context.suite.fractal
    few = {"images": min(images, fractal.images), "epochs": min(2, fractal.epochs)}
    suite = context.suite.model_copy(update={"fractal": fractal.model_copy(update=few)})
    data = context.data.each(lambda one: _some(one, images))
    return replace(context, suite=suite, data=data, folder=folder)


def _some(data: ImageSet, images: int) -> ImageSet:
    """A draw of each split, with two images of every class where there are as many."""
    if len(data) <= images:
        return data
    share = images / len(data)
    rows = []
    for split in SPLITS:
        here = np.flatnonzero(data.splits == split)
        rows.append(np.random.default_rng(0).permutation(here)[: round(share * len(here))])
        if len(here) and data.task != "unlabelled":
            rows.append(here[few_shot(data.targets[here], 2, 0).index])
    return data.subset(np.unique(np.concatenate(rows)))
