"""What the meter costs and says on a card: windows, refresh, counter against sampled power."""

from __future__ import annotations

import statistics
import time

import torch
from checks import Bench, Figures, Skip

from greendapt.meter import Meter
from greendapt.meter.devices import synchronize
from greendapt.meter.sources.gpu_energy import GpuMeter
from greendapt.meter.sources.gpu_reader import GpuReader, Unreadable

_LOAD_S = 15.0
LOADS = {"idle": 0.0, "a third": 1 / 3, "two thirds": 2 / 3, "full": 1.0}
_SPELL_S = 0.06  # a period of a part load: no divisor of the 100 ms at which sensors look
_SAMPLE_S = 0.01


def windows(bench: Bench) -> Figures:
    """Time of opening and closing a window in which nothing is done."""
    meter = Meter(device=bench.device)
    try:
        seconds = []
        for _ in range(20 if bench.tiny else 200):
            begun_s = time.perf_counter()
            with meter.window():
                pass
            seconds.append(time.perf_counter() - begun_s)
    finally:
        meter.close()
    return {"a window, ms": 1e3 * statistics.median(seconds), "slowest, ms": 1e3 * max(seconds)}


def refresh(bench: Bench) -> Figures:
    """How often the card's counter moves, as the meter found it."""
    meter = Meter(device=bench.device)
    facts = meter.facts()
    meter.close()
    return {gpu.name: {"meter": gpu.meter, "refresh, s": gpu.refresh_s} for gpu in facts.gpus}


def counter_against_power(bench: Bench) -> Figures:
    """Joules by the counter over those by power sampled every 10 ms, at four loads, 60 s in all."""
    meter = Meter(device="auto" if bench.tiny else bench.device, align=True)
    try:
        gpus = [gpu for gpu in meter.gpus if isinstance(gpu, GpuMeter)]
        if not gpus:
            raise Skip("the meter reads no card here")
        return {name: _at(gpus[0].gpu, share, bench) for name, share in LOADS.items()}
    finally:
        meter.close()


def _at(gpu: GpuReader, share: float, bench: Bench) -> Figures:
    side, load_s = (64, 0.5) if bench.tiny else (8192, _LOAD_S)
    a = torch.rand(side, side, device=bench.device, dtype=torch.bfloat16)
    try:
        gpu.counter_j()
    except Unreadable as error:
        raise Skip(f"no counter: {error}") from error
    _for_a_while(a, share, load_s / 15)
    begun_s = last_s = time.monotonic()
    start_j, integrated_j, watts = gpu.counter_j(), 0.0, gpu.power_w()
    while last_s - begun_s < load_s:
        _work(a, share)
        now_s, now_w = time.monotonic(), gpu.power_w()
        integrated_j += (watts + now_w) / 2 * (now_s - last_s)
        last_s, watts = now_s, now_w
    counted_j = gpu.counter_j() - start_j
    return {
        "W": integrated_j / (last_s - begun_s),
        "counter over integrated": counted_j / integrated_j,
    }


def _for_a_while(a: torch.Tensor, share: float, seconds: float) -> None:
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        _work(a, share)


def _work(a: torch.Tensor, share: float) -> None:
    """One period of a load."""
    begun_s = time.monotonic()
    while time.monotonic() - begun_s < share * _SPELL_S:
        a @ a
        synchronize(a.device.type)
    time.sleep(max(_SAMPLE_S, (1 - share) * _SPELL_S) if share < 1 else 0.0)
