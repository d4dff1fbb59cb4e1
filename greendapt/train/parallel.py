"""One training on several processes (torchrun): the same results as one process, bar rounding.

Each rank takes a part of every global batch through the network. The logits of all are put
together on each rank, so that any loss is that of the whole batch (pairs of SimCLR, missing
labels, Dice included); a rank's gradients are those through its own logits, and their sum over
ranks is the gradient. Batch statistics and random draws are those of the whole batch, too.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm
from torch.overrides import TorchFunctionMode

from greendapt.core.errors import MeterError, RunError
from greendapt.core.machine import launched, launcher_number

T = TypeVar("T")

STEP_LIMIT = timedelta(minutes=10)
"""Ranks come to each step of a training within seconds of each other."""
STAGE_LIMIT = timedelta(days=2)
"""The others wait while rank 0 does what is not shared. A rank that dies is seen at once."""


class LostRank(RunError):
    """Another process of this training has ended, or does not answer."""


@dataclass(frozen=True)
class Among:
    """Which of the ``count`` images of a global batch a rank has."""

    count: int
    part: slice


@dataclass(frozen=True)
class Ranks:
    """The processes of a training. ``steps``: the group that gradients go through; ``stages``: the
    one for all else, on the CPU."""

    rank: int = 0
    size: int = 1
    steps: Any = None
    stages: Any = None

    @property
    def first(self) -> bool:
        """Whether this rank says and writes things."""
        return self.rank == 0

    def among(self, count: int) -> Among:
        """This rank's part of a global batch; empty where there are more ranks than images."""
        return Among(count, self._part(count, self.rank))

    def _part(self, count: int, rank: int) -> slice:
        each, more = divmod(count, self.size)
        start = rank * each + min(rank, more)
        return slice(start, start + each + (rank < more))

    def same(self, value: T) -> T:
        """Rank 0's value, on all ranks."""
        if self.size == 1:
            return value
        values = [value]
        with _lost():
            dist.broadcast_object_list(values, src=0, group=self.stages)
        return values[0]

    def all(self, value: T) -> list[T]:
        """Every rank's value, on rank 0; only its own elsewhere."""
        if self.size == 1:
            return [value]
        values: list[Any] | None = [None] * self.size if self.first else None
        with _lost():
            dist.gather_object(value, values, dst=0, group=self.stages)
        return values or [value]

    def meet(self) -> None:
        """Wait until all are here."""
        if self.size > 1:
            with _lost():
                dist.barrier(group=self.stages)

    @contextmanager
    def first_goes(self) -> Iterator[None]:
        """The block on rank 0, then on the others: what it leaves on the disk is there for them."""
        if not self.first:
            self.meet()
        yield
        if self.first:
            self.meet()

    def sum(self, value: Tensor) -> Tensor:
        """Over ranks, in place."""
        if self.size > 1:
            with _lost():
                dist.all_reduce(value, group=self.steps)
        return value

    def logits(self, encode: Callable[[Among], Tensor], count: int, module: nn.Module) -> Tensor:
        """Logits of a global batch [views * count, ...], with gradients through this rank's part.

        ``encode`` gives those of a part, all first views before all second ones.
        """
        among = self.among(count)
        images = among.part.stop - among.part.start
        moves = any(part.training for part in module.modules() if isinstance(part, _BatchNorm))
        with GlobalBatchNorm(self) if moves else nullcontext():
            # batch statistics need every rank; else there is nothing to do for no image
            own = encode(among).float() if images or moves else None
        shape = None if own is None else (len(own) // max(1, images), *own.shape[1:])
        if count < self.size:
            shape = self.same(shape)
        assert shape is not None
        views, *rest = shape
        mine = torch.empty(0) if own is None else own
        mine = mine.reshape(views, images, *rest)
        return self._joined(mine, count).reshape(views * count, *rest)

    def _joined(self, mine: Tensor, count: int) -> Tensor:
        """[views, images of this rank, ...] of all ranks along the second dimension."""
        most = self._part(count, 0)
        views, images, *rest = mine.shape
        sent = mine.new_zeros((views, most.stop - most.start, *rest))
        sent[:, :images] = mine.detach()
        gathered = [torch.empty_like(sent) for _ in range(self.size)]
        with _lost():
            dist.all_gather(gathered, sent, group=self.steps)
        parts = [self._part(count, rank) for rank in range(self.size)]
        whole = [seen[:, : p.stop - p.start] for seen, p in zip(gathered, parts, strict=True)]
        whole[self.rank] = mine
        return torch.cat(whole, dim=1)

    def sum_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Over ranks, in place; what has no gradient on any rank is left without."""
        if self.size == 1:
            return
        device = parameters[0].device
        has = torch.tensor([p.grad is not None for p in parameters], device=device).float()
        given = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
        flat = self.sum(torch.cat([has, *(gradient.flatten().float() for gradient in given)]))
        parts = torch.split(flat[len(parameters) :], [p.numel() for p in parameters])
        anywhere = flat[: len(parameters)].tolist()
        for p, gradient, part, ranks in zip(parameters, given, parts, anywhere, strict=True):
            # in the layout of the parameter: fused optimisers go through both as they lie in memory
            p.grad = gradient.copy_(part.view_as(p)) if ranks else None


ALONE = Ranks()


@contextmanager
def open_ranks(device: str) -> Iterator[Ranks]:
    """The ranks of this process' launcher; `ALONE` without one. Raises MeterError for a ``device``
    on which ranks do not add up: they do on CPUs and by NCCL (RCCL)."""
    if not launched():
        yield ALONE
        return
    if device in ("xpu", "mps"):
        raise MeterError(f"--device {device} is for one process: take --device cpu with torchrun")
    cuda = device != "cpu" and torch.cuda.is_available()
    _, local, _ = (
        launcher_number(os.environ, name, 0) for name in ("RANK", "LOCAL_RANK", "MASTER_PORT")
    )
    if cuda:
        torch.cuda.set_device(local % torch.cuda.device_count())
    before = signal.signal(signal.SIGTERM, _told_to_end)
    try:
        with _lost():
            dist.init_process_group("gloo", timeout=STAGE_LIMIT)
            steps = dist.new_group(backend="nccl" if cuda else "gloo", timeout=STEP_LIMIT)
        yield Ranks(dist.get_rank(), dist.get_world_size(), steps, dist.group.WORLD)
    finally:
        signal.signal(signal.SIGTERM, before)
        dist.destroy_process_group()


def _told_to_end(*_: object) -> None:
    """torchrun ends all ranks when one is lost."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise LostRank("another process of torchrun ended early")


@contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what there is to say is said first
        raise LostRank("another process of torchrun ended early or does not answer") from error


class GlobalBatchNorm(TorchFunctionMode):
    """Within the block, batch norm in train mode takes the statistics of all ranks' images.

    torch's own SyncBatchNorm does so on GPUs only, and not for subclasses that networks bring.
    """

    def __init__(self, ranks: Ranks) -> None:
        super().__init__()
        self._ranks = ranks

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        if func is functional.batch_norm:
            arguments = dict(zip(_ARGUMENTS, args, strict=False)) | (kwargs or {})
            if arguments.get("training"):
                return _global_batch_norm(self._ranks, **arguments)
        return func(*args, **(kwargs or {}))


_ARGUMENTS = (
    "input", "running_mean", "running_var", "weight", "bias", "training", "momentum", "eps",
)  # fmt: skip


def _global_batch_norm(  # as many parameters as functional.batch_norm has, which it stands for
    ranks: Ranks,
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """`functional.batch_norm` of [B, C, ...] over the B of all ranks."""
    del training
    x = input.float()
    dims = [d for d in range(x.dim()) if d != 1]
    shape = [1, -1, *([1] * (x.dim() - 2))]
    count = ranks.sum(x.new_tensor([x.numel() / x.shape[1]])).item()
    mean: Tensor = _Sum.apply(x.sum(dims), ranks) / count
    centred = x - mean.view(shape)
    var: Tensor = _Sum.apply(centred.square().sum(dims), ranks) / count
    if running_mean is not None and running_var is not None:
        with torch.no_grad():
            running_mean.lerp_(mean.to(running_mean.dtype), momentum)
            running_var.lerp_((var * count / max(1.0, count - 1)).to(running_var.dtype), momentum)
    scale = (var + eps).rsqrt() if weight is None else (var + eps).rsqrt() * weight
    out = centred * scale.view(shape)
    return (out if bias is None else out + bias.view(shape)).to(input.dtype)


class _Sum(torch.autograd.Function):
    """Over ranks, with its gradient, which is again a sum over ranks."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, ranks: Ranks) -> Tensor:
        ctx.ranks = ranks
        return ranks.sum(value.clone())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        summed: Tensor = ctx.ranks.sum(gradient.clone())
        return summed, None
