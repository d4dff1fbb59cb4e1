"""How much work a stage is before it runs: for time left, for plans, and to find errors early."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import torch

from greendapt.core.records import Kind
from greendapt.models import weights
from greendapt.models.backbone import Backbone, InputSpec, create_backbone
from greendapt.models.network import mlp
from greendapt.models.unet import UNet
from greendapt.run.context import Workbench, head_widths
from greendapt.run.plan import Cell, Stage, Start
from greendapt.suite.datasets import Split
from greendapt.suite.recipes import BatchNorm, FineTune, Phase, Probe, Recipe, Segment
from greendapt.suite.trainable import Train
from greendapt.train.cost import ImageCost, head_cost, image_cost, nbytes, phase_cost
from greendapt.train.loop import Fit
from greendapt.train.prefix import activation_shape, fits
from greendapt.train.train_sets import first_trainable, set_phase
from greendapt.transfer.scores.evidence import evidence_flops

_SPLITS: tuple[Split, ...] = ("train", "val")
_USUAL = InputSpec()

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


@dataclass(frozen=True)
class Effort:
    """What a stage does: ``flops`` as its record will say them, optimiser steps, the images it
    goes through (trains on, runs forward or judges), each counted once, and how often it takes
    one to validate."""

    flops: int
    steps: int = 0
    images: int = 0
    validated: int = 0


def work(bench: Workbench, stage: Stage) -> float:
    """Predicted FLOP of a stage, with what it and its steps cost beside their arithmetic."""
    asked = effort(bench, stage)
    return _STAGE_OVERHEAD + asked.steps * _STEP_OVERHEAD + asked.flops


def effort(bench: Workbench, stage: Stage) -> Effort:
    """Exact where no stop rule ends a phase early (then it is the most), and where a prefix that
    the plan wants stored can be stored."""
    bench = bench.of(stage)
    match stage.kind:
        case Kind.PRETRAIN:
            return _pretrained(bench, stage)
        case Kind.PREFIX:
            return _prefixed(bench, stage)
        case Kind.ADAPT:
            return _adapted(bench, stage)
        case Kind.FEATURES:
            development = bench.data.development
            return _forward(bench, stage, len(development) - _tested(bench))
        case Kind.TEST_FEATURES:
            return _forward(bench, stage, judged_images(bench))
        case Kind.PROBE:
            return _probed(bench, stage)
        case Kind.FINETUNE:
            return _tuned(bench, stage)
        case Kind.EVALUATE:
            return _judged(bench, stage)


def judged_images(bench: Workbench) -> int:
    """Development's test part, its corrupted copies, and all external sets."""
    evaluation = bench.suite.evaluation
    copies = 1 + len(evaluation.corruptions) * len(evaluation.severities)
    return copies * _tested(bench) + sum(map(len, bench.data.external.values()))


def _tested(bench: Workbench) -> int:
    return int((bench.data.development.splits == "test").sum())


def _pretrained(bench: Workbench, stage: Stage) -> Effort:
    asked = bench.suite.fractal
    cost = _cost(bench, replace(stage.start, cut=None), "all", "train", (asked.classes,))
    steps = asked.epochs * math.ceil(asked.images / asked.batch_size)
    return Effort(cost.step * asked.epochs * asked.images, steps, asked.images)


def _prefixed(bench: Workbench, stage: Stage) -> Effort:
    assert stage.phase is not None
    rows = len(bench.data.pool) * (1 + stage.phase.bank)
    return Effort(_cost(bench, stage.start, stage.phase.train, "frozen").prefix * rows, 0, rows)


def _adapted(bench: Workbench, stage: Stage) -> Effort:
    phase = stage.phase
    assert phase is not None
    images, held = map(len, bench.pool)
    head = head_widths(phase, len(bench.data.pool.classes))
    cost = _cost(bench, stage.start, phase.train, phase.batch_norm, head)
    done = stage.earlier.epochs if stage.earlier else 0
    asked = _trained(phase, images, held, done, phase.until)
    views = 2 if phase.objective == "simclr" else 1
    through = 0 if stage.prefix else (asked.samples + asked.samples_validated) * views
    flops = cost.of(asked, through, views) + _looks(bench, stage, phase)
    return _fitted(flops, asked, images)


def _looks(bench: Workbench, stage: Stage, phase: Phase) -> int:
    """What scores on development cost: those of a stop rule, and those that are tracked."""
    size, backbone = bench.suite.model.image_size, _meta(bench, stage.start)
    train = int((bench.data.development.splits == "train").sum())
    flops = 0
    for said in (phase.stop, phase.watch):
        names = () if said is None else (said.on,) if isinstance(said.on, str) else said.on
        names = tuple(name for name in names if name != "val_loss")
        if said is not None and names:
            every = said.every or phase.length
            looks = math.ceil(phase.length / every)
            flops += looks * min(said.images, train) * evidence_flops(backbone, names, size)
    return flops


