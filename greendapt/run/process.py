"""Settings of the whole process that make CPU work faster and change no result beyond rounding."""

from __future__ import annotations

import torch

from greendapt.core.machine import libc

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
_KEEP_BYTES = 1 << 30


def tune() -> None:
    """Once, before the first tensor.

    Tiny (denormal) numbers cost a CPU up to a hundredfold, so they become zero. glibc returns
    each large buffer to the system and asks for it again: keeping them saves the page faults,
    which took a quarter of a training step and half of a forward pass.
    """
    torch.set_flush_denormal(True)
    mallopt = libc("mallopt")
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _KEEP_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEEP_BYTES)
