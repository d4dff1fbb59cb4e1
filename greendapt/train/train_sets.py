"""From what a phase trains, as a suite says it, to flags on the parameters of a network."""

from __future__ import annotations

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
    return _units(backbone, trainable, *_chosen(backbone, trainable))


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
    whole, beside = _chosen(backbone, trainable)
    units = _units(backbone, trainable, whole, beside)
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


def _chosen(backbone: Backbone, trainable: Trainable) -> tuple[frozenset[int], frozenset[str]]:
    """The units that train as a whole, and the names of parameters that train beside them."""
    train = train_set(trainable.train)
    whole = train.units(Units(backbone.name, tuple(unit.stage for unit in backbone.units)))
    norms = {name: module for name, module in backbone.net.named_modules() if _is_norm(module)}
    beside = set()
    for name, _ in backbone.net.named_parameters():
        owner = norms.get(name.rpartition(".")[0])
        frozen = isinstance(owner, _BatchNorm) and trainable.batch_norm == "frozen"
        if not (frozen or added.is_added(name)) and train.also(Parameter(name, owner is not None)):
            beside.add(name)
    if not (whole or beside or train.freezes_stem):  # of `head` nothing trains
        why = ", as batch_norm is 'frozen'; say 'affine'"
        raise ModelError(
            f"train = '{train_text(trainable.train)}': nothing of '{backbone.name}' trains"
            + (why if trainable.batch_norm == "frozen" else "")
        )
    return whole, frozenset(beside)


def _units(
    backbone: Backbone, trainable: Trainable, whole: frozenset[int], beside: frozenset[str]
) -> frozenset[int]:
    """Of which something trains, what is added included."""
    parts = added.layers_of(backbone, trainable.added) if trainable.added else ()
    return whole | {backbone.unit_of(name) for name in (*beside, *(name for name, _ in parts))}


def _is_norm(module: nn.Module) -> bool:
    return "norm" in type(module).__name__.lower()


def trainable_params(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
