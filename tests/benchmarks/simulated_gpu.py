"""GPUs that are not there, on a clock that is not there: power curves read through bad sensors."""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from greendapt.meter.sources import gpu_energy, gpu_reader, watch
from greendapt.meter.sources.gpu_reader import GpuReader, Unreadable

Array = NDArray[np.float64]


class Clock:
    """Seconds that pass when somebody sleeps, and the beats that are due meanwhile."""

    def __init__(self, draw: np.random.Generator, late_s: float) -> None:
        """``late_s``: by which a thread wakes too late, on average."""
        self.at_s = 0.0
        self._draw, self._late_s = draw, late_s
        self._due: list[tuple[float, int, Beat]] = []

    def now_s(self) -> float:
        return self.at_s

    def sleep(self, seconds: float) -> None:
        until = self.at_s + seconds
        while self._due and self._due[0][0] <= until:
            self.at_s, _, beat = heapq.heappop(self._due)
            if not beat.stopped and beat.call() is not False:
                self.after(beat)
        self.at_s = until

    def after(self, beat: Beat) -> None:
        due_s = self.at_s + beat.period_s + self._draw.exponential(self._late_s)
        heapq.heappush(self._due, (due_s, id(beat), beat))

    def heartbeat(self, call: Callable[[], object], period_s: float) -> Beat:
        beat = Beat(call, period_s)
        self.after(beat)
        return beat


@dataclass
class Beat:
    """In the place of `clock.Heartbeat`."""

    call: Callable[[], object]
    period_s: float
    stopped: bool = False

    def stop(self) -> None:
        self.stopped = True


@contextmanager
def simulated(draw: np.random.Generator, late_s: float = 0.001) -> Iterator[Clock]:
    """The meters' own code, on a `Clock`."""
    clock = Clock(draw, late_s)
    sleeping = SimpleNamespace(sleep=clock.sleep)
    with (
        patch.object(gpu_energy, "now_s", clock.now_s),
        patch.object(gpu_energy, "time", sleeping),
        patch.object(gpu_reader, "now_s", clock.now_s),
        patch.object(gpu_reader, "time", sleeping),
        patch.object(watch, "now_s", clock.now_s),
        patch.object(watch, "Heartbeat", clock.heartbeat),
    ):
        yield clock


@dataclass(frozen=True)
class Curve:
    """Power ``watts[i]`` from ``at_s[i]`` to ``at_s[i + 1]``."""

    at_s: Array
    watts: Array

    def joules(self, at_s: Array | float) -> Array:
        """From the curve's start to each time."""
        steps = np.diff(self.at_s) * self.watts[:-1]
        return np.interp(at_s, self.at_s, np.concatenate([[0.0], np.cumsum(steps)]))


@dataclass(frozen=True)
class Faults:
    """What is wrong with a sensor. ``refresh_s``: of power; ``share``, ``trailing_s``: what a
    reading averages over (see `sensor.Sensor`); ``counter_s``: refresh of a counter (None: there is
    none) that adds up the readings (``adds_readings``) or all that was drawn, ``counter_gain``
    times, with ``module_w`` of something else in it; it starts again at ``reset_s``."""

    refresh_s: float
    share: float = 1.0
    trailing_s: float = 0.0
    gain: float = 1.0
    offset_w: float = 0.0
    drift: float = 0.0
    counter_s: float | None = None
    adds_readings: bool = False
    counter_gain: float = 1.0
    module_w: float = 0.0
    reset_s: float | None = None
    jitter: float = 0.02


NOISE_W = 0.2
HEATING_S = 20.0


@dataclass(frozen=True, kw_only=True)
class SimulatedGpu(GpuReader):
    """A curve as such a sensor tells it."""

    library: str = "Simulated"
    clock: Clock
    power: tuple[list[float], list[float]]
    counter: tuple[list[float], list[float]] | None

    def power_w(self) -> float:
        return self._latest(*self.power)

    def counter_j(self) -> float:
        if self.counter is None:
            raise Unreadable("it has none")
        return self._latest(*self.counter)

    def _latest(self, at_s: list[float], told: list[float]) -> float:
        return told[max(0, bisect_right(at_s, self.clock.at_s) - 1)]


def _times(draw: np.random.Generator, end_s: float, every_s: float, jitter: float) -> Array:
    count = int(end_s / every_s * 1.5) + 20
    steps = every_s * np.clip(1 + jitter * draw.standard_normal(count), 0.5, 1.5)
    return -2 + every_s * draw.random() + np.cumsum(steps)


def simulated_gpu(
    draw: np.random.Generator, clock: Clock, name: str, curve: Curve, faults: Faults
) -> SimulatedGpu:
    """``curve`` begins at -5 s of the clock, or before."""
    end_s = float(curve.at_s[-1])
    at_s = _times(draw, end_s, faults.refresh_s, faults.jitter)
    over_s = max(faults.share * faults.refresh_s, faults.trailing_s)
    heat = faults.drift * (1 - np.exp(-np.maximum(at_s, 0) / HEATING_S))
    seen_w = (curve.joules(at_s) - curve.joules(at_s - over_s)) / over_s
    told_w = seen_w * (faults.gain + heat) + faults.offset_w
    told_w = np.round(told_w + NOISE_W * draw.standard_normal(len(at_s)), 3)
    counter = None
    if faults.counter_s is not None:
        counter = _counter(draw, curve, faults, (at_s, told_w))
    return SimulatedGpu(
        uuid="simulated",
        name=name,
        limit_w=700.0,
        clock=clock,
        power=(at_s.tolist(), told_w.tolist()),
        counter=counter,
    )


def _counter(
    draw: np.random.Generator, curve: Curve, faults: Faults, power: tuple[Array, Array]
) -> tuple[list[float], list[float]]:
    assert faults.counter_s is not None
    if faults.adds_readings:
        at_s, told_w = power
        joules = np.cumsum(np.diff(at_s, prepend=at_s[0]) * told_w)
    else:
        at_s = _times(draw, float(curve.at_s[-1]), faults.counter_s, faults.jitter)
        joules = curve.joules(at_s) * faults.gain + faults.offset_w * (at_s + 5)
    joules = 1e4 + faults.counter_gain * joules + faults.module_w * (at_s + 5)
    if faults.reset_s is not None:
        after = at_s >= faults.reset_s
        joules[after] -= joules[after][0] if after.any() else 0.0
    return at_s.tolist(), np.round(joules, 3).tolist()