def _forward(bench: Workbench, stage: Stage, images: int) -> Effort:
    return Effort(_cost(bench, stage.start, "head", "frozen").prefix * images, 0, images)


def _probed(bench: Workbench, stage: Stage) -> Effort:
    assert isinstance(stage.transfer, Probe)
    images, held = (len(bench.downstream(split, stage)) for split in _SPLITS)
    asked = _trained(stage.transfer, images, held)
    return _fitted(_head_cost(bench, stage).of(asked, 0), asked, images)


def _head_cost(bench: Workbench, stage: Stage) -> ImageCost:
    assert isinstance(stage.transfer, Probe)
    size = bench.suite.model.image_size
    backbone = _meta(bench, stage.start)
    width = activation_shape(backbone, size, len(backbone.units))[0]
    return _mlp_cost(width, stage.transfer.hidden, len(bench.data.development.classes))


def _tuned(bench: Workbench, stage: Stage) -> Effort:
    asked = stage.transfer
    images, held = (len(bench.downstream(split, stage)) for split in _SPLITS)
    if isinstance(asked, Segment):
        trained = _trained(asked, images, held)
        return _fitted(_unet_cost(bench, stage).of(trained, 0), trained, images)
    assert isinstance(asked, FineTune)
    trained = _trained(asked, images, held)
    head = (len(bench.data.development.classes),)
    cost = _cost(bench, stage.start, asked.train, asked.batch_norm, head)
    size = bench.suite.model.image_size
    backbone = _meta(bench, stage.start)
    start = first_trainable(backbone, asked.train)
    seen = images + (held if asked.select == "best" else 0)
    shape = activation_shape(backbone, size, start)
    kept = bench.suite.run.prefix_cache and asked.augmentation == "none" and start > 0
    kept = kept and fits(nbytes(seen, shape))
    through = seen if kept else trained.samples + trained.samples_validated
    return _fitted(cost.of(trained, through), trained, images)


def _judged(bench: Workbench, stage: Stage) -> Effort:
    images = judged_images(bench)
    if isinstance(stage.transfer, Segment):
        return Effort(_unet_cost(bench, stage).forward * images, 0, images)
    if isinstance(stage.transfer, Probe):
        return Effort(_head_cost(bench, stage).forward * images, 0, images)
    return _forward(bench, stage, images)


def _fitted(flops: int, fit: Fit, images: int) -> Effort:
    return Effort(flops, fit.steps, images, fit.samples_validated)


def _trained(
    recipe: Recipe, images: int, held: int, done: int = 0, until: int | None = None
) -> Fit:
    """The work of a recipe on so many images, less the epochs done before; its losses are none."""
    whole = recipe.epochs_on(images)
    validates = recipe.needs_val_loss
    epochs = min(whole, until or whole) - done
    return Fit(
        train_loss=(),
        val_loss=(),
        best_epoch=0,
        steps=epochs * math.ceil(images / recipe.batch_size),
        samples=epochs * images,
        samples_validated=epochs * held if validates else 0,
    )


def _cost(
    bench: Workbench,
    start: Start,
    train: Train,
    batch_norm: BatchNorm,
    head: tuple[int, ...] | None = None,
) -> ImageCost:
    spec, size = _spec(bench, start), bench.suite.model.image_size
    return phase_cost(
        start.backbone, start.cut, spec.channels, spec.pad_type, size, train, batch_norm, head
    )


def _meta(bench: Workbench, start: Start) -> Backbone:
    return _backbone(start.backbone, start.cut, bench.suite.model.image_size, _spec(bench, start))


def _spec(bench: Workbench, start: Start) -> InputSpec:
    return weights.spec_of(start.backbone, bench.generic[start.backbone])


@cache
def _mlp_cost(width: int, hidden: tuple[int, ...], outputs: int) -> ImageCost:
    return head_cost(mlp(width, hidden, outputs, 0), width)


def _unet_cost(bench: Workbench, stage: Stage) -> ImageCost:
    asked = stage.transfer
    assert isinstance(asked, Segment)
    size, outputs = bench.suite.model.image_size, bench.mask_outputs
    return _network_cost(
        *(stage.start.backbone, stage.start.cut, size, _spec(bench, stage.start)),
        *(outputs, asked.train, asked.batch_norm),
    )


@cache
def _network_cost(
    name: str,
    cut: int | None,
    size: int,
    spec: InputSpec,
    outputs: int,
    train: Train,
    batch_norm: BatchNorm,
) -> ImageCost:
    backbone = _backbone(name, cut, size, spec)
    network = UNet(backbone, outputs, image_size=size, seed=0)
    set_phase(network, train, batch_norm)
    return image_cost(network, (spec.channels, size, size), 0)


@cache
def _backbone(name: str, cut: int | None, size: int, spec: InputSpec = _USUAL) -> Backbone:
    with torch.device("meta"):
        backbone = create_backbone(name, image_size=size, cut=cut, spec=spec)
    activation_shape(backbone, size, len(backbone.units))  # it can run on images of this size
    return backbone
