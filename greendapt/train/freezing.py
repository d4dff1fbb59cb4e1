"""A phase whose first units stop training, or slow down, as it goes on: an epoch at a time, each
going on from the state of the one before, with what is frozen by then, and the constant prefix that
follows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from greendapt.models.backbone import Backbone
from greendapt.models.network import Network
from greendapt.suite.recipes import Phase
from greendapt.train import constant_prefix
from greendapt.train.cost import ImageCost, image_cost, nbytes, prefix_flops
from greendapt.train.engine import Encode, Engine
from greendapt.train.inputs import Examples
from greendapt.train.loop import Fit, Heed, State, Training, Watch, fit
from greendapt.train.optimizers import rate_units
from greendapt.train.steepness import Steepness


@dataclass(frozen=True)
class Way:
    """How a network is fed: ``encode`` takes images, or what unit ``start`` takes."""

    encode: Encode
    train: Examples
    val: Examples | None
    start: int = 0

    @property
    def images(self) -> int:
        return len(self.train) + len(self.val or ())


@dataclass(frozen=True)
class Freezing:
    """What such a training did: its fit, its FLOPs, the most bytes it stored, and how many units
    were frozen in each of its epochs."""

    fit: Fit
    flops: int
    cached_bytes: int = 0
    fronts: tuple[int, ...] = ()


def fit_freezing(
    network: Network,
    way: Way,
    recipe: Phase,
    training: Training,
    draws: tuple[torch.Generator, ...],
    image_size: int,
    *,
    follow: Callable[[Network, int], Encode] | None,
) -> Freezing:
    """As `fit`, by ``recipe.freeze`` too. The phase is set on ``network``.

    ``follow`` gives the way from activations at a unit; None: what is frozen is run each time.
    """
    rule = recipe.freeze
    assert rule is not None
    flags, engine = _Flags(network), training.engine
    epochs, end = recipe.epochs_on(len(way.train)), recipe.length_on(len(way.train))
    state, done = training.state or State(), list[Fit]()
    flops, cached, fronts = 0, 0, list[int]()
    costs: dict[tuple[int, int], ImageCost] = {}  # counting takes as long as some small epochs
    while state.epochs < end:
        front = rule.front(state.moves, epochs)
        if state.last is not None:
            network.load_state_dict(state.last)  # `fit` leaves the best
        if follow and front > way.start and _fits(network.backbone, way, front, image_size, engine):
            once = prefix_flops(network.backbone, image_size, front)
            once -= prefix_flops(network.backbone, image_size, way.start)
            flops += once * way.images * engine.ranks.size  # each rank has its own
            way = _followed(network, way, front, engine, follow)
            cached = max(cached, _bytes(network.backbone, way, front, image_size))
        before = state.last or {k: v.clone() for k, v in network.state_dict().items()}
        flags.restore()
        if (at := (front, way.start)) not in costs:
            costs[at] = _cost(network, *at, image_size)
            flags.restore()
        watch = _Heard(training.watch)
        steep = Steepness(network.backbone, training.stepped) if rule.by_gradients else None
        part = fit(
            network,
            way.encode,
            way.train,
            way.val,
            recipe.model_copy(update={"until": state.epochs + 1}),
            replace(
                training,
                state=state if state.epochs else None,
                watch=watch,
                on_progress=_share_of(training, len(fronts), end),
                stepped=steep or training.stepped,
                begin=partial(_begin, network.backbone, recipe, front, state),
            ),
            draws,
        )
        moves = steep.mean() if steep else _moves(network.backbone, before, part.state.last or {})
        state = replace(part.state, moves=(*state.moves, engine.ranks.same(moves)))
        flops += costs[at].of(part, 0)
        done.append(part)
        fronts.append(front)
        if watch.stop:
            break
    return Freezing(_joined(done, state), flops, cached, tuple(fronts))


class _Heard:
    """A watch, and whether it has said to stop."""

    def __init__(self, watch: Watch) -> None:
        self._watch, self.stop = watch, False

    def __call__(self, epoch: int, val_loss: object) -> Heed:
        heed = self._watch(epoch, val_loss)  # type: ignore[arg-type]
        self.stop = heed.stop
        return heed


class _Flags:
    """What trains, and in which mode, as the phase was set."""

    def __init__(self, network: nn.Module) -> None:
        self._modes = [(module, module.training) for module in network.modules()]
        self._train = [(p, p.requires_grad) for p in network.parameters()]

    def restore(self) -> None:
        for module, mode in self._modes:
            module.training = mode
        for parameter, train in self._train:
            parameter.requires_grad_(train)


def _begin(
    backbone: Backbone, recipe: Phase, front: int, state: State, optimizer: torch.optim.Optimizer
) -> None:
    assert recipe.freeze is not None
    _freeze(backbone, front)
    if recipe.freeze.by_gradients and state.moves:
        rate_units(recipe, optimizer, recipe.freeze.rates(state.moves))


def _freeze(backbone: Backbone, front: int) -> None:
    """The first ``front`` units."""
    for name, module in backbone.net.named_modules():
        if backbone.unit_of(name) < front:
            module.training = False
    for name, parameter in backbone.net.named_parameters():
        if backbone.unit_of(name) < front:
            parameter.requires_grad_(False)


def _moves(
    backbone: Backbone, before: Mapping[str, Tensor], after: Mapping[str, Tensor]
) -> tuple[float, ...]:
    """How far the parameters of each unit went."""
    squares = [0.0] * len(backbone.units)
    for name, _ in backbone.net.named_parameters():
        key = f"backbone.net.{name}"
        way = after[key].double() - before[key].double().to(after[key].device)
        squares[backbone.unit_of(name)] += float(way.square().sum())
    return tuple(square**0.5 for square in squares)


def _cost(network: Network, front: int, start: int, image_size: int) -> ImageCost:
    """Of an image from unit ``start`` on, where ``front`` units are frozen."""
    _freeze(network.backbone, front)
    return image_cost(network, (network.backbone.spec.channels, image_size, image_size), start)


def _bytes(backbone: Backbone, way: Way, front: int, image_size: int) -> int:
    return nbytes(way.images, constant_prefix.activation_shape(backbone, image_size, front))


def _fits(backbone: Backbone, way: Way, front: int, image_size: int, engine: Engine) -> bool:
    needed = _bytes(backbone, way, front, image_size)
    return engine.ranks.same(constant_prefix.fits(needed))


def _followed(
    network: Network,
    way: Way,
    front: int,
    engine: Engine,
    follow: Callable[[Network, int], Encode],
) -> Way:
    """The same images as what unit ``front`` takes, from what the way has of them now."""

    def moved(examples: Examples) -> Examples:
        return constant_prefix.stored(network.backbone, examples, front, engine, way.start)

    val = None if way.val is None else moved(way.val)
    return Way(follow(network, front), moved(way.train), val, front)


def _share_of(training: Training, done: int, end: int) -> Callable[[float], None]:
    first = training.state.epochs if training.state else 0
    return lambda share: training.on_progress((done + share) / (end - first))


def _joined(parts: list[Fit], state: State) -> Fit:
    """The fits of epochs in a row as one."""
    ends, so_far = list[float](), 0.0
    for part in parts:
        ends += [so_far + end for end in part.epoch_s]
        so_far = ends[-1]
    return replace(
        parts[-1],
        steps=sum(part.steps for part in parts),
        samples=sum(part.samples for part in parts),
        samples_validated=sum(part.samples_validated for part in parts),
        epoch_s=tuple(ends),
        state=state,
    )
