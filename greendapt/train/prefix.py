"""The constant prefix of a phase: what lies before its first trainable unit, computed once.

With batch-norm in eval mode and no random augmentation the prefix is a constant function of the
image, so training on its stored output equals training through it.
"""

from __future__ import annotations

import psutil
import torch
from torch import Tensor

from greendapt.core.errors import ModelError
from greendapt.models.backbone import Backbone
from greendapt.train.loop import Engine, predict

MEMORY_SHARE = 0.4
"""Of the memory that is free, how much stored activations may take."""


def fits(needed_bytes: int) -> bool:
    available: int = psutil.virtual_memory().available
    return needed_bytes <= MEMORY_SHARE * available


def activations(backbone: Backbone, images: Tensor, start: int, engine: Engine) -> Tensor:
    """uint8 images [N, C, H, W] to what unit ``start`` takes as input: float32 [N, ...].

    ``start == len(units)`` gives the pooled features [N, D]. The backbone runs in eval mode.
    """
    backbone.eval()
    return predict(lambda x: _through(backbone, backbone.prepare(x), start), images, engine)


@torch.no_grad()
def activation_shape(backbone: Backbone, image_size: int, start: int) -> tuple[int, ...]:
    """Shape, without the batch, of what unit ``start`` takes as input.

    Raises ModelError where the network cannot run on images of this size.
    """
    weight = next(backbone.parameters())
    backbone.eval()
    image = torch.zeros((1, backbone.spec.channels, image_size, image_size), device=weight.device)
    try:
        return tuple(_through(backbone, image, start).shape[1:])
    except (RuntimeError, AssertionError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(
            f"model.image_size: '{backbone.name}' cannot run on {image_size} px images: {reason}"
        ) from error


def _through(backbone: Backbone, x: Tensor, start: int) -> Tensor:
    return backbone.run(x, 0, None if start == len(backbone.units) else start)


def feature_size(backbone: Backbone, image_size: int) -> int:
    """D, the width of the pooled features [N, D]."""
    return activation_shape(backbone, image_size, len(backbone.units))[0]
