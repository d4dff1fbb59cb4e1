"""A suite's stages made small, so that the code of the run can time itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np

from greendapt.core.keys import key_of
from greendapt.data.imageset import ImageSet
from greendapt.data.splits import SPLITS, few_shot
from greendapt.run.context import Workbench
from greendapt.run.plan import Stage
from greendapt.stats.rules import PatienceSettings
from greendapt.store.run import RunFolder
from greendapt.suite.recipes import Phase, Recipe

_NO_LEARNING = 1e-9
"""So small a learning rate that a step costs what it costs, and no loss diverges."""

_Trained = TypeVar("_Trained", bound=Recipe)


def likeness(stage: Stage) -> str:
    """Equal for stages that take as long for the same images and steps."""
    return key_of(
        kind=stage.kind,
        backbone=stage.start.backbone,
        cut=stage.start.cut,
        phase=_views(stage.phase) if stage.kind == "prefix" else _pace(stage.phase),
        stored=stage.prefix is not None,
        transfer=_pace(stage.transfer),
    )


def _views(phase: Phase | None) -> object:
    return phase and [phase.train, phase.augmentation, phase.bank]


def _pace(recipe: Recipe | None) -> object:
    """A recipe without what changes only how many steps it takes, and where they lead."""
    same = {"epochs": 1, "learning_rate": 1.0, "min_steps": 0, "weight_decay": 0.0}
    return recipe and recipe.model_copy(update=same)


def shortened(stage: Stage, epochs: int) -> Stage:
    """The stage with so many epochs from its own start, never stopped, learning nothing."""
    phase = stage.phase and _short(stage.phase, epochs)
    if phase is not None and phase.stop is not None:
        stop = phase.stop
        never = PatienceSettings(
            rule="patience", looks=10**9, every=stop.every, on=stop.on, images=stop.images
        )
        phase = phase.model_copy(update={"stop": never})
    transfer = stage.transfer and _short(stage.transfer, epochs)
    return replace(stage, phase=phase, transfer=transfer, earlier=None)


def _short(recipe: _Trained, epochs: int) -> _Trained:
    few = {"epochs": epochs, "learning_rate": _NO_LEARNING, "min_steps": 0}
    return recipe.model_copy(update=few)


def smaller(bench: Workbench, images: int, folder: RunFolder) -> Workbench:
    """The workbench with about so many images of each set at most, writing into ``folder``."""
    fractal = bench.suite.fractal
    few = {"images": min(images, fractal.images), "epochs": min(2, fractal.epochs)}
    return Workbench(
        suite=bench.suite.model_copy(update={"fractal": fractal.model_copy(update=few)}),
        data=bench.data.each(lambda one: _some(one, images)),
        folder=folder,
        engine=bench.engine,
        generic=bench.generic,
        steps=bench.steps,
    )


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
