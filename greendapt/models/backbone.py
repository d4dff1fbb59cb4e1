"""A timm backbone as units in order, that can be cut after a stage and run from any unit on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import timm
import torch
from torch import Tensor, nn

from greendapt.core.errors import ModelError
from greendapt.models.families import Family, Unit, family_of
from greendapt.models.own_networks import build, check_forward, own_family, own_network, pool
from greendapt.models.sources import source_of
from greendapt.models.walk import Walk, walk_of


@dataclass(frozen=True)
class InputSpec:
    """What a network's weights expect: scaling of [0, 1] input by channel, and padding."""

    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    pad_type: str | None = None

    @property
    def channels(self) -> int:
        return len(self.mean)


class Backbone(nn.Module):
    """``forward``: images [B, C, H, W], scaled by ``prepare``, to pooled features [B, D].

    ``units`` is the ordered list that ``last:N``, stage names and ``cut`` refer to. The timm
    model stays whole under ``net``, so saved weights load into timm by the same names.
    """

    net: nn.Module

    def __init__(
        self,
        name: str,
        net: nn.Module,
        spec: InputSpec,
        cut: int | None = None,
        image_size: int = 224,
    ) -> None:
        super().__init__()
        own = own_network(name)
        timms = hasattr(net, "forward_features") and hasattr(net, "forward_head")
        if own is None and not timms:
            raise ModelError(
                f"model.backbones: '{name}' has no forward_features and forward_head, by which "
                "timm's networks give features; take another backbone"
            )
        shape = (spec.channels, image_size, image_size)
        # never slower on CPU or GPU with 3 channels; a 1-channel stem is up to 10 times slower
        layout = torch.channels_last if spec.channels > 1 else torch.contiguous_format
        self.name, self.spec, self.cut = name, spec, cut
        self.net = net.to(memory_format=layout)
        self.family = own_family(own, net) if own else family_of(net) or walk_of(name, net, shape)
        self.units, self.tail = _cut(name, net, self.family, cut)
        self._owners = _owners(net, self.units)
        if cut is not None and isinstance(self.family, Walk):
            self._check_cut(self.family.starts[len(self.units) - 1].shape)

    @property
    def stages(self) -> int:
        """How many stages follow the stem."""
        return self.units[-1].stage

    def prepare(self, images: Tensor) -> Tensor:
        """uint8 or [0, 1] float [B, 1|3, H, W] to scaled float in the channels of the weights."""
        x = images.float().div(255) if images.dtype == torch.uint8 else images
        wanted = self.spec.channels
        if x.shape[1] == 3 and wanted == 1:  # ITU-R 601 luma
            x = (x * x.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
        mean = x.new_tensor(self.spec.mean).view(1, wanted, 1, 1)
        std = x.new_tensor(self.spec.std).view(1, wanted, 1, 1)
        return (x.expand(-1, wanted, -1, -1) - mean) / std

    def run(self, x: Tensor, start: int = 0, stop: int | None = None) -> Tensor:
        """Through units ``start`` to ``stop``; after the last one (stop None) also the pooling.

        ``start == len(units)`` takes pooled features and returns them.
        """
        if start < len(self.units):
            x = self.family.run(self.net, x, start, len(self.units) if stop is None else stop)
        if stop is not None or start == len(self.units):
            return x
        return self._pool(x)

    def prefix(self, x: Tensor, stop: int) -> Tensor:
        """What unit ``stop`` takes as input; with ``stop == len(units)`` the pooled features."""
        return self.run(x, 0, None if stop == len(self.units) else stop)

    def forward(self, images: Tensor) -> Tensor:
        return self.run(images)

    def _pool(self, x: Tensor) -> Tensor:
        if own_network(self.name):
            return pool(x)
        if self.cut is None:
            for path in self.tail:
                x = self.net.get_submodule(path)(x)
            return self.net.forward_head(x, pre_logits=True)  # type: ignore[operator, no-any-return]
        return self.maps(x).mean((2, 3))

    def maps(self, x: Tensor) -> Tensor:
        """What ``run`` gives after a unit, as feature maps [B, D, H, W].

        Raises ModelError where it is neither maps nor tokens of a square image.
        """
        if x.ndim == 3:
            return self._of_tokens(x)
        last = getattr(self.net, "output_fmt", "NCHW") == "NHWC"
        if isinstance(self.family, Walk):
            if x.ndim != 4 or x.shape[2] not in (x.shape[1], x.shape[3]):
                raise ModelError(
                    f"'{self.name}' gives no maps between its blocks but {[*x.shape[1:]]}: it "
                    "cannot be cut there, nor carry a U-Net"
                )
            last = x.shape[1] == x.shape[2] and (last or x.shape[2] != x.shape[3])
        return x.permute(0, 3, 1, 2) if last else x

    def _of_tokens(self, x: Tensor) -> Tensor:
        """Without the tokens before the patches': as many as timm says, else as leave a square."""
        prefix = getattr(self.net, "num_prefix_tokens", 0)
        if isinstance(self.family, Walk):  # class tokens may join late, or by stage
            prefixes = (n for n in (prefix, 0, 1, 2) if _is_square(x.shape[1] - n))
            prefix = next(prefixes, None)
            if prefix is None:
                raise ModelError(
                    f"'{self.name}' has {x.shape[1]} tokens between its blocks, no square of "
                    "them: it cannot be cut there, nor carry a U-Net"
                )
        tokens = x[:, prefix:].transpose(1, 2)
        return tokens.reshape(*tokens.shape[:2], math.isqrt(tokens.shape[2]), -1)

    def _check_cut(self, shape: tuple[int, ...]) -> None:
        """Raise ModelError unless what stands behind the last unit is maps by timm's account."""
        channels = {info["num_chs"] for info in getattr(self.net, "feature_info", ())}
        found = self.maps(torch.empty(shape, device="meta")).shape[1]
        if channels and found not in channels:
            raise ModelError(
                f"cut = {self.cut}: what stands there in '{self.name}' ({[*shape[1:]]}) is not the "
                "maps that timm tells of; leave the cut out"
            )

    def pyramid(self, x: Tensor) -> list[Tensor]:
        """The last feature maps [B, D, H, W] of each resolution, from fine to coarse."""
        levels: list[Tensor] = []
        for unit in range(len(self.units)):
            for step in self.family.steps(self.net, unit):
                x = step(x)
                maps = self.maps(x)
                if levels and levels[-1].shape[2] == maps.shape[2]:
                    levels.pop()
                levels.append(maps)
        return levels

    def end_of(self, stage: int) -> int:
        """How many units there are up to and with ``stage`` (0 is the stem)."""
        return sum(unit.stage <= stage for unit in self.units)

    def unit_of(self, name: str) -> int:
        """Index of the unit that owns a module, parameter or buffer of ``net``, also of one that
        was added to a layer since."""
        while name not in self._owners:
            name = name.rpartition(".")[0]
        return self._owners[name]

    def in_unit(self, name: str) -> bool:
        """Whether a unit names what ``name`` is part of; else it only goes with the last one."""
        return any(
            name == path or name.startswith(f"{path}.")
            for unit in self.units
            for path in (*unit.modules, *unit.owns)
        )


def _is_square(count: int) -> bool:
    return count > 0 and math.isqrt(count) ** 2 == count


def _cut(
    name: str, net: nn.Module, family: Family, cut: int | None
) -> tuple[tuple[Unit, ...], tuple[str, ...]]:
    """Keep the units up to and with stage ``cut``; what lies behind leaves the net for good."""
    if cut is None:
        return family.units, family.tail
    stages = family.units[-1].stage
    if stages == 0:
        raise ModelError(
            f"cut = {cut}: '{name}' runs only as a whole, it has no stages to cut after; "
            "leave the cut out (train = 'head' and 'all' run)"
        )
    if not 1 <= cut < stages:
        raise ModelError(
            f"cut = {cut}: '{name}' has {stages} stages, so a cut lies from 1 to {stages - 1}"
        )
    kept = tuple(unit for unit in family.units if unit.stage <= cut)
    for unit in family.units[len(kept) :]:
        for path in unit.owns:
            _drop(net, path)
    entry = family.entry(len(kept))
    _prune(net, "", {path for unit in kept for path in (*unit.modules, *unit.owns)}, entry)
    return kept, ()


def _drop(net: nn.Module, parameter: str) -> None:
    path, _, name = parameter.rpartition(".")
    setattr(net.get_submodule(path), name, None)


def _prune(module: nn.Module, prefix: str, kept: set[str], entry: str | None) -> None:
    """``entry`` stays as a module, without what it consists of; beside it so does what has no
    weights: a network may ask such a part (RoPE's angles) before it runs any block."""
    needed = kept if entry is None else kept | {f"{entry}."}
    for name, child in [*module.named_children()]:
        path = prefix + name
        if path in kept or (entry is not None and not any(True for _ in child.parameters())):
            continue
        if any(k.startswith(f"{path}.") for k in needed):
            _prune(child, f"{path}.", kept, entry)
        else:
            setattr(module, name, nn.Identity())
    if prefix == f"{entry}.":
        for name in [name for name, _ in module.named_parameters(recurse=False)]:
            setattr(module, name, None)
        for name in [name for name, _ in module.named_buffers(recurse=False)]:
            setattr(module, name, None)


def _owners(net: nn.Module, units: tuple[Unit, ...]) -> Mapping[str, int]:
    """Each module, parameter and buffer to its unit; what no unit names (the tail, what timm's
    ``forward_head`` runs) goes with the last."""
    unit_at = {path: i for i, unit in enumerate(units) for path in (*unit.modules, *unit.owns)}

    def owner(name: str) -> int:
        while name and name not in unit_at:
            name = name.rpartition(".")[0]
        return unit_at.get(name, len(units) - 1)

    names = [name for name, _ in net.named_modules()]
    return {name: owner(name) for name in (*names, *net.state_dict())}


def check_backbone(name: str) -> None:
    """Raise ModelError unless timm knows ``name``."""
    if not own_network(name):
        source_of(name)


def create_net(name: str, image_size: int, spec: InputSpec) -> nn.Module:
    """A timm model without classifier, for images of this size; weights as timm initialises."""
    if own := own_network(name):
        return build(own, image_size, spec.channels)
    source = source_of(name)
    options = source.arguments | size_option(name, image_size)
    if spec.pad_type is not None:
        options["pad_type"] = spec.pad_type
    try:
        net: nn.Module = timm.create_model(
            source.architecture,
            pretrained=False,
            **(options | {"num_classes": 0, "in_chans": spec.channels}),
        )
    except (TypeError, AssertionError, ValueError, RuntimeError) as error:
        raise ModelError(f"model: '{name}' cannot be built at {image_size} px: {error}") from error
    return net


def size_option(name: str, image_size: int) -> dict[str, object]:
    """timm's argument for networks (ViT, Swin) that are built for one image size."""
    return {"img_size": image_size} if source_of(name).expects("fixed_input_size") else {}


def create_backbone(
    name: str, *, image_size: int = 224, cut: int | None = None, spec: InputSpec | None = None
) -> Backbone:
    """A backbone with the weights timm initialises; see ``weights.load`` for trained ones."""
    spec = spec or InputSpec()
    return Backbone(name, create_net(name, image_size, spec), spec, cut, image_size)


def check_own(name: str, image_size: int) -> None:
    """Raise where a network of one's own cannot be built, or is not the sequence of its units."""
    own = own_network(name)
    if own is None:
        return
    if timm.is_model(name):
        raise ModelError(f"own.{name}: timm has a model of that name; take another")
    with torch.random.fork_rng(devices=[]):
        backbone = create_backbone(name, image_size=image_size)
    check_forward(own, backbone.net, backbone, image_size)
