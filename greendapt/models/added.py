"""Small trainable parts on the frozen layers of a network, and how they are merged into these.

Each hangs on its layer as a child ``added`` and changes its output by a forward hook, so that every
other name in the network stays what it was.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, cast

import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import Tensor, nn

from greendapt.core.errors import ModelError
from greendapt.models.backbone import Backbone
from greendapt.suite.added import Added, Lora, Ssf
from greendapt.suite.trainable import matches

Layer = nn.Linear | nn.Conv2d
_CHILD = "added"
_LAYERS = (nn.Linear, nn.Conv2d, Conv2dSame)
"""Exactly these: a subclass may do something else with its weight."""


class Part(nn.Module, ABC):
    """What hangs on a layer."""

    def forward(self, x: Tensor, out: Tensor) -> Tensor:
        """From a layer's input and output, its output with the part."""
        raise NotImplementedError

    @abstractmethod
    def merge(self, layer: Layer) -> None:
        """Change the layer's own weights so that it gives without the part what it gave with."""


class LowRank(Part):
    """``scale`` * up(down(x)) on top; ``up`` starts at 0, so that at first nothing changes."""

    def __init__(self, layer: Layer, rank: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        weight = layer.weight
        self.down: Layer
        self.up: Layer
        if isinstance(layer, nn.Linear):
            self.down = nn.Linear(layer.in_features, rank, bias=False)
            self.up = nn.Linear(rank, layer.out_features, bias=False)
        else:
            self.down = type(layer)(
                layer.in_channels,
                rank,
                cast(Any, layer.kernel_size),
                stride=cast(Any, layer.stride),
                padding=cast(Any, layer.padding),
                dilation=cast(Any, layer.dilation),
                bias=False,
            )
            self.up = nn.Conv2d(rank, layer.out_channels, 1, bias=False)
        nn.init.zeros_(self.up.weight)
        self.to(weight.device, weight.dtype)

    def forward(self, x: Tensor, out: Tensor) -> Tensor:
        change: Tensor = self.up(self.down(x))
        return out + self.scale * change

    def merge(self, layer: Layer) -> None:
        change = self.up.weight.flatten(1) @ self.down.weight.flatten(1)
        layer.weight += self.scale * change.view_as(layer.weight)


class Factors(Part):
    """out * weight + shift by output, [D]; ``shift`` only where the layer has a bias to hold it."""

    def __init__(self, layer: Layer, shifted: bool) -> None:
        super().__init__()
        like = layer.weight
        outputs = like.shape[0]
        self._dims = () if isinstance(layer, nn.Linear) else (1, 1)
        self.weight = nn.Parameter(torch.ones(outputs, device=like.device, dtype=like.dtype))
        self.shift = nn.Parameter(torch.zeros_like(self.weight)) if shifted else None

    def forward(self, x: Tensor, out: Tensor) -> Tensor:
        del x
        out = out * self.weight.view(-1, *self._dims)
        return out if self.shift is None else out + self.shift.view(-1, *self._dims)

    def merge(self, layer: Layer) -> None:
        layer.weight *= self.weight.view(-1, *[1] * (layer.weight.ndim - 1))
        if layer.bias is not None:
            layer.bias *= self.weight
            if self.shift is not None:
                layer.bias += self.shift


def layers_of(backbone: Backbone, added: Added) -> Iterator[tuple[str, Layer]]:
    """The layers that the part is added to, by name. Raises ModelError where there are none, or a
    pattern names what cannot have it."""
    known = {
        name: module
        for name, module in backbone.net.named_modules()
        if type(module) in _LAYERS and getattr(module, "groups", 1) == 1 and backbone.in_unit(name)
    }
    for pattern in added.on:
        if not any(matches(pattern, name) for name in known):
            raise ModelError(
                f"{added.kind}.on = '{pattern}': '{backbone.name}' has no linear layer or "
                f"ungrouped convolution of that name (it has, for one, {next(iter(known), 'none')})"
            )
    chosen = [name for name in known if not added.on or any(matches(p, name) for p in added.on)]
    yield from ((name, cast(Layer, known[name])) for name in chosen)


def insert(backbone: Backbone, added: Added, seed: int) -> None:
    """Hang a part on each of its layers; initialised from ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _, layer in [*layers_of(backbone, added)]:
            part = (
                LowRank(layer, added.rank, added.scale)
                if isinstance(added, Lora)
                else Factors(layer, isinstance(added, Ssf) and layer.bias is not None)
            )
            layer.add_module(_CHILD, part)
            layer.register_forward_hook(_with_part)


def _with_part(layer: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> Tensor:
    with_part: Tensor = layer.get_submodule(_CHILD)(inputs[0], out)
    return with_part


@torch.no_grad()
def merge(backbone: Backbone) -> None:
    """Merge every part into its layer, and take it off."""
    for _, layer in parts_of(backbone):
        cast(Part, layer.get_submodule(_CHILD)).merge(layer)
        delattr(layer, _CHILD)
        for key, hook in [*layer._forward_hooks.items()]:
            if hook is _with_part:
                del layer._forward_hooks[key]


def parts_of(backbone: Backbone) -> list[tuple[str, Layer]]:
    """The layers that have a part."""
    modules = backbone.net.named_modules()
    return [(name, cast(Layer, module)) for name, module in modules if hasattr(module, _CHILD)]


def is_added(parameter: str) -> bool:
    """Whether a parameter of this name is of a part."""
    return f".{_CHILD}." in parameter
