"""CodeCarbon's models of CPU and memory power, for machines without a counter.

Its model classes are used directly, not its tracker: no files, lock, signal handlers, or network.
"""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

from greendapt.core.figures import Figure, Quality
from greendapt.meter.clock import Heartbeat, now_s

PERIOD_S = 1.0  # CodeCarbon's own sampling period
_SHORTEST_LOAD_S = 0.1  # load is counted in ticks of 10 ms: in less it is mostly rounding
_IDLE_SHARE = 0.1  # the model's floor: an idle machine draws a tenth of its TDP


class CpuModel:
    """CodeCarbon's ``cpu_load``: TDP x (0.1 + 0.9 load^3), with the whole machine's load.

    A virtual energy counter: it only grows, and nested or consecutive windows add up. The load is
    read every second, and at the edges of windows. Opening it costs about half a second.
    """

    def __init__(self) -> None:
        with _silent():
            self._cpu, self.source, self.tdp_w = _codecarbon_cpu()
            self._cpu.start()
        self._lock = threading.Lock()
        self._joules = 0.0
        self._watts = self.tdp_w * _IDLE_SHARE
        self._last_s = self._load_s = now_s()
        self._heart = Heartbeat(self.read, PERIOD_S)

    def read(self) -> tuple[float, float]:
        """(seconds, joules) so far."""
        with self._lock:
            now = now_s()
            if now - self._load_s >= _SHORTEST_LOAD_S:
                self._watts = float(self._cpu.total_power().W)
                self._load_s = now
            self._joules += self._watts * (now - self._last_s)
            self._last_s = now
            return now, self._joules

    def figure(self, before: tuple[float, float], after: tuple[float, float]) -> Figure:
        """Energy between two reads, in J; ``low``/``high``: idle and fully loaded for all of it."""
        wall, joules = after[0] - before[0], after[1] - before[1]
        return Figure(
            value=joules,
            unit="J",
            quality=Quality.ESTIMATED,
            source=self.source,
            low=min(joules, self.tdp_w * _IDLE_SHARE * wall),
            high=max(joules, self.tdp_w * wall),
        )

    def close(self) -> None:
        self._heart.stop()


@dataclass(frozen=True)
class RamModel:
    """CodeCarbon's constant power for the memory modules it supposes."""

    watts: float
    memory_gb: float
    source: str

    def figure(self, wall_s: float) -> Figure:
        return Figure(
            value=self.watts * wall_s, unit="J", quality=Quality.ESTIMATED, source=self.source
        )


def ram_model() -> RamModel:
    """Raises RuntimeError when CodeCarbon finds no memory to model."""
    with _silent():
        from codecarbon.external.ram import RAM

        ram = RAM()
        watts, size_gb = float(ram.total_power().W), float(ram.machine_memory_GB)
    if watts <= 0:
        raise RuntimeError("codecarbon's memory model gave no power")
    said = f"codecarbon RAM model, {watts:g} W for {size_gb:.0f} GB; not in the headline"
    return RamModel(watts, size_gb, said)


def tdp_w() -> float | None:
    """The processor's TDP in W as CodeCarbon knows or guesses it; None where it does neither."""
    with _silent():
        from codecarbon.core.cpu import TDP

        found = TDP().tdp
    return None if found is None else float(found)


def _codecarbon_cpu() -> tuple[Any, str, float]:
    from codecarbon.core.cpu import DEFAULT_POWER_PER_CORE, TDP
    from codecarbon.external.hardware import CPU, MODE_CPU_LOAD

    found = TDP()
    cpu = CPU.from_utils("", MODE_CPU_LOAD, found.model, found.tdp, tracking_mode="machine")
    watts = float(cpu._tdp)
    said = f"codecarbon cpu_load of the whole machine, TDP {watts:g} W ({found.model}"
    if found.tdp is None:
        said += "; TDP unknown, codecarbon's generic one"
    elif found._get_cpu_power_from_registry(found.model) is None:
        said += f"; TDP unknown, guessed at {DEFAULT_POWER_PER_CORE} W a thread"
    return cpu, said + ")", watts


@contextmanager
def _silent() -> Iterator[None]:
    """No log lines, nor what libraries print that CodeCarbon tries to import (amdsmi does)."""
    logger = logging.getLogger("codecarbon")
    before, logger.disabled = logger.disabled, True
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        logger.disabled = before
