"""From what a phase trains, as a suite says it, to flags on the parameters of a network."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from greendapt.models.backbone import Backbone
from greendapt.models.network import Network
from greendapt.suite.recipes import BatchNorm
from greendapt.suite.trainable import Train, Units, train_set


def trainable_units(backbone: Backbone, train: Train) -> frozenset[int]:
    """Indices of the units that train. The tail (final norm, last convolution) goes with the
    last unit."""
    stages = tuple(unit.stage for unit in backbone.units)
    return train_set(train).units(Units(backbone.name, stages))


def first_trainable(backbone: Backbone, train: Train) -> int:
    """The unit before which everything is a constant function; ``len(units)`` for ``head``."""
    return min(trainable_units(backbone, train), default=len(backbone.units))


def set_phase(network: Network, train: Train, batch_norm: BatchNorm) -> None:
    """Set ``requires_grad`` and train/eval modes for a phase; the head always trains.

    Frozen units are in eval mode whatever the policy, so a frozen prefix is constant. What the
    network does not run does not train.
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
        trains = backbone.unit_of(name) in units and network.runs(name)
        parameter.requires_grad_(trains and not (of_norm and batch_norm == "frozen"))
    network.head.requires_grad_(True)


def trainable_params(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
