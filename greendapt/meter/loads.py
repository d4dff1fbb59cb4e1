"""Work that means nothing: keeps part or all of this machine busy with matrix products."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from greendapt.meter.clock import now_s

_SIDE = 1024
_SPELL_S = 0.05  # a plug meter averages over longer


def usable_threads() -> int:
    """Hardware threads that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def busy(share: float, device: str) -> Iterator[None]:
    """Of the CPU's threads ``share`` (0 to 1) are busy meanwhile, and of the GPU's time the same,
    where ``device`` is not ``cpu`` and torch has one."""
    if share <= 0:
        yield
        return
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    stop = threading.Event()
    works = [lambda: _on_cpu(torch, stop)] * max(1, round(share * usable_threads()))
    if device != "cpu" and torch.cuda.is_available():
        works = [lambda: _on_gpu(torch, stop, share), *works[1:]]  # a thread feeds the GPU
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    try:
        _each(threads, threading.Thread.start)
        yield
    finally:
        stop.set()
        _each(threads, threading.Thread.join)
        torch.set_num_threads(before)


def _each(threads: list[threading.Thread], do: Callable[[threading.Thread], None]) -> None:
    for thread in threads:
        do(thread)


def _on_cpu(torch: Any, stop: threading.Event) -> None:
    a = torch.rand(_SIDE, _SIDE)
    while not stop.is_set():
        a @ a


def _on_gpu(torch: Any, stop: threading.Event, share: float) -> None:
    a = torch.rand(8 * _SIDE, 8 * _SIDE, device="cuda")
    while not stop.is_set():
        begun_s = now_s()
        while now_s() - begun_s < share * _SPELL_S:
            a @ a
            torch.cuda.synchronize()
        time.sleep((1 - share) * _SPELL_S)
