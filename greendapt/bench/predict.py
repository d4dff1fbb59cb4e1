"""How much work a stage is, in FLOP, before it runs: for time left, and to find errors early."""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from greendapt.bench.plan import Cell, Stage
from greendapt.bench.workbench import Workbench
from greendapt.core.suite import BatchNorm, Phase, Probe, Train
from greendapt.dapt.phases import first_trainable, set_phase
from greendapt.models.backbone import Backbone, create_backbone
from greendapt.models.network import Network
from greendapt.train.cost import ImageCost, image_cost
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


def work(bench: Workbench, stage: Stage) -> float:
    """Predicted FLOP of a stage, with what it and its steps cost beside their arithmetic."""
    return _STAGE_OVERHEAD + _arithmetic(bench, stage)


def _arithmetic(bench: Workbench, stage: Stage) -> float:
    suite = bench.suite
    size = suite.model.image_size
    name, cut = stage.start.backbone, stage.start.cut
    forward = _cost(name, cut, size, "head", "frozen").prefix
    development = bench.data.development
    tests = sum(len(test) for test in bench.data.external.values())
    copies = 1 + len(suite.evaluation.corruptions) * len(suite.evaluation.severities)
    tests += copies * len(development.part("test"))
    match stage.kind:
        case "pretrain":
            step = _cost(name, None, size, "all", "train").step
            return suite.fractal.images * suite.fractal.epochs * float(step)
        case "adapt":
            phase = stage.phase
            return _phase_work(bench, stage, phase, len(bench.data.pool)) if phase else 0.0
        case "features":
            return float(forward) * (len(development) - len(development.part("test")))
        case "test-features":
            return float(forward) * tests
        case "finetune" if stage.transfer is not None and not isinstance(stage.transfer, Probe):
            spec = stage.transfer
            step = _cost(name, cut, size, spec.train, spec.batch_norm).step
            images = len(bench.downstream("train", stage)[1])
            return spec.epochs_on(images) * images * (step + _STEP_OVERHEAD / spec.batch_size)
        case "probe" if stage.transfer is not None:
            images = len(bench.downstream("train", stage)[1])
            return (
                stage.transfer.epochs_on(images)
                * images
                * _STEP_OVERHEAD
                / stage.transfer.batch_size
            )
        case _:
            tuned = stage.parents[0].kind == "finetune"
            return float(forward) * tests if tuned else 0.0


def _phase_work(bench: Workbench, stage: Stage, phase: Phase, images: int) -> float:
    size = bench.suite.model.image_size
    cost = _cost(stage.start.backbone, stage.start.cut, size, phase.train, phase.batch_norm)
    constant = phase.augmentation == "none" and phase.objective == "supervised"
    cached = bench.suite.run.prefix_cache and constant
    passes = 1 if cached else phase.epochs
    steps = phase.epochs * images * (cost.step + _STEP_OVERHEAD / phase.batch_size)
    return steps + passes * images * cost.prefix


@cache
def _cost(name: str, cut: int | None, size: int, train: Train, batch_norm: BatchNorm) -> ImageCost:
    backbone = _backbone(name, cut, size)
    network = Network(backbone, nn.Identity())
    set_phase(network, train, batch_norm)
    start = first_trainable(backbone, train)
    return image_cost(network, (backbone.spec.channels, size, size), start)


@cache
def _backbone(name: str, cut: int | None, size: int) -> Backbone:
    with torch.device("meta"):
        backbone = create_backbone(name, image_size=size, cut=cut)
    activation_shape(backbone, size, len(backbone.units))  # it can run on images of this size
    return backbone
