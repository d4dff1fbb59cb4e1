"""FLOPs of what a training really ran: cached prefix, steps, validation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from greendapt.data.augment import Shapes
from greendapt.meter.flops import step_flops, training_step_flops
from greendapt.models.backbone import Backbone, InputSpec, create_backbone
from greendapt.models.network import Network, mlp
from greendapt.suite.objectives import Objective
from greendapt.suite.recipes import Trainable
from greendapt.train.constant_prefix import feature_size
from greendapt.train.learners.base import learner_of
from greendapt.train.loop import Fit
from greendapt.train.train_sets import first_trainable, set_phase


@dataclass(frozen=True)
class ImageCost:
    """FLOPs of one image: through the prefix once, through the rest forward, and one step."""

    prefix: int
    forward: int
    step: int
    uncounted: tuple[str, ...] = ()

    def of(self, fit: Fit, images_through_prefix: int, views: int = 1) -> int:
        """All of a training; ``views`` is how many of each image a step takes (SimCLR: 2)."""
        trained = self.step * fit.samples * views
        validated = self.forward * fit.samples_validated * views
        return self.prefix * images_through_prefix + trained + validated


@cache
def phase_cost(
    name: str,
    cut: int | None,
    channels: int,
    pad_type: str | None,
    image_size: int,
    trainable: Trainable,
    head: tuple[int, ...] | Objective | None,
) -> ImageCost:
    """`image_cost` of a phase, on the meta device: counted once, before anything is timed.

    ``head``: widths of its hidden layers and its output, or the objective that makes the network;
    None for a network without one.
    """
    spec = InputSpec((0.5,) * channels, (0.5,) * channels, pad_type)
    with torch.device("meta"):
        backbone = create_backbone(name, image_size=image_size, cut=cut, spec=spec)
        if isinstance(head, Objective):
            network = learner_of(head, outputs=0).network(backbone, image_size, seed=0)
        else:
            width = feature_size(backbone, image_size)
            last = nn.Identity() if head is None else mlp(width, head[:-1], head[-1], 0)
            network = Network(backbone, last)
    set_phase(network, trainable)
    network.begin()
    shape = (channels, image_size, image_size)
    return image_cost(network, shape, first_trainable(backbone, trainable))


def image_cost(network: Network, input_shape: tuple[int, ...], start: int) -> ImageCost:
    """Cost of the phase that is set on ``network``, which trains from unit ``start`` on.

    ``input_shape`` is that of one image [C, H, W] in the channels of the weights. Of a network that
    can start at any unit it is the cost of one view, of another the cost of all that an image
    becomes.
    """
    image = torch.empty((1, *input_shape), device="meta")
    prefix = prefix_flops(network.backbone, input_shape[-1], start)
    whole = step_flops(network, [image] if network.resumable else network.inputs(image, Shapes()))
    return ImageCost(prefix, whole.forward - prefix, whole.total - prefix, whole.uncounted)


def head_cost(head: nn.Module, features: int) -> ImageCost:
    """Cost of training a head on stored features [N, D]."""
    step = training_step_flops(head, (1, features))
    return ImageCost(0, step.forward, step.total, step.uncounted)


def forward_flops(backbone: Backbone, image_size: int) -> int:
    """FLOPs of one image through the whole backbone."""
    return prefix_flops(backbone, image_size, len(backbone.units))


def prefix_flops(backbone: Backbone, image_size: int, start: int) -> int:
    """FLOPs of one image up to unit ``start``, with the pooling where that is behind the last."""
    shape = (1, backbone.spec.channels, image_size, image_size)
    return _forward(_Prefix(backbone, start), shape) if start > 0 else 0


def nbytes(images: int, shape: tuple[int, ...]) -> int:
    """Bytes of float32 activations [images, *shape]."""
    return 4 * images * math.prod(shape)


def _forward(model: nn.Module, shape: tuple[int, ...]) -> int:
    """Forward FLOPs; a loss that needs no gradient spares the backward pass."""
    return training_step_flops(model, shape, loss=lambda output: output.detach().sum()).forward


class _Prefix(nn.Module):
    def __init__(self, backbone: Backbone, start: int) -> None:
        super().__init__()
        self.backbone, self.start = backbone, start

    def forward(self, x: Tensor) -> Tensor:
        return self.backbone.prefix(x, self.start)
