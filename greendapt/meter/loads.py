"""Work that means nothing: keeps part or all of this machine busy with matrix products."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from greendapt.core.machine import cores
from greendapt.meter.clock import now_s
from greendapt.meter.devices import IS_AVAILABLE, synchronize

_SIDE, _GPU_SIDE = 1024, 8192
_SPELL_S = 0.05  # a plug meter averages over longer


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
    works = [lambda: _on_cpu(torch, stop)] * max(1, round(share * cores()))
    kind = _gpu_kind(torch, device)
    if kind is not None:
        works = [lambda: _on_gpu(torch, kind, stop, share), *works[1:]]  # a thread feeds the GPU
    threads = [threading.Thread(target=work, daemon=True) for work in works]
    try:
        for thread in threads:
            thread.start()
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        torch.set_num_threads(before)


def _gpu_kind(torch: Any, device: str) -> str | None:
    """Of the GPU that ``device`` means, as torch calls it; None where there is none."""
    wanted = IS_AVAILABLE if device == "auto" else (device.partition(":")[0],)
    return next((one for one in wanted if one in IS_AVAILABLE and IS_AVAILABLE[one](torch)), None)


def _on_cpu(torch: Any, stop: threading.Event) -> None:
    a = torch.rand(_SIDE, _SIDE)
    while not stop.is_set():
        a @ a


def _on_gpu(torch: Any, kind: str, stop: threading.Event, share: float) -> None:
    a = torch.rand(_GPU_SIDE, _GPU_SIDE, device=kind)
    while not stop.is_set():
        begun_s = now_s()
        while now_s() - begun_s < share * _SPELL_S:
            a @ a
            synchronize(kind)
        time.sleep((1 - share) * _SPELL_S)
