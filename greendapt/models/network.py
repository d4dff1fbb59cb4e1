"""A backbone with a head, and the heads."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from greendapt.data.augment import Views
from greendapt.models.backbone import Backbone
from greendapt.suite.objectives import Objective


class Network(nn.Module):
    """``forward(x, start)``: from unit ``start`` of the backbone to the head's logits [B, K].

    ``views``: of each image, that go through ``forward`` as images of their own: [views * B, K],
    all first views before all second ones.
    """

    resumable = True
    """Whether ``start`` may be another than 0."""
    settings: Objective | None = None
    """What it is made of beside its backbone; None: its head's widths, or counted each time."""

    def __init__(self, backbone: Backbone, head: nn.Module, views: int = 1) -> None:
        super().__init__()
        self.backbone, self.head, self.views = backbone, head, views

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        logits: Tensor = self.head(self.backbone.run(x, start))
        return logits

    def inputs(self, images: Tensor, views: Views) -> tuple[Tensor, ...]:
        """What ``forward`` takes of images [B, C, H, W] in [0, 1], which ``views`` are drawn of."""
        if self.training or self.views > 1:
            images = torch.cat([views(images) for _ in range(self.views)])
        return (self.backbone.prepare(images),)

    def begin(self) -> None:
        """A phase is set on it (what trains, which modes): make what only training needs."""

    def stepped(self, share: float) -> None:
        """The optimiser did a step, at ``share`` (from 0) of all that are to be done."""

    def finish(self) -> None:
        """It has been trained: leave in ``backbone`` and ``head`` what is to be kept."""

    def runs(self, name: str) -> bool:
        """Whether the logits come through the parameter ``name`` of the backbone's ``net``."""
        del name
        return True


class Standardize(nn.Module):
    """Centred features over one common scale, fixed; [B, D] to [B, D].

    One scale for all features, their root mean square deviation: a deviation of each own, taken
    from a few shots, is 0 for a feature that those images do not have.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        mean = features.mean(0)
        self.register_buffer("mean", mean)
        self.register_buffer("scale", (features - mean).square().mean().sqrt().clamp_min(1e-6))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.scale


def mlp(features: int, hidden: Sequence[int], outputs: int, seed: int) -> nn.Sequential:
    """Linear layers with ReLU between them; initialised from ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        widths = [features, *hidden, outputs]
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def params(module: nn.Module) -> int:
    """How many parameters, frozen ones included."""
    return sum(parameter.numel() for parameter in module.parameters())
