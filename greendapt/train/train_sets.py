"""What a phase trains: from ``head``, ``last:N``, ``all`` or stage names to flags on parameters."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from greendapt.core.errors import ModelError
from greendapt.models.backbone import Backbone
from greendapt.models.network import Network
from greendapt.suite.recipes import BatchNorm, Train


def trainable_units(backbone: Backbone, train: Train) -> frozenset[int]:
    """Indices of the units that train. The tail (final norm, last convolution) goes with the
    last unit."""
    count = len(backbone.units)
    if train == "head":
        return frozenset()
    if train == "all":
        return frozenset(range(count))
    if isinstance(train, str):
        last = int(train.removeprefix("last:"))
        if last >= count:
            raise ModelError(
                f"train = '{train}': '{backbone.name}' has {count - 1} blocks and a stem"
            )
        return frozenset(range(count - last, count))
    names = ["stem", *(f"stage{i}" for i in range(1, backbone.stages + 1))]
    unknown = [name for name in train if name not in names]
    if unknown:
        raise ModelError(
            f"train: '{backbone.name}' has no {', '.join(unknown)} (it has: {', '.join(names)})"
        )
    wanted = {names.index(name) for name in train}
    return frozenset(i for i, unit in enumerate(backbone.units) if unit.stage in wanted)


def first_trainable(backbone: Backbone, train: Train) -> int:
    """The unit before which everything is a constant function; ``len(units)`` for ``head``."""
    return min(trainable_units(backbone, train), default=len(backbone.units))


def set_phase(network: Network, train: Train, batch_norm: BatchNorm) -> None:
    """Set ``requires_grad`` and train/eval modes for a phase; the head always trains.

    Frozen units are in eval mode whatever the policy, so a frozen prefix is constant.
    """
    backbone = network.backbone
    units = trainable_units(backbone, train)
    network.train()
    modules = dict(backbone.net.named_modules())
    norms = {name for name, module in modules.items() if isinstance(module, _BatchNorm)}
    for name, module in modules.items():
        frozen_stats = name in norms and batch_norm != "train"
        module.training = not frozen_stats and backbone.unit_of(name) in units
    for name, parameter in backbone.net.named_parameters():
        of_norm = name.rpartition(".")[0] in norms
        parameter.requires_grad_(
            backbone.unit_of(name) in units and not (of_norm and batch_norm == "frozen")
        )
    network.head.requires_grad_(True)


def trainable_params(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
