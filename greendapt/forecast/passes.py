"""What a stage runs through its network, on the meta device: a step, validation, forward passes."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from greendapt.meter.traffic import Traffic, traffic
from greendapt.models import weights
from greendapt.models.backbone import Backbone, create_backbone
from greendapt.models.network import Network, mlp
from greendapt.models.unet import UNet
from greendapt.run.context import Workbench, head_widths
from greendapt.run.plan import Stage
from greendapt.suite.recipes import Phase, Probe, Segment
from greendapt.train.prefix import activation_shape, feature_size
from greendapt.train.train_sets import first_trainable, set_phase

Pass = Callable[[], Traffic] | None


def passes_of(bench: Workbench, stage: Stage, batch: int, ranks: int = 1) -> list[Pass]:
    """A training step of one of ``ranks`` that share it, a validation batch of ``batch``, and as
    large a batch without training; None where the stage has none."""
    if stage.kind == "evaluate" and isinstance(stage.transfer, Probe):
        return [None, None, None]  # a head on stored features: nothing beside the bootstrap
    with torch.device("meta"):
        return _passes(bench.of(stage), stage, batch, ranks)


def _passes(bench: Workbench, stage: Stage, batch: int, ranks: int) -> list[Pass]:
    size = bench.suite.model.image_size
    backbone = _backbone(bench, stage)
    if stage.kind in ("features", "test-features", "prefix") or (
        stage.kind == "evaluate" and not isinstance(stage.transfer, Segment)
    ):
        stop = len(backbone.units)
        if stage.kind == "prefix" and stage.phase is not None:
            stop = first_trainable(backbone, stage.phase.train)
        images = _images(backbone, batch, size)
        return [None, None, _forward(lambda: backbone.prefix(images, stop))]
    module, row, images_a_step = _trained(bench, stage, backbone)
    step, seen = _rows(math.ceil(images_a_step / ranks), row), _rows(batch, row)
    forward = _forward(lambda: module(seen))
    if stage.kind == "evaluate":
        return [None, None, forward]
    return [lambda: traffic(lambda: module(step), optimised=module), forward, None]


def _trained(
    bench: Workbench, stage: Stage, backbone: Backbone
) -> tuple[nn.Module, tuple[int, ...], int]:
    """What trains, the shape of one of its inputs, and how many of them a step takes."""
    size, classes = bench.suite.model.image_size, len(bench.data.development.classes)
    image = (backbone.spec.channels, size, size)
    width = feature_size(backbone, size)
    asked = stage.phase or stage.transfer
    if stage.kind == "pretrain":
        fractal = bench.suite.fractal
        network = Network(backbone, mlp(width, (), fractal.classes, 0))
        set_phase(network, "all", "train")
        return network, image, fractal.batch_size
    assert asked is not None
    if isinstance(asked, Probe):
        images = len(bench.downstream("train", stage))
        return mlp(width, asked.hidden, classes, 0), (width,), min(images, asked.batch_size)
    if isinstance(asked, Phase):
        *hidden, outputs = head_widths(asked, len(bench.data.pool.classes))
        network = Network(backbone, mlp(width, tuple(hidden), outputs, 0))
        set_phase(network, asked.train, asked.batch_norm)
        images = min(len(bench.pool[0]), asked.batch_size)
        images *= 2 if asked.objective == "simclr" else 1
        if stage.prefix is None:
            return network, image, images
        start = first_trainable(backbone, asked.train)
        return _Rest(network, start), activation_shape(backbone, size, start), images
    images = min(len(bench.downstream("train", stage)), asked.batch_size)
    if isinstance(asked, Segment):
        network = UNet(backbone, bench.mask_outputs, image_size=size, seed=0)
    else:
        network = Network(backbone, mlp(width, (), classes, 0))
    set_phase(network, asked.train, asked.batch_norm)
    return network, image, images


class _Rest(nn.Module):
    """A network from a unit on."""

    def __init__(self, network: Network, start: int) -> None:
        super().__init__()
        self.network, self.start = network, start

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x, self.start)
        return logits


def _backbone(bench: Workbench, stage: Stage) -> Backbone:
    start = stage.start
    spec = weights.spec_of(start.backbone, bench.generic[start.backbone])
    size = bench.suite.model.image_size
    return create_backbone(start.backbone, image_size=size, cut=start.cut, spec=spec)


def _images(backbone: Backbone, batch: int, size: int) -> Tensor:
    return _rows(batch, (backbone.spec.channels, size, size))


def _rows(count: int, row: tuple[int, ...]) -> Tensor:
    return torch.empty((count, *row), device="meta")


def _forward(run: Callable[[], Tensor]) -> Callable[[], Traffic]:
    def measured() -> Traffic:
        with torch.no_grad():
            return traffic(run)

    return measured
