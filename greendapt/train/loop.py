"""The one training loop: phases, probes, fine-tuning and generic pre-training all run here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from greendapt.core.errors import TrainingFailed
from greendapt.meter.clock import now_s
from greendapt.suite.recipes import Recipe
from greendapt.train.engine import Encode, Engine
from greendapt.train.inputs import Examples, card_room
from greendapt.train.objectives import Loss, labelled
from greendapt.train.optimizers import optimizer_of, schedule_of
from greendapt.train.reach import refuse_dead


class Diverged(TrainingFailed):
    """The loss is no longer a number."""


@dataclass(frozen=True)
class Heed:
    """What a watch says of an epoch: whether to stop, and whether its weights are the ones to
    keep so far."""

    stop: bool
    keep: bool


Watch = Callable[[int, Sequence[float]], Heed]
"""Asked after each epoch (from 1) with the validation losses of all epochs, if there are any; the
module is in eval mode meanwhile."""


def lowest(_epoch: int, val_loss: Sequence[float]) -> Heed:
    """Never stop, and keep the epoch of lowest validation loss (the first of equals)."""
    return Heed(False, bool(val_loss) and val_loss[-1] < min(val_loss[:-1], default=math.inf))


def latest(_epoch: int, _val_loss: Sequence[float]) -> Heed:
    """Never stop, and keep the last epoch."""
    return Heed(stop=False, keep=False)


@dataclass(frozen=True)
class State:
    """Where a training stands after some epochs: enough to go on as if it had not stopped."""

    train_loss: tuple[float, ...] = ()
    val_loss: tuple[float, ...] = ()
    best_epoch: int | None = None
    best: dict[str, Tensor] | None = None
    """The module in its best epoch; None where the last one is kept."""
    last: dict[str, Tensor] | None = None
    optimizer: dict[str, Any] | None = None
    generators: tuple[Tensor, ...] = ()
    moves: tuple[tuple[float, ...], ...] = ()
    """What a freezing rule has seen of each unit in each epoch."""

    @property
    def epochs(self) -> int:
        return len(self.train_loss)


@dataclass(frozen=True)
class Fit:
    """What a training left: one loss an epoch, the epoch kept, and the work really done.

    Losses are those of all epochs, ``steps`` and ``samples`` those of this call, and so is
    ``epoch_s``: seconds from its first step to the end of each epoch, validation included.
    """

    train_loss: tuple[float, ...]
    val_loss: tuple[float, ...]
    best_epoch: int
    steps: int
    samples: int
    samples_validated: int
    epoch_s: tuple[float, ...] = field(default=(), compare=False)
    state: State = field(default=State(), compare=False, repr=False)


@dataclass(frozen=True)
class Training:
    """How a training is run, whatever its recipe.

    seed
        Batches are drawn from it alone.
    on_progress
        Told after each step what share of the steps is done, up to 1.
    state
        Where to go on from, on the same machine with as many threads to the bit as in one go;
        None: from the start.
    watch
        May end the training before its recipe does, and says which epoch is kept.
    stepped
        Told after each step which share of all steps of the recipe went before it.
    begin
        Told before the first step, with the optimiser that has the parameters that train: some may
        be frozen from then on, or have another learning rate.
    """

    loss: Loss
    seed: int
    engine: Engine
    on_progress: Callable[[float], None]
    state: State | None = None
    watch: Watch = lowest
    stepped: Callable[[float], None] = lambda _share: None
    begin: Callable[[torch.optim.Optimizer], None] = lambda _optimizer: None


def fit(
    module: nn.Module,
    encode: Encode,
    train: Examples,
    val: Examples | None,
    recipe: Recipe,
    training: Training,
    draws: tuple[torch.Generator, ...] = (),
) -> Fit:
    """Train what of ``module`` requires a gradient, on ``train``, by ``recipe``.

    The module ends with the weights of the epoch that ``training.watch`` keeps: by itself the one
    of lowest validation loss, which is computed on ``val`` where the recipe needs it, else the
    last. ``draws`` are the generators that ``encode`` draws from, kept in the state. Raises
    DeadTraining before the first step when a layer that trains cannot learn, and Diverged when the
    loss is not finite.
    """
    job = _Job(module, encode, training.loss, training.engine)
    optimizer = optimizer_of(recipe, module)
    split = partial(_batches, size=recipe.batch_size, pairs=takes_statistics(module))
    steps = len(split(torch.arange(len(train))))
    order_of = torch.Generator().manual_seed(training.seed)
    generators = (order_of, *job.engine.generators(), *draws)
    now = training.state or State()
    if training.state is None:
        refuse_dead(module, encode, train, training.engine, generators)
    _restore(module, optimizer, generators, now)
    training.begin(optimizer)
    total = steps * recipe.epochs_on(len(train))
    schedule = schedule_of(recipe, optimizer, total, done=steps * now.epochs)
    held = val if val is not None and len(val) and recipe.needs_val_loss else None
    device = job.engine.device
    train = train.held_on(device, card_room(device))
    held = None if held is None else held.held_on(device, card_room(device))
    begun, end, started_s = now.epochs, recipe.length_on(len(train)), now_s()
    ends_s: list[float] = []
    for epoch in range(begun, end):
        running = torch.zeros((), device=job.engine.device)
        for step, index in enumerate(split(torch.randperm(len(train), generator=order_of))):
            running += job.step(train, index, optimizer) * len(index)
            training.stepped((epoch * steps + step) / total)
            if schedule is not None:
                schedule.step()
            training.on_progress((epoch - begun + (step + 1) / steps) / (end - begun))
        mean = job.engine.ranks.same(running.item() / len(train))
        now = replace(now, train_loss=(*now.train_loss, _finite(mean, epoch, recipe)))
        if held is not None:
            value = _finite(job.mean_loss(held), epoch, recipe)
            now = replace(now, val_loss=(*now.val_loss, value))
        heed = job.heed(training.watch, epoch, now.val_loss)
        if heed.keep:
            now = replace(now, best_epoch=epoch, best=_snapshot(module))
        ends_s.append(now_s() - started_s)
        if heed.stop:
            break
    now = _stopped(module, optimizer, generators, now)
    if now.best is not None:
        module.load_state_dict(now.best)
    return _fit(now, begun, steps, len(train), len(held or ()), ends_s)


def _fit(
    state: State, begun: int, steps: int, trained: int, validated: int, ends_s: list[float]
) -> Fit:
    """``steps``, ``trained`` and ``validated`` (images) are those of one epoch."""
    here = state.epochs - begun
    return Fit(
        train_loss=state.train_loss,
        val_loss=state.val_loss,
        best_epoch=state.epochs - 1 if state.best_epoch is None else state.best_epoch,
        steps=steps * here,
        samples=trained * here,
        samples_validated=validated * here,
        epoch_s=tuple(ends_s),
        state=state,
    )


@dataclass(frozen=True)
class _Job:
    """What a training computes: a module through an encoder to a loss."""

    module: nn.Module
    encode: Encode
    loss: Loss
    engine: Engine

    def parameters(self) -> list[nn.Parameter]:
        return [p for p in self.module.parameters() if p.requires_grad]

    def step(self, train: Examples, index: Tensor, optimizer: torch.optim.Optimizer) -> Tensor:
        value = self._loss(train, index)
        optimizer.zero_grad(set_to_none=True)
        if value.requires_grad:  # not on a rank without an image
            value.backward()  # type: ignore[no-untyped-call]
        self.engine.ranks.sum_gradients(self.parameters())
        optimizer.step()
        return value.detach()

    def _loss(self, examples: Examples, index: Tensor) -> Tensor:
        """Of the examples at ``index``, which all ranks share."""
        ranks, count = self.engine.ranks, len(index)
        inputs, targets = examples.at(index, self.engine.device, ranks.among(count).part)
        with self.engine.autocast():
            if ranks.size == 1:
                return self.loss(self.encode(inputs), targets)
            logits = ranks.logits(lambda among: self.encode(inputs, among), count, self.module)
            return self.loss(logits, targets)

    @torch.no_grad()
    def mean_loss(self, examples: Examples) -> float:
        """In eval mode, over all that is labelled."""
        summed, weights = torch.zeros(2, device=self.engine.device)
        with _evaluating(self.module):
            for index in torch.split(torch.arange(len(examples)), 64):
                weight = labelled(examples.targets[index])
                summed += self._loss(examples, index) * weight
                weights += weight
            return self.engine.ranks.same(float((summed / weights.clamp_min(1)).item()))

    def heed(self, watch: Watch, epoch: int, val_loss: Sequence[float]) -> Heed:
        """What the watch of the first rank says after ``epoch`` (from 0)."""
        with _evaluating(self.module):
            heed = watch(epoch + 1, val_loss) if self.engine.ranks.first else None
            heed = self.engine.ranks.same(heed)
        assert heed is not None
        return heed


def takes_statistics(module: nn.Module) -> bool:
    """Whether some batch norm learns from batches: on one image of 1x1 maps it cannot."""
    return any(isinstance(part, _BatchNorm) and part.training for part in module.modules())


def _batches(order: Tensor, size: int, pairs: bool) -> list[Tensor]:
    """``order`` in batches; with ``pairs`` a last one of a single image joins the one before."""
    parts = list(torch.split(order, size))
    if pairs and size > 1 and len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def _restore(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    generators: tuple[torch.Generator, ...],
    state: State,
) -> None:
    if state.last is None or state.optimizer is None:
        return
    module.load_state_dict(state.last)
    optimizer.load_state_dict(state.optimizer)
    for generator, kept in zip(generators, state.generators, strict=True):
        generator.set_state(kept)


def _stopped(
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    generators: tuple[torch.Generator, ...],
    state: State,
) -> State:
    return replace(
        state,
        last=_snapshot(module),
        optimizer=optimizer.state_dict(),
        generators=tuple(generator.get_state() for generator in generators),
    )


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Eval mode, and then each module's own mode again (a phase mixes them)."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def _finite(value: float, epoch: int, recipe: Recipe) -> float:
    if not math.isfinite(value):
        raise Diverged(
            f"the loss is not a finite number in epoch {epoch + 1}; "
            f"take a smaller learning_rate than {recipe.learning_rate:g}"
        )
    return value


def _snapshot(module: nn.Module) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in module.state_dict().items()}
