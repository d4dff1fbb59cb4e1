"""The one training loop: phases, probes, fine-tuning and generic pre-training all run here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from greendapt.core.errors import GreendaptError, MeterError
from greendapt.core.recipes import Recipe
from greendapt.meter.clock import now_s
from greendapt.train.inputs import Inputs, take
from greendapt.train.objectives import Loss, labelled
from greendapt.train.parallel import ALONE, Ranks
from greendapt.train.step import PLAIN, Step

Encode = Callable[..., Tensor]
"""From a batch of inputs (uint8 images, cached activations or features) to logits. With several
ranks it is also told `Among` which images these are: draws are then made for all of them."""


class Diverged(GreendaptError):
    """The loss is no longer a number."""

    exit_code = 4


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
class Bank:
    """``views`` augmented copies of ``images`` images lie behind the images themselves."""

    views: int
    images: int
    generator: torch.Generator

    def draw(self, rows: Tensor) -> Tensor:
        """A random view of each of ``rows``."""
        view = torch.randint(1, self.views + 1, rows.shape, generator=self.generator)
        return rows + view * self.images


@dataclass(frozen=True)
class Examples:
    """``inputs`` uint8 [M, C, H, W] or cached float [M, ...]; ``targets`` [N] or [N, K].

    ``rows`` [N]: which of the inputs each example is (None: M = N, in order). Inputs on a disk are
    then read batch by batch, and a part of them is not a copy. ``bank``: the inputs are views of
    each image, of which one is drawn each time.
    """

    inputs: Inputs
    targets: Tensor
    rows: Tensor | None = None
    bank: Bank | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def at(
        self, index: Tensor, device: torch.device, part: slice = slice(None)
    ) -> tuple[Tensor, Tensor]:
        """Inputs of a ``part`` of the examples at ``index``, and targets of all of them."""
        rows = index if self.rows is None else self.rows[index]
        rows = rows if self.bank is None else self.bank.draw(rows)
        return take(self.inputs, rows[part]).to(device), self.targets[index].to(device)


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
class Engine:
    """Where and how arithmetic runs, and on how many processes a training does."""

    device: torch.device
    step: Step = PLAIN
    ranks: Ranks = ALONE

    @classmethod
    def on(cls, said: str) -> Engine:
        """``auto``, ``cpu`` or ``cuda``; MeterError where there is no such device."""
        if said == "cuda" and not torch.cuda.is_available():
            raise MeterError("--device cuda: torch sees no CUDA device; take --device cpu")
        if said == "auto":
            said = "cuda" if torch.cuda.is_available() else "cpu"
        if said == "cuda":
            torch.backends.cudnn.benchmark = False
            torch.backends.cudnn.deterministic = True
        return cls(torch.device(said))

    def autocast(self) -> AbstractContextManager[object]:
        return self.step.autocast(self.device)


def fit(
    module: nn.Module,
    encode: Encode,
    train: Examples,
    val: Examples | None,
    *,
    recipe: Recipe,
    loss: Loss,
    seed: int,
    engine: Engine,
    on_progress: Callable[[float], None],
    state: State | None = None,
    draws: tuple[torch.Generator, ...] = (),
    watch: Watch = lowest,
    until: int | None = None,
    validate: bool | None = None,
) -> Fit:
    """Train what of ``module`` requires a gradient, on ``train``, by ``recipe``.

    With ``select = "best"`` and validation examples, the module ends with the weights of the
    epoch of lowest validation loss (the first of equals). Batches are drawn from ``seed`` alone.
    ``state``: go on from there up to the recipe's epochs, on the same machine with as many threads
    to the bit as in one go; ``draws`` are
    the generators that ``encode`` draws from, kept in the state. ``watch`` may end the training
    before, and then says which epoch is kept; ``until`` ends it before its schedule does.
    ``validate``: whether the validation loss is computed, for a watch that needs it (None: where
    ``select`` does). Raises Diverged when the loss is not finite.
    """
    optimizer = _optimizer(recipe, [p for p in module.parameters() if p.requires_grad])
    pairs = _takes_statistics(module)
    steps = len(_batches(torch.arange(len(train)), recipe.batch_size, pairs))
    epochs = recipe.epochs_on(len(train))
    end = min(epochs, until or epochs)
    order_of = torch.Generator().manual_seed(seed)
    generators = (order_of, *_global_generators(engine.device), *draws)
    now = state or State()
    _restore(module, optimizer, generators, now)
    schedule = _schedule(recipe, optimizer, steps * epochs, done=steps * now.epochs)
    judged = recipe.select == "best" if validate is None else validate
    held = val if val is not None and len(val) and judged else None
    begun, started_s = now.epochs, now_s()
    ends: list[float] = []
    for epoch in range(begun, end):
        order = torch.randperm(len(train), generator=order_of)
        running = torch.zeros((), device=engine.device)
        for step, index in enumerate(_batches(order, recipe.batch_size, pairs)):
            running += _step(module, train, index, encode, loss, optimizer, engine) * len(index)
            if schedule is not None:
                schedule.step()
            on_progress((epoch - begun + (step + 1) / steps) / (end - begun))
        mean = _finite(engine.ranks.same(running.item() / len(train)), epoch, recipe)
        now = replace(now, train_loss=(*now.train_loss, mean))
        if held is not None:
            with _evaluating(module):
                value = _finite(_mean_loss(module, held, encode, loss, engine), epoch, recipe)
            now = replace(now, val_loss=(*now.val_loss, value))
        with _evaluating(module):
            heed = watch(epoch + 1, now.val_loss) if engine.ranks.first else None
            heed = engine.ranks.same(heed)
        assert heed is not None
        if heed.keep:
            now = replace(now, best_epoch=epoch, best=_snapshot(module))
        ends.append(now_s() - started_s)
        if heed.stop:
            break
    now = _stopped(module, optimizer, generators, now)
    if now.best is not None:
        module.load_state_dict(now.best)
    here = now.epochs - begun
    return Fit(
        train_loss=now.train_loss,
        val_loss=now.val_loss,
        best_epoch=now.epochs - 1 if now.best_epoch is None else now.best_epoch,
        steps=steps * here,
        samples=len(train) * here,
        samples_validated=len(held) * here if held is not None else 0,
        epoch_s=tuple(ends),
        state=now,
    )


def _takes_statistics(module: nn.Module) -> bool:
    """Whether some batch norm learns from batches: on one image of 1x1 maps it cannot."""
    return any(isinstance(part, _BatchNorm) and part.training for part in module.modules())


def _batches(order: Tensor, size: int, pairs: bool) -> list[Tensor]:
    """``order`` in batches; with ``pairs`` a last one of a single image joins the one before."""
    parts = list(torch.split(order, size))
    if pairs and size > 1 and len(parts) > 1 and len(parts[-1]) == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts


def _global_generators(device: torch.device) -> tuple[torch.Generator, ...]:
    """What dropout draws from."""
    if device.type != "cuda":
        return (torch.default_generator,)
    index = torch.cuda.current_device() if device.index is None else device.index
    return torch.default_generator, torch.cuda.default_generators[index]


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


@torch.no_grad()
def predict(encode: Encode, inputs: Inputs, engine: Engine, *, batch_size: int = 64) -> Tensor:
    """``encode`` over all inputs [N, ...], in order; float32 on the CPU."""
    parts = []
    for start in range(0, len(inputs), batch_size):
        with engine.autocast():
            parts.append(encode(inputs[start : start + batch_size].to(engine.device)).float().cpu())
    return torch.cat(parts)


def _step(
    module: nn.Module,
    train: Examples,
    index: Tensor,
    encode: Encode,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    engine: Engine,
) -> Tensor:
    value = _loss(module, train, index, encode, loss, engine)
    optimizer.zero_grad(set_to_none=True)
    if value.requires_grad:  # not on a rank without an image
        value.backward()  # type: ignore[no-untyped-call]
    engine.ranks.sum_gradients([p for p in module.parameters() if p.requires_grad])
    optimizer.step()
    return value.detach()


def _loss(
    module: nn.Module,
    examples: Examples,
    index: Tensor,
    encode: Encode,
    loss: Loss,
    engine: Engine,
) -> Tensor:
    """Of the examples at ``index``, which all ranks share."""
    ranks, count = engine.ranks, len(index)
    inputs, targets = examples.at(index, engine.device, ranks.among(count).part)
    with engine.autocast():
        if ranks.size == 1:
            return loss(encode(inputs), targets)
        return loss(ranks.logits(lambda among: encode(inputs, among), count, module), targets)


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


@torch.no_grad()
def _mean_loss(
    module: nn.Module, examples: Examples, encode: Encode, loss: Loss, engine: Engine
) -> float:
    summed, weights = torch.zeros(2, device=engine.device)
    for index in torch.split(torch.arange(len(examples)), 64):
        weight = labelled(examples.targets[index])
        summed += _loss(module, examples, index, encode, loss, engine) * weight
        weights += weight
    return engine.ranks.same(float((summed / weights.clamp_min(1)).item()))


def _finite(value: float, epoch: int, recipe: Recipe) -> float:
    if not math.isfinite(value):
        raise Diverged(
            f"the loss is not a finite number in epoch {epoch + 1}; "
            f"take a smaller learning_rate than {recipe.learning_rate:g}"
        )
    return value


def _optimizer(recipe: Recipe, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
    lr, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(
            parameters, lr, momentum=0.9, nesterov=True, weight_decay=decay, fused=True
        )
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return kind(parameters, lr, weight_decay=decay, fused=True)


def _schedule(
    recipe: Recipe, optimizer: torch.optim.Optimizer, total: int, done: int
) -> torch.optim.lr_scheduler.LRScheduler | None:
    if recipe.schedule == "constant":
        return None

    def factor(step: int) -> float:
        share = min(done + step, total) / total
        if recipe.schedule == "staircase":
            fifth = 5 * share
            return min(1.0, fifth + 5 / total) if fifth < 1 else 0.1 ** (int(min(fifth, 4)) - 1)
        if recipe.schedule == "poly":
            return float((1 - share) ** 0.9)
        return 0.5 * (1 + math.cos(math.pi * share))

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def _snapshot(module: nn.Module) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in module.state_dict().items()}
