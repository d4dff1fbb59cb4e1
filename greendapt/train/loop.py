"""The one training loop: phases, probes, fine-tuning and generic pre-training all run here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from greendapt.core.errors import GreendaptError
from greendapt.core.suite import Recipe
from greendapt.train.objectives import Loss

Encode = Callable[[Tensor], Tensor]
"""From a batch of inputs (uint8 images, cached activations or features) to logits."""


class Diverged(GreendaptError):
    """The loss is no longer a number."""

    exit_code = 4


@dataclass(frozen=True)
class Examples:
    """``inputs`` uint8 [N, C, H, W] or cached float [N, ...]; ``targets`` [N] or [N, K]."""

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.inputs)

    def at(self, index: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
        return self.inputs[index].to(device), self.targets[index].to(device)

    def batches(self, size: int, device: torch.device) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(self), size):
            yield self.at(torch.arange(start, min(start + size, len(self))), device)


@dataclass(frozen=True)
class Fit:
    """What a training left: one loss an epoch, the epoch kept, and the work really done."""

    train_loss: tuple[float, ...]
    val_loss: tuple[float, ...]
    best_epoch: int
    steps: int
    samples: int
    samples_validated: int


@dataclass(frozen=True)
class Engine:
    """Where and in which precision arithmetic runs."""

    device: torch.device

    def autocast(self) -> AbstractContextManager[object]:
        """bfloat16 on a GPU that has it; plain float32 elsewhere."""
        if self.device.type == "cuda" and torch.cuda.is_bf16_supported():
            return torch.autocast("cuda", torch.bfloat16)
        return nullcontext()

    @property
    def precision(self) -> str:
        bf16 = self.device.type == "cuda" and torch.cuda.is_bf16_supported()
        return "bfloat16 autocast" if bf16 else "float32"


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
) -> Fit:
    """Train what of ``module`` requires a gradient, on ``train``, by ``recipe``.

    With ``select = "best"`` and validation examples, the module ends with the weights of the
    epoch of lowest validation loss (the first of equals). Batches are drawn from ``seed`` alone.
    Raises Diverged when the loss is not finite.
    """
    parameters = [p for p in module.parameters() if p.requires_grad]
    optimizer = _optimizer(recipe, parameters)
    steps = math.ceil(len(train) / recipe.batch_size)
    epochs = recipe.epochs_on(len(train))
    schedule = _schedule(recipe, optimizer, steps * epochs)
    generator = torch.Generator().manual_seed(seed)
    validate = val if val is not None and len(val) and recipe.select == "best" else None
    train_losses: list[float] = []
    val_losses: list[float] = []
    best: tuple[int, dict[str, Tensor]] | None = None
    for epoch in range(epochs):
        order = torch.randperm(len(train), generator=generator)
        running = torch.zeros((), device=engine.device)
        for step, index in enumerate(torch.split(order, recipe.batch_size)):
            running += _step(train, index, encode, loss, optimizer, engine) * len(index)
            schedule.step()
            on_progress((epoch + (step + 1) / steps) / epochs)
        train_losses.append(_finite(running.item() / len(train), epoch, recipe))
        if validate is not None:
            with _evaluating(module):
                value = _finite(_mean_loss(encode, validate, loss, engine), epoch, recipe)
            if value < min(val_losses, default=math.inf):
                best = (epoch, _snapshot(module))
            val_losses.append(value)
    if best is not None:
        module.load_state_dict(best[1])
    return Fit(
        train_loss=tuple(train_losses),
        val_loss=tuple(val_losses),
        best_epoch=best[0] if best is not None else epochs - 1,
        steps=steps * epochs,
        samples=len(train) * epochs,
        samples_validated=len(validate) * epochs if validate is not None else 0,
    )


@torch.no_grad()
def predict(encode: Encode, inputs: Tensor, engine: Engine, *, batch_size: int = 64) -> Tensor:
    """``encode`` over all inputs [N, ...], in order; float32 on the CPU."""
    parts = []
    for start in range(0, len(inputs), batch_size):
        with engine.autocast():
            parts.append(encode(inputs[start : start + batch_size].to(engine.device)).float().cpu())
    return torch.cat(parts)


def _step(
    train: Examples,
    index: Tensor,
    encode: Encode,
    loss: Loss,
    optimizer: torch.optim.Optimizer,
    engine: Engine,
) -> Tensor:
    inputs, targets = train.at(index, engine.device)
    with engine.autocast():
        value = loss(encode(inputs), targets)
    optimizer.zero_grad(set_to_none=True)
    value.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return value.detach()


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
def _mean_loss(encode: Encode, examples: Examples, loss: Loss, engine: Engine) -> float:
    summed = torch.zeros((), device=engine.device)
    for inputs, targets in examples.batches(64, engine.device):
        with engine.autocast():
            summed += loss(encode(inputs), targets) * len(inputs)
    return summed.item() / len(examples)


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
    recipe: Recipe, optimizer: torch.optim.Optimizer, total: int
) -> torch.optim.lr_scheduler.LRScheduler:
    def factor(step: int) -> float:
        cosine = 0.5 * (1 + math.cos(math.pi * min(step, total) / total))
        return cosine if recipe.schedule == "cosine" else 1.0

    return torch.optim.lr_scheduler.LambdaLR(optimizer, factor)


def _snapshot(module: nn.Module) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in module.state_dict().items()}
