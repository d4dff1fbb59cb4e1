"""What a stage costs, counted on networks without memory (the meta device) before anything runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from greendapt.meter.traffic import Traffic, traffic
from greendapt.models.backbone import Backbone, InputSpec, create_backbone
from greendapt.run.context import Context
from greendapt.run.ground import Start
from greendapt.suite.objectives import Objective
from greendapt.suite.recipes import Recipe, Trainable
from greendapt.train.constant_prefix import activation_shape, feature_size
from greendapt.train.cost import ImageCost, phase_cost
from greendapt.train.loop import Fit

_STEP_OVERHEAD = 3e7
"""What a step costs beside its arithmetic, as FLOP: steps of tiny heads are not free."""
_STAGE_OVERHEAD = 5e9
"""Likewise of a stage: reading weights, meters, files; about a tenth of a second."""
_USUAL = InputSpec()
_FROZEN = Trainable("head", "frozen")


@dataclass(frozen=True)
class Effort:
    """What a stage does: ``flops`` as its record will say them, optimiser steps, the images it
    goes through (trains on, runs forward or judges), each counted once, and how often it takes
    one to validate. The host's part: images ``drawn`` by bootstraps, and ``corrupted``."""

    flops: int
    steps: int = 0
    images: int = 0
    validated: int = 0
    drawn: int = 0
    corrupted: int = 0

    @classmethod
    def of_training(cls, flops: int, fit: Fit, images: int) -> Effort:
        return cls(flops, fit.steps, images, fit.samples_validated)

    @property
    def work(self) -> float:
        """As FLOP, with what a stage and its steps cost beside their arithmetic."""
        return _STAGE_OVERHEAD + self.steps * _STEP_OVERHEAD + self.flops


Pass = Callable[[], Traffic]


@dataclass(frozen=True)
class Passes:
    """What a stage runs through its network: a training step, a batch to validate, a batch
    forward without training; None where it has none. Called, each says its operations."""

    step: Pass | None = None
    validation: Pass | None = None
    forward: Pass | None = None

    @classmethod
    def of_training(cls, module: nn.Module, row: tuple[int, ...], batch: int, held: int) -> Passes:
        """Of a module that trains on ``batch`` inputs [*row] a step, and validates ``held``."""
        step = rows(batch, row)
        validation = cls.of_forward(module, rows(held, row)).forward
        return cls(lambda: traffic(lambda: module(step), optimised=module), validation)

    @classmethod
    def of_forward(cls, forward: Callable[[Tensor], Tensor], images: Tensor) -> Passes:
        def operations() -> Traffic:
            with torch.no_grad():
                return traffic(lambda: forward(images))

        return cls(forward=operations)


def rows(count: int, row: tuple[int, ...]) -> Tensor:
    return torch.empty((count, *row), device="meta")


@cache
def backbone_of(name: str, cut: int | None, size: int, spec: InputSpec = _USUAL) -> Backbone:
    """On the meta device. Raises ModelError where it cannot run on images of this size."""
    with torch.device("meta"):
        backbone = create_backbone(name, image_size=size, cut=cut, spec=spec)
    activation_shape(backbone, size, len(backbone.units))
    return backbone


def backbone(context: Context, start: Start) -> Backbone:
    """The one with the input format of its weights; shared, so that nobody may change it."""
    return backbone_of(start.backbone, start.cut, context.image_size, spec_of(context, start))


def width(context: Context, start: Start) -> int:
    """Of the pooled features of its backbone."""
    return _width_of(start.backbone, start.cut, context.image_size, spec_of(context, start))


@cache
def _width_of(name: str, cut: int | None, size: int, spec: InputSpec) -> int:
    return feature_size(backbone_of(name, cut, size, spec), size)


def new_backbone(context: Context, start: Start) -> Backbone:
    """A new one, to set phases on."""
    size, spec = context.image_size, spec_of(context, start)
    with torch.device("meta"):
        return create_backbone(start.backbone, image_size=size, cut=start.cut, spec=spec)


def spec_of(context: Context, start: Start) -> InputSpec:
    return context.generic[start.backbone].spec


def image_shape(context: Context, start: Start) -> tuple[int, int, int]:
    """[C, H, W] in the channels of the weights."""
    return spec_of(context, start).channels, context.image_size, context.image_size


def cost(
    context: Context,
    start: Start,
    trainable: Trainable,
    head: tuple[int, ...] | Objective | None = None,
) -> ImageCost:
    """Of one image of a phase; ``head``: widths of its hidden layers and its output, or the
    objective that makes the network."""
    spec, size = spec_of(context, start), context.image_size
    return phase_cost(
        start.backbone, start.cut, spec.channels, spec.pad_type, size, trainable, head
    )


def forward_flops(context: Context, start: Start) -> int:
    """Of one image through the whole backbone."""
    return cost(context, start, _FROZEN).prefix


def forward_passes(context: Context, start: Start, batch: int, stop: int | None = None) -> Passes:
    """Of a batch of images through the backbone, up to unit ``stop`` (None: all)."""
    network = new_backbone(context, start)
    last = len(network.units) if stop is None else stop
    images = rows(batch, image_shape(context, start))
    return Passes.of_forward(lambda x: network.prefix(x, last), images)


def fit_of(recipe: Recipe, images: int, held: int, done: int = 0) -> Fit:
    """The work of a recipe on so many images, less the epochs done before; its losses are none."""
    epochs = recipe.length_on(images) - done
    return Fit(
        train_loss=(),
        val_loss=(),
        best_epoch=0,
        steps=epochs * math.ceil(images / recipe.batch_size),
        samples=epochs * images,
        samples_validated=epochs * held if recipe.needs_val_loss else 0,
    )
