"""Which GPUs a run uses, by its ``device``, and waiting for the work that torch gave them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from greendapt.core.errors import MeterError


def kind_of(device: str) -> str:
    """auto, cpu or cuda. Raises MeterError for what is no device."""
    kind, _, number = device.partition(":")
    numbered = kind == "cuda" and number.isdecimal()
    if kind not in ("auto", "cpu", "cuda") or (number and not numbered):
        raise MeterError(f"device '{device}' is not auto, cpu, cuda or cuda:N")
    return kind


def picked(device: str, rank: int) -> Callable[[int], Sequence[int]]:
    """Of so many visible GPUs the numbers that ``device`` means to a process of this local rank."""
    kind, _, number = device.partition(":")

    def pick(visible: int) -> Sequence[int]:
        if kind == "auto":
            return range(visible)
        index = int(number) if number else min(rank, visible - 1)
        if index >= visible:
            raise MeterError(f"device '{device}': only {visible} GPU(s) are visible")
        return (index,)

    return pick


def synchronize(device: str) -> None:
    """Waits for the GPU's queued work, if torch put any there; never imports torch."""
    torch = torch_on_gpu() if device != "cpu" else None
    if torch is not None:
        torch.cuda.synchronize()


def torch_on_gpu() -> Any:
    """torch, if this process has it on a GPU; else None."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and torch.cuda.is_initialized() else None
