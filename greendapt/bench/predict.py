"""How much work a stage is, in FLOP, before it runs: for time left, and to find errors early."""

from __future__ import annotations

from functools import cache

import torch

from greendapt.bench.plan import Cell, Stage
from greendapt.bench.workbench import Workbench, head_widths
from greendapt.core.suite import BatchNorm, FineTune, Phase, Probe, Recipe, Segment, Train
from greendapt.dapt.phases import first_trainable, set_phase
from greendapt.models.backbone import Backbone, create_backbone
from greendapt.models.unet import UNet
from greendapt.train.cost import ImageCost, image_cost, phase_cost
from greendapt.train.prefix import activation_shape

_STEP_OVERHEAD = 3e7
"""What a step costs beside its arithmetic, as FLOP: steps of tiny heads are not free."""


_STAGE_OVERHEAD = 5e9
"""Likewise of a stage: reading weights, meters, files; about a tenth of a second."""


def check_models(cells: list[Cell], image_size: int) -> None:
    """Build and run every cut, address every phase, on the meta device; ModelError where one
    cannot."""
    for stage in {s.key: s for cell in cells for s in cell.stages}.values():
        backbone = _backbone(stage.start.backbone, stage.start.cut, image_size)
        if stage.phase is not None:
            first_trainable(backbone, stage.phase.train)
        if stage.transfer is not None and not isinstance(stage.transfer, Probe):
            first_trainable(backbone, stage.transfer.train)
        if isinstance(stage.transfer, Segment):
            UNet(backbone, 1, image_size=image_size, seed=0)


def work(bench: Workbench, stage: Stage) -> float:
    """Predicted FLOP of a stage, with what it and its steps cost beside their arithmetic."""
    return _STAGE_OVERHEAD + _arithmetic(bench, stage)


def _arithmetic(bench: Workbench, stage: Stage) -> float:
    suite = bench.suite
    size = suite.model.image_size
    name, cut = stage.start.backbone, stage.start.cut
    development = bench.data.development
    tests = sum(len(test) for test in bench.data.external.values())
    copies = 1 + len(suite.evaluation.corruptions) * len(suite.evaluation.severities)
    tested = int((development.splits == "test").sum())
    tests += copies * tested
    forward = float(_cost(name, cut, size, "head", "frozen").prefix)
    match stage.kind:
        case "pretrain":
            step = _cost(name, None, size, "all", "train").step
            return suite.fractal.images * suite.fractal.epochs * float(step)
        case "prefix" if stage.phase is not None:
            cost = _cost(name, cut, size, stage.phase.train, "frozen")
            return float(cost.prefix) * len(bench.data.pool) * (1 + stage.phase.bank)
        case "adapt" if stage.phase is not None:
            head = head_widths(stage.phase, len(bench.data.pool.classes))
            return _phase_work(stage, stage.phase, size, len(bench.pool[0]), head)
        case "features":
            return forward * (len(development) - tested)
        case "test-features":
            return forward * tests
        case "finetune" if isinstance(stage.transfer, FineTune):
            spec, head = stage.transfer, (len(development.classes),)
            step = _cost(name, cut, size, spec.train, spec.batch_norm, head).step
            return _steps_work(stage.transfer, len(bench.downstream("train", stage)), step)
        case "finetune" if isinstance(stage.transfer, Segment):
            unet = stage.transfer
            step = _unet_cost(name, cut, size, unet.train, unet.batch_norm).step
            return _steps_work(unet, len(bench.downstream("train", stage)), step)
        case "evaluate" if isinstance(stage.transfer, Segment):
            return float(_unet_cost(name, cut, size, "head", "frozen").forward) * tests
        case "probe" if stage.transfer is not None:
            return _steps_work(stage.transfer, len(bench.downstream("train", stage)), 0)
        case _:
            return forward * tests if stage.parents[0].kind == "finetune" else 0.0


def _phase_work(stage: Stage, phase: Phase, size: int, images: int, head: tuple[int, ...]) -> float:
    cost = _cost(stage.start.backbone, stage.start.cut, size, phase.train, phase.batch_norm, head)
    views = 2 if phase.objective == "simclr" else 1
    image = (cost.step + (0 if stage.prefix else cost.prefix)) * views
    done = stage.earlier.epochs * images if stage.earlier else 0
    return _steps_work(phase, images, image, done, phase.until)


def _steps_work(
    recipe: Recipe, images: int, image: int, done: int = 0, until: int | None = None
) -> float:
    """Of a recipe on so many images, each of them ``image`` FLOP, less those done before."""
    epochs = min(recipe.epochs_on(images), until or recipe.epochs_on(images))
    samples = epochs * images - done
    return samples * (image + _STEP_OVERHEAD / recipe.batch_size)


def _cost(
    name: str,
    cut: int | None,
    size: int,
    train: Train,
    batch_norm: BatchNorm,
    head: tuple[int, ...] | None = None,
) -> ImageCost:
    return phase_cost(name, cut, 3, None, size, train, batch_norm, head)


@cache
def _unet_cost(
    name: str, cut: int | None, size: int, train: Train, batch_norm: BatchNorm
) -> ImageCost:
    backbone = _backbone(name, cut, size)
    network = UNet(backbone, 1, image_size=size, seed=0)
    set_phase(network, train, batch_norm)
    return image_cost(network, (backbone.spec.channels, size, size), 0)


@cache
def _backbone(name: str, cut: int | None, size: int) -> Backbone:
    with torch.device("meta"):
        backbone = create_backbone(name, image_size=size, cut=cut)
    activation_shape(backbone, size, len(backbone.units))  # it can run on images of this size
    return backbone
