"""Networks of one's own: a function of the suite's code, with units by a list of sub-modules."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from greendapt.core.errors import ModelError
from greendapt.core.hints import did_you_mean
from greendapt.core.own_code import OwnFunction, loaded
from greendapt.models.families import Family, Unit


def own_network(name: str) -> OwnFunction | None:
    """What builds it; None where ``name`` is none of one's own."""
    return loaded("network", name)


def build(own: OwnFunction, image_size: int, channels: int) -> nn.Module:
    """Call it as ``function(image_size=..., channels=...)``. Raises OwnCodeError, or ModelError
    where that gives no network."""
    with own.guard():
        net = own.call(image_size=image_size, channels=channels)
    if not isinstance(net, nn.Module):
        raise ModelError(f"own.{own.name}: {_called(own)} gives no torch.nn.Module")
    if next(net.parameters(), None) is None:
        raise ModelError(f"own.{own.name}: {_called(own)} gives a network without a parameter")
    return net


def own_family(own: OwnFunction, net: nn.Module) -> Family:
    """Each of its units is a stage of its own; without units the whole network is one."""
    if not own.units:
        return Family((Unit("network", 0, (), run=_whole),))
    there = {name for name, _ in net.named_modules() if name}
    for path in own.units:
        if path not in there:
            has = ", ".join(name for name, _ in net.named_children())
            hint = did_you_mean(path, there) or f"it has: {has}"
            raise ModelError(f"own.{own.name}.units: the network has no '{path}'; {hint}")
    return Family(tuple(Unit(path, stage, (path,)) for stage, path in enumerate(own.units)))


def _whole(net: nn.Module, x: Tensor) -> Tensor:
    out: Tensor = net(x)
    return out


def check_forward(own: OwnFunction, net: nn.Module, in_units: nn.Module, image_size: int) -> None:
    """Raises ModelError unless ``in_units``, which runs the units of ``net`` one after the other
    and pools, gives what ``net`` gives, pooled: then what lies before a unit is all that it reads.
    """
    channels = 3
    images = torch.linspace(-1, 1, 2 * channels * image_size**2)
    images = images.reshape(2, channels, image_size, image_size).sin()
    net.eval()
    with torch.no_grad():
        with own.guard():
            whole = net(images)
        if not isinstance(whole, Tensor) or whole.ndim not in (2, 3, 4):
            raise ModelError(
                f"own.{own.name}: {_called(own)}: forward gives no features [B, D], tokens "
                "[B, N, D] or maps [B, D, H, W]"
            )
        with own.guard():
            parts = in_units(images)
    pooled = pool(whole)
    if parts.shape != pooled.shape or not torch.allclose(parts, pooled, 1e-4, 1e-5):
        raise ModelError(
            f"own.{own.name}.units: run one after the other they do not give what the network's "
            "forward gives: list every sub-module that it runs, in order, with nothing between them"
        )


def pool(x: Tensor) -> Tensor:
    """Features [B, D] of features, of tokens [B, N, D], or of maps [B, D, H, W]: their mean."""
    if x.ndim == 4:
        return x.mean((2, 3))
    return x.mean(1) if x.ndim == 3 else x


def _called(own: OwnFunction) -> str:
    return f"{own.function} of {Path(own.file).name}"
