"""From what a phase trains, as a suite says it, to flags on the parameters of a network."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from greendapt.core.errors import ModelError
from greendapt.models import added
from greendapt.models.backbone import Backbone
from greendapt.models.network import Network
from greendapt.suite.recipes import Trainable
from greendapt.suite.trainable import Parameter, Units, train_set, train_text


def trainable_units(backbone: Backbone, trainable: Trainable) -> frozenset[int]:
    """Indices of the units of which something trains. The tail (final norm, last convolution) goes
    with the last unit."""
    beside = {backbone.unit_of(name) for name in _beside(backbone, trainable)}
    if trainable.added is not None:
        beside |= {backbone.unit_of(n) for n, _ in added.layers_of(backbone, trainable.added)}
    return _whole(backbone, trainable) | beside


def first_trainable(backbone: Backbone, trainable: Trainable) -> int:
    """The unit before which everything is a constant function; ``len(units)`` for ``head``.

    Raises ModelError where the backbone has nothing of what is to train.
    """
    return min(trainable_units(backbone, trainable), default=len(backbone.units))


def set_phase(network: Network, trainable: Trainable, seed: int = 0) -> None:
    """Set ``requires_grad`` and train/eval modes for a phase, and add what it adds; the head always
    trains.

    Units of which nothing trains are in eval mode whatever the policy, so a frozen prefix is
    constant. What the network does not run does not train. ``seed``: of what is added.
    """
    backbone = network.backbone
    whole, units = _whole(backbone, trainable), trainable_units(backbone, trainable)
    beside = {*_beside(backbone, trainable)}
    if trainable.added is not None:
        added.insert(backbone, trainable.added, seed)
    network.train()
    modules = dict(backbone.net.named_modules())
    norms = {name for name, module in modules.items() if isinstance(module, _BatchNorm)}
    for name, module in modules.items():
        frozen_stats = name in norms and trainable.batch_norm != "train"
        module.training = not frozen_stats and backbone.unit_of(name) in units
    for name, parameter in backbone.net.named_parameters():
        of_norm = name.rpartition(".")[0] in norms
        trains = (backbone.unit_of(name) in whole or name in beside) and network.runs(name)
        trains = trains and not (of_norm and trainable.batch_norm == "frozen")
        parameter.requires_grad_(trains or added.is_added(name))
    network.head.requires_grad_(True)


def end_phase(network: Network) -> None:
    """Merge what the phase added."""
    added.merge(network.backbone)


def _whole(backbone: Backbone, trainable: Trainable) -> frozenset[int]:
    stages = tuple(unit.stage for unit in backbone.units)
    return train_set(trainable.train).units(Units(backbone.name, stages))


def _beside(backbone: Backbone, trainable: Trainable) -> Iterator[str]:
    """Names of the parameters that train although their unit does not as a whole."""
    chosen, some = train_set(trainable.train), False
    wanted = _whole(backbone, trainable) or chosen.freezes_stem  # then it may be none
    norms = {name: module for name, module in backbone.net.named_modules() if _is_norm(module)}
    for name, _ in backbone.net.named_parameters():
        owner = norms.get(name.rpartition(".")[0])
        if added.is_added(name) or not chosen.also(Parameter(name, owner is not None)):
            continue
        if not (isinstance(owner, _BatchNorm) and trainable.batch_norm == "frozen"):
            some = True
            yield name
    if not some and not wanted:
        frozen = ", as batch_norm is 'frozen'; say 'affine'"
        raise ModelError(
            f"train = '{train_text(trainable.train)}': nothing of '{backbone.name}' trains"
            + (frozen if trainable.batch_norm == "frozen" else "")
        )


def _is_norm(module: nn.Module) -> bool:
    return "norm" in type(module).__name__.lower()


def trainable_params(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
