"""A backbone with a head, and the heads."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from greendapt.models.backbone import Backbone


class Network(nn.Module):
    """``forward(x, start)``: from unit ``start`` of the backbone to the head's logits [B, K]."""

    def __init__(self, backbone: Backbone, head: nn.Module) -> None:
        super().__init__()
        self.backbone, self.head = backbone, head

    def forward(self, x: Tensor, start: int = 0) -> Tensor:
        logits: Tensor = self.head(self.backbone.run(x, start))
        return logits


class Standardize(nn.Module):
    """(x - mean) / std by feature, fixed; [B, D] to [B, D]."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std.clamp_min(1e-6))

    def forward(self, x: Tensor) -> Tensor:
        return (x - self.mean) / self.std


def mlp(features: int, hidden: Sequence[int], outputs: int, seed: int) -> nn.Sequential:
    """Linear layers with ReLU between them; initialised from ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        widths = [features, *hidden, outputs]
        layers: list[nn.Module] = []
        for before, after in zip(widths, widths[1:], strict=False):
            layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
