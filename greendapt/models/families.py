"""How nine families of timm models are an ordered list of units: data, one function a family.

Other networks are walked through (see ``walk``); these stay as they are, so that results stay too.

A unit is the finest step that a phase can train or freeze: the stem, then one unit a residual
(or dense, or transformer) block. Stages number from 1; the stem is stage 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn


@dataclass(frozen=True)
class Unit:
    """``modules`` run one after the other; ``owns`` are parameters outside of any module."""

    name: str
    stage: int
    modules: tuple[str, ...]
    owns: tuple[str, ...] = ()
    run: Callable[[nn.Module, Tensor], Tensor] | None = None

    def __call__(self, net: nn.Module, x: Tensor) -> Tensor:
        for step in self.steps(net):
            x = step(x)
        return x

    def steps(self, net: nn.Module) -> list[Callable[[Tensor], Tensor]]:
        """What runs, one after the other."""
        if self.run is not None:
            return [partial(self.run, net)]
        return [net.get_submodule(path) for path in self.modules]


@dataclass(frozen=True)
class Family:
    """The units of a net in order, and the modules between the last block and the pooling."""

    units: tuple[Unit, ...]
    tail: tuple[str, ...] = ()

    def run(self, net: nn.Module, x: Tensor, start: int, stop: int) -> Tensor:
        """From what unit ``start`` takes to what unit ``stop`` takes."""
        for unit in self.units[start:stop]:
            x = unit(net, x)
        return x

    def steps(self, net: nn.Module, unit: int) -> list[Callable[[Tensor], Tensor]]:
        """What runs in a unit, one after the other, as far as that can be told apart."""
        return self.units[unit].steps(net)

    def entry(self, unit: int) -> str | None:
        """The module that must be there for the units before ``unit`` to run, if any."""
        del unit
        return None


def family_of(net: nn.Module) -> Family | None:
    """The unit view of a timm model, or None for a model of no family known here."""
    for fits, view in _FAMILIES:
        if all(_has(net, path) for path in fits):
            return view(net)
    return None


def _has(net: nn.Module, path: str) -> bool:
    part: object = net
    for name in path.split("."):
        part = getattr(part, name, None)
    return part is not None


def _children(net: nn.Module, path: str) -> list[str]:
    return [f"{path}.{name}" for name, _ in net.get_submodule(path).named_children()]


def _blocks(net: nn.Module, stages: list[str]) -> Iterator[Unit]:
    """One unit a child of each stage."""
    for number, stage in enumerate(stages, start=1):
        for path in _children(net, stage):
            yield Unit(path, number, (path,))


def _staged(net: nn.Module, stages: str) -> Iterator[Unit]:
    """Stages that hold ``blocks`` and perhaps a ``downsample`` before them."""
    for number, stage in enumerate(_children(net, stages), start=1):
        has_downsample = hasattr(net.get_submodule(stage), "downsample")
        before = (f"{stage}.downsample",) if has_downsample else ()
        for path in _children(net, f"{stage}.blocks"):
            yield Unit(path, number, (*before, path))
            before = ()


def _resnet(net: nn.Module) -> Family:
    stem = Unit("stem", 0, ("conv1", "bn1", "act1", "maxpool"))
    return Family((stem, *_blocks(net, [f"layer{i}" for i in range(1, 5)])))


def _inverted(net: nn.Module) -> Iterator[Unit]:
    """Inverted-residual nets have up to seven groups of blocks; those of one resolution are one
    stage, so that stage k ends at a 2 ** (k + 1)th of the image size as in a ResNet."""
    yield Unit("stem", 0, ("conv_stem", "bn1"))
    ends = [
        (int(info["module"].split(".")[1]), int(math.log2(info["reduction"])) - 1)
        for info in net.feature_info  # type: ignore[union-attr]
        if info["module"].startswith("blocks.")
    ]
    for group, path in enumerate(_children(net, "blocks")):
        number = next(stage for last, stage in ends if group <= last)
        for block in _children(net, path):
            yield Unit(block, max(1, number), (block,))


def _efficientnet(net: nn.Module) -> Family:
    return Family(tuple(_inverted(net)), ("conv_head", "bn2"))


def _mobilenetv3(net: nn.Module) -> Family:
    """The last convolution comes after the pooling, in timm's ``forward_head``."""
    return Family(tuple(_inverted(net)))


def _densenet(net: nn.Module) -> Family:
    """A unit is a dense block and the transition after it."""
    names = [name for name, _ in net.get_submodule("features").named_children()]
    first = names.index("denseblock1")
    units = [Unit("stem", 0, tuple(f"features.{n}" for n in names[:first]))]
    for number, name in enumerate((n for n in names if n.startswith("denseblock")), start=1):
        path = f"features.{name}"
        after = (f"features.transition{number}",) if f"transition{number}" in names else ()
        units.append(Unit(path, number, (path, *after)))
    return Family(tuple(units), ("features.norm5",))


def _regnet(net: nn.Module) -> Family:
    stages = _blocks(net, ["s1", "s2", "s3", "s4"])
    return Family((Unit("stem", 0, ("stem",)), *stages), ("final_conv",))


def _convnext(net: nn.Module) -> Family:
    return Family((Unit("stem", 0, ("stem",)), *_staged(net, "stages")), ("norm_pre",))


def _resnetv2(net: nn.Module) -> Family:
    return Family((Unit("stem", 0, ("stem",)), *_staged(net, "stages")), ("norm",))


def _swin(net: nn.Module) -> Family:
    return Family((Unit("stem", 0, ("patch_embed",)), *_staged(net, "layers")), ("norm",))


def _vit_stem(net: nn.Module, x: Tensor) -> Tensor:
    x = net.get_submodule("patch_embed")(x)
    x = net._pos_embed(x)  # type: ignore[operator]
    return net.norm_pre(net.patch_drop(x))  # type: ignore[operator, no-any-return]


def _vit(net: nn.Module) -> Family:
    """A plain ViT has no stages of its own: its blocks are taken in four parts, as equal as can
    be. All parameters outside of its modules are tokens and positions, which the stem adds."""
    blocks = _children(net, "blocks")
    parts = min(4, len(blocks))
    owns = tuple(name for name, _ in net.named_parameters(recurse=False))
    stem = Unit("stem", 0, ("patch_embed", "pos_drop", "patch_drop", "norm_pre"), owns, _vit_stem)
    units = (Unit(path, 1 + i * parts // len(blocks), (path,)) for i, path in enumerate(blocks))
    return Family((stem, *units), ("norm",))


_FAMILIES: tuple[tuple[tuple[str, ...], Callable[[nn.Module], Family]], ...] = (
    (("conv1", "bn1", "layer1", "layer4"), _resnet),
    (("conv_stem", "bn1", "blocks", "bn2"), _efficientnet),
    (("conv_stem", "bn1", "blocks", "norm_head"), _mobilenetv3),
    (("features.denseblock1", "features.norm5"), _densenet),
    (("stem", "s1", "s4", "final_conv"), _regnet),
    (("stem", "stages.0.blocks", "norm_pre"), _convnext),
    (("stem", "stages.0.blocks", "norm"), _resnetv2),
    (("patch_embed", "layers.0.blocks", "norm"), _swin),
    (("patch_embed", "blocks", "patch_drop", "norm_pre", "_pos_embed"), _vit),
)
