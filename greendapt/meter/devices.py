"""Which GPUs a run uses, by its ``device``, and waiting for the work that torch gave them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from greendapt.core.errors import MeterError

IS_AVAILABLE: dict[str, Callable[[Any], bool]] = {
    "cuda": lambda torch: torch.cuda.is_available(),
    "xpu": lambda torch: torch.xpu.is_available(),
    "mps": lambda torch: torch.backends.mps.is_available(),
}
"""Whether torch has a GPU of NVIDIA (or AMD, by ROCm), of Intel, of Apple, as it calls them."""
GPU_KINDS = tuple(IS_AVAILABLE)


def kind_of(device: str) -> str:
    """auto, cpu, or one of `GPU_KINDS`. Raises MeterError for what is no device."""
    kind, _, number = device.partition(":")
    numbered = kind in GPU_KINDS and number.isdecimal()
    if kind not in ("auto", "cpu", *GPU_KINDS) or (number and not numbered):
        kinds = ", ".join(GPU_KINDS)
        raise MeterError(f"device '{device}' is not auto, cpu, {kinds}, or one with :N behind it")
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
    torch = sys.modules.get("torch") if device != "cpu" else None
    if torch is None:
        return
    for backend in (torch.cuda, torch.xpu):
        if backend.is_initialized():
            backend.synchronize()
    if device.startswith("mps") and torch.backends.mps.is_available():
        torch.mps.synchronize()


def torch_on_gpu() -> Any:
    """torch, if this process has it on a GPU of NVIDIA or AMD; else None."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and torch.cuda.is_initialized() else None
