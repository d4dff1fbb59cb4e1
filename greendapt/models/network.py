"""A backbone with a head, and the heads."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from greendapt.models.backbone import Backbone


class Network(nn.Module):
    """``forward(x, start)``: from unit ``start`` of the backbone to the head's logits [B, K]."""

    resumable = True
    """Whether ``start`` may be another than 0."""

    def __init__(self, backbone: Backbone, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        logits: Tensor = self.head(self.backbone.run(x, start))
        return logits

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
