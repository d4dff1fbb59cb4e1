"""Whether a training can move what it is to move: a gradient must reach each layer that trains.

timm starts the last scale of each residual block at 0. Where batch norm is frozen it stays 0, so
random weights behind it never learn, and are paid for like those that do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

from greendapt.core.errors import TrainingFailed
from greendapt.models.added import Factors
from greendapt.train.engine import Encode, Engine
from greendapt.train.inputs import Examples

_IMAGES = 8
_TRIES = 3
_NAMED = 3


class DeadTraining(TrainingFailed):
    """A layer that is to train gets no gradient, and never will."""


def refuse_dead(
    module: nn.Module,
    encode: Encode,
    train: Examples,
    engine: Engine,
    generators: Sequence[torch.Generator],
) -> None:
    """Raise DeadTraining where a convolution or linear layer of ``module`` that trains cannot move
    the logits that ``encode`` gives of ``train``; the sentence names the first such weights.

    One backward pass on a few images leaves everything as it was: parameters, buffers, gradients,
    and ``generators``, which are those that the module and the examples draw from.
    """
    draw = torch.Generator().manual_seed(0)
    dead = _trained(module)
    kept = [generator.get_state() for generator in generators]
    modes = [(part, part.training) for part in module.modules()]
    module.eval()  # statistics stay, dropout is off, one image is enough
    try:
        rows = torch.linspace(0, len(train) - 1, min(_IMAGES, len(train))).long()
        inputs, _ = train.at(rows, engine.device)
        with _eager(engine):
            for number in range(_TRIES):
                # what is 0 by chance (a ReLU, for these images) is alive with other weights
                with _moved(module, draw, every=number > 0):
                    dead = _unreached(encode(inputs), dead, draw)
                if not dead:
                    break
    finally:
        for part, mode in modes:
            part.training = mode
        for generator, state in zip(generators, kept, strict=True):
            generator.set_state(state)
    names = engine.ranks.same([*dead])
    if names:
        raise DeadTraining(_sentence(module, names))


def _trained(module: nn.Module) -> dict[str, Tensor]:
    """The weights that cost something, by name: those of layers. A table or a token of its own may
    have no use at an image size (positions within a window of one)."""
    return {
        f"{name}.weight": part.weight
        for name, part in module.named_modules()
        if isinstance(part, nn.Linear | _ConvNd | Factors) and part.weight.requires_grad
    }


def _unreached(
    logits: Tensor, layers: dict[str, Tensor], draw: torch.Generator
) -> dict[str, Tensor]:
    """Those that no logit depends on, to the last bit.

    Of the logits, not of the loss: a few images may have no label, or not the class they miss.
    """
    if not logits.requires_grad or not layers:
        return layers
    weights = torch.randn(logits.shape, generator=draw).to(logits.device)
    value = (logits * weights).sum()
    slopes = torch.autograd.grad(value, [*layers.values()], allow_unused=True)
    return {
        name: layer
        for (name, layer), slope in zip(layers.items(), slopes, strict=True)
        if slope is None or not slope.any()
    }


@contextmanager
def _moved(module: nn.Module, draw: torch.Generator, *, every: bool) -> Iterator[None]:
    """Within the block parameters that train and are all 0, or ``every`` one, have other values: a
    scale of 0 that trains shuts its block for one step only."""
    training = [p for p in module.parameters() if p.requires_grad]
    moved = [p for p in training if every or not p.any()]
    kept = [p.detach().clone() for p in moved]
    try:
        with torch.no_grad():
            for p in moved:
                size = float(p.square().mean().sqrt()) or 0.1
                p.add_((size * torch.randn(p.shape, generator=draw)).to(p.device))
        yield
    finally:
        with torch.no_grad():
            for p, value in zip(moved, kept, strict=True):
                p.copy_(value)


def _eager(engine: Engine) -> AbstractContextManager[object]:
    """Nothing is compiled for one pass of a few images."""
    stance = getattr(torch.compiler, "set_stance", None)  # from torch 2.6 on
    return stance("force_eager") if engine.step.compiled and stance else nullcontext()


def _sentence(module: nn.Module, names: Sequence[str]) -> str:
    shown = ", ".join(name.removeprefix("backbone.net.") for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    shut = any(
        part.weight is not None and not part.weight.requires_grad and not part.weight.any()
        for part in module.modules()
        if isinstance(part, _BatchNorm)
    )
    why = "train other units, or start from other weights"
    if shut:
        why = (
            "random weights have batch-norm scales of 0, and a frozen batch norm keeps them; "
            'set batch_norm = "affine" or "train", or take trained weights (--weights fractal)'
        )
    return f"no gradient reaches {shown}{more}, which could never learn: {why}"
