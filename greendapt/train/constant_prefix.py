"""The constant prefix of a phase: what lies before its first trainable unit, computed once.

With batch-norm in eval mode and no random augmentation the prefix is a constant function of the
image, so training on its stored output equals training through it within rounding: images that go
through in other batches may meet another kernel, so that float32 outputs agree to about 1e-6 of
their size before the first update, and training lets that grow. Only the same batches on the same
machine give the same bytes. With augmentation a bank of views, drawn once, is a choice of its own:
it is not what fresh views give.
"""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import torch
from torch import Tensor

from greendapt.core.errors import ModelError
from greendapt.data.augment import augment
from greendapt.models.backbone import Backbone
from greendapt.suite.recipes import Augmentation
from greendapt.train.engine import Engine, predict
from greendapt.train.inputs import Examples, Inputs, gathered

_BATCH = 64

MEMORY_SHARE = 0.4
"""Of the memory that is free, how much stored activations may take."""


def fits(needed_bytes: int) -> bool:
    available: int = psutil.virtual_memory().available
    return needed_bytes <= MEMORY_SHARE * available


def activations(
    backbone: Backbone, inputs: Inputs, start: int, engine: Engine, since: int = 0
) -> Tensor:
    """uint8 images [N, C, H, W] to what unit ``start`` takes as input: float32 [N, ...].

    ``start == len(units)`` gives the pooled features [N, D]. The backbone runs in eval mode.
    ``since``: the inputs are what this unit takes, where it is not the first.
    """
    if since == 0:
        return torch.cat([*batches(backbone, inputs, start, engine)])
    backbone.eval()
    parts = _split(inputs)
    return torch.cat([predict(lambda x: backbone.run(x, since, start), p, engine) for p in parts])


def batches(backbone: Backbone, images: Inputs, start: int, engine: Engine) -> Iterator[Tensor]:
    """The same of images, a batch at a time: neither they nor activations need to fit into
    memory."""
    backbone.eval()
    for part in _split(images):
        yield predict(lambda x: backbone.prefix(backbone.prepare(x), start), part, engine)


def stored(
    backbone: Backbone, examples: Examples, start: int, engine: Engine, since: int = 0
) -> Examples:
    """The same examples with their `activations` for inputs."""
    inputs = gathered(examples.inputs, examples.rows)
    return Examples(activations(backbone, inputs, start, engine, since), examples.targets)


def _split(images: Inputs) -> Iterator[Tensor]:
    for start in range(0, len(images), _BATCH):
        yield images[start : start + _BATCH]


def banked(
    backbone: Backbone,
    images: Inputs,
    start: int,
    engine: Engine,
    *,
    views: int,
    kind: Augmentation,
    seed: int,
) -> Iterator[Tensor]:
    """`batches` of the images, then of ``views`` augmented copies of all, drawn from ``seed``."""
    yield from batches(backbone, images, start, engine)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(views):
        for part in _split(images):
            seen = augment(part.float() / 255, kind, generator)
            yield predict(lambda x: backbone.prefix(backbone.prepare(x), start), seen, engine)


@torch.no_grad()
def activation_shape(backbone: Backbone, image_size: int, start: int) -> tuple[int, ...]:
    """Shape, without the batch, of what unit ``start`` takes as input.

    Raises ModelError where the network cannot run on images of this size.
    """
    weight = next(backbone.parameters())
    backbone.eval()
    image = torch.zeros((1, backbone.spec.channels, image_size, image_size), device=weight.device)
    try:
        return tuple(backbone.prefix(image, start).shape[1:])
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"model.image_size: '{backbone.name}' cannot run on {image_size} px images: {reason}"
        ) from error


def feature_size(backbone: Backbone, image_size: int) -> int:
    """D, the width of the pooled features [N, D]."""
    return activation_shape(backbone, image_size, len(backbone.units))[0]
