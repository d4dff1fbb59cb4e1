"""Where a network runs: device, fastest step, processes; and a network over all inputs, without
gradients."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor

from greendapt.core.errors import MeterError
from greendapt.meter.devices import IS_AVAILABLE, kind_of
from greendapt.train.inputs import Inputs
from greendapt.train.parallel import ALONE, Ranks
from greendapt.train.step import PLAIN, Step

Encode = Callable[..., Tensor]
"""From a batch of inputs (uint8 images, cached activations or features) to logits. With several
ranks it is also told `Among` which images these are: draws are then made for all of them."""


@dataclass(frozen=True)
class Engine:
    """Where and how arithmetic runs, and on how many processes a training does."""

    device: torch.device
    step: Step = PLAIN
    ranks: Ranks = ALONE

    @classmethod
    def on(cls, device: str) -> Engine:
        """``auto`` (cuda, else cpu), ``cpu``, ``cuda`` (NVIDIA's, or AMD's by ROCm), ``xpu``,
        ``mps``; MeterError where there is no such device."""
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        kind = kind_of(device)
        if kind != "cpu" and not IS_AVAILABLE[kind](torch):
            name = {"mps": "Apple GPU", "xpu": "Intel GPU"}.get(kind, "CUDA device")
            raise MeterError(f"--device {device}: torch sees no {name}; take --device cpu")
        if kind == "cuda":
            torch.backends.cudnn.benchmark = False
            torch.backends.cudnn.deterministic = True
        return cls(torch.device(device))

    def generators(self) -> tuple[torch.Generator, ...]:
        """What dropout draws from."""
        kind, backend = self.device.type, {"cuda": torch.cuda, "xpu": torch.xpu}
        if kind == "mps":
            return torch.default_generator, torch.mps._get_default_mps_generator()
        if kind not in backend:
            return (torch.default_generator,)
        here = backend[kind]
        index = here.current_device() if self.device.index is None else self.device.index
        return torch.default_generator, here.default_generators[index]

    def autocast(self) -> AbstractContextManager[object]:
        return self.step.autocast(self.device)


@torch.no_grad()
def predict(encode: Encode, inputs: Inputs, engine: Engine, *, batch_size: int = 64) -> Tensor:
    """``encode`` over all inputs [N, ...], in order; float32 on the CPU."""
    parts = []
    for start in range(0, len(inputs), batch_size):
        with engine.autocast():
            parts.append(encode(inputs[start : start + batch_size].to(engine.device)).float().cpu())
    return torch.cat(parts)
