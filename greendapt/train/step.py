"""How a training step is done fastest here: tried for a moment, never assumed."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from greendapt.core.errors import GreendaptError
from greendapt.meter.clock import now_s
from greendapt.meter.devices import synchronize
from greendapt.models.backbone import Backbone
from greendapt.models.network import Network

Precision = Literal["float32", "bfloat16"]
Layout = Literal["channels_last", "contiguous"]
_WORTH = 0.9  # of the time before: less than a tenth is not worth other arithmetic
_ROUNDS = 3
_BATCH = 16


@dataclass(frozen=True)
class Step:
    """``layout`` None: the backbone's own; ``threads`` None: what torch has; ``compiled``: through
    torch.compile, with CUDA graphs on a GPU."""

    precision: Precision = "float32"
    layout: Layout | None = None
    threads: int | None = None
    compiled: bool = False

    @property
    def arithmetic(self) -> str:
        """What of it is part of a stage's key."""
        return f"{self.precision}, compiled" if self.compiled else self.precision

    def arrange(self, backbone: Backbone) -> Backbone:
        """The backbone with its weights laid out in memory for this step."""
        if self.layout is not None:
            formats = {
                "channels_last": torch.channels_last,
                "contiguous": torch.contiguous_format,
            }
            backbone.net.to(memory_format=formats[self.layout])
        return backbone

    def autocast(self, device: torch.device) -> AbstractContextManager[object]:
        if self.precision == "bfloat16":
            return torch.autocast(device.type, torch.bfloat16)
        return nullcontext()

    def forward(self, network: nn.Module, device: torch.device) -> Callable[..., Tensor]:
        """The forward pass of ``network``, whose own parameters stay the ones that train.

        What another call compiled is forgotten: dynamo keeps a few graphs only of each function.
        """
        if not self.compiled:
            return network
        torch.compiler.reset()
        mode = "reduce-overhead" if device.type == "cuda" else "default"
        return cast(Callable[..., Tensor], torch.compile(network, mode=mode))

    @contextmanager
    def threaded(self) -> Iterator[None]:
        """This many threads within the block."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads or before)
        try:
            yield
        finally:
            torch.set_num_threads(before)


PLAIN = Step()


@dataclass(frozen=True)
class Trial:
    """The step that won, and the seconds that each one tried took (median)."""

    step: Step
    seconds: dict[str, float] = field(default_factory=dict)


def try_steps(
    create: Callable[[], Backbone],
    image_size: int,
    device: torch.device,
    *,
    cores: int,
    compiled: bool = False,
) -> Trial:
    """The fastest step for training all of a backbone, found choice by choice.

    Layout, then precision, then threads, then with ``compiled`` torch.compile; each must save a
    tenth of the time of the best so far. About twenty steps in all. Raises GreendaptError where
    torch cannot compile here.
    """
    best = PLAIN
    seconds: dict[str, float] = {}
    other: Layout = "contiguous" if create().spec.channels > 1 else "channels_last"
    choices: list[dict[str, Any]] = [{"layout": other}]
    if _has_bfloat16(device):
        choices.append({"precision": "bfloat16"})
    if device.type == "cpu" and torch.get_num_threads() > 1:
        choices += [{"threads": n} for n in sorted({1, cores // 2}) if 0 < n < cores]
    if compiled:
        choices.append({"compiled": True})
    for choice in choices:
        rival = replace(best, **choice)
        times = _race([best, rival], create, image_size, device)
        seconds |= {_name(step): time for step, time in times.items()}
        if times[rival] < _WORTH * times[best]:
            best = rival
    return Trial(best, seconds)


def _has_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    return device.type != "mps"  # autocast is younger there: it stays with float32


def _race(
    steps: list[Step], create: Callable[[], Backbone], size: int, device: torch.device
) -> dict[Step, float]:
    """Median seconds of each, in turn, after one step each that is not counted; two where one is
    compiled: a CUDA graph is recorded in its second."""
    uncounted = 1 + any(step.compiled for step in steps)
    jobs = {step: _job(step, step.arrange(create()), size, device) for step in steps}
    times: dict[Step, list[float]] = {step: [] for step in steps}
    for number in range(uncounted + _ROUNDS):
        for step, job in jobs.items():
            with step.threaded():
                begun = now_s()
                job()
                if number >= uncounted:
                    times[step].append(now_s() - begun)
    return {step: statistics.median(seen) for step, seen in times.items()}


def _job(step: Step, backbone: Backbone, size: int, device: torch.device) -> Callable[[], None]:
    images = torch.rand(_BATCH, backbone.spec.channels, size, size, device=device)
    with torch.no_grad():
        width = backbone(images).shape[1]
    network = Network(backbone, nn.Linear(width, 2)).to(device).train()
    optimizer = torch.optim.Adam(network.parameters(), 1e-4, fused=True)
    labels = torch.arange(_BATCH, device=device) % 2
    forward = step.forward(network, device)

    def run() -> None:
        with step.autocast(device), _compiling():
            loss = functional.cross_entropy(forward(images), labels)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        synchronize(device.type)

    return run


@contextmanager
def _compiling() -> Iterator[None]:
    try:
        yield
    except torch._dynamo.exc.TorchDynamoException as error:
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise GreendaptError(
            f"run.fast_step = compiled: torch cannot compile here ({why.rstrip('.')}); "
            "install a C++ compiler, or take --set run.fast_step=true"
        ) from error


def _name(step: Step) -> str:
    parts = (step.arithmetic, step.layout, step.threads and f"{step.threads} threads")
    return ", ".join(str(part) for part in parts if part)
