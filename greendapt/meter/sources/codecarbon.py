"""CodeCarbon's models of CPU and memory power, for machines without a counter.

Its model classes are used directly, not its tracker: no files, lock, signal handlers, or network.
"""

from __future__ import annotations

import io
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from typing import Any

from greendapt.core.figures import Figure, Quality
from greendapt.meter.clock import Heartbeat, now_s
from greendapt.meter.sources.base import MODEL, EnergySource, Opened, Part, PartMeter, Request, Span

PERIOD_S = 1.0  # CodeCarbon's own sampling period
_SHORTEST_LOAD_S = 0.1  # load is counted in ticks of 10 ms: in less it is mostly rounding
_IDLE_SHARE = 0.1  # the model's floor: an idle machine draws a tenth of its TDP


class CpuModel(PartMeter):
    """CodeCarbon's ``cpu_load``: TDP x (0.1 + 0.9 load^3), with the whole machine's load.

    A virtual energy counter: it only grows, and nested or consecutive windows add up. The load is
    read every second, and at the edges of windows. Opening it costs about half a second.
    """

    part = "cpu"
    how = "model"

    def __init__(self) -> None:
        with _silent():
            self._cpu, self.source, self.tdp_w = _codecarbon_cpu()
            self._cpu.start()
        self.rated_w = self.tdp_w
        self.key = self.name = socket.gethostname()
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

    def figure(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        span: Span,  # noqa: ARG002
    ) -> Figure:
        """``low``/``high``: idle and fully loaded for all of it."""
        wall, joules = end[0] - start[0], end[1] - start[1]
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


class RamModel(PartMeter):
    """CodeCarbon's constant power for the memory modules it supposes."""

    part = "ram"
    how = "model"

    def __init__(self, watts: float, memory_gb: float) -> None:
        self.key = self.name = socket.gethostname()
        self.watts, self.memory_gb = watts, memory_gb
        model = f"codecarbon RAM model, {watts:g} W for {memory_gb:.0f} GB"
        self.source = f"{model}; not in the headline"

    def read(self) -> None:
        """Nothing is read: the power is always the same."""

    def figure(self, start: None, end: None, span: Span) -> Figure:  # noqa: ARG002
        joules = self.watts * (span[1] - span[0])
        return Figure(value=joules, unit="J", quality=Quality.ESTIMATED, source=self.source)


def ram_model() -> RamModel:
    """Raises RuntimeError when CodeCarbon finds no memory to model."""
    with _silent():
        from codecarbon.external.ram import RAM

        ram = RAM()
        watts, size_gb = float(ram.total_power().W), float(ram.machine_memory_GB)
    if watts <= 0:
        raise RuntimeError("codecarbon's memory model gave no power")
    return RamModel(watts, size_gb)


def tdp_w() -> float | None:
    """The processor's TDP in W as CodeCarbon knows or guesses it; None where it does neither."""
    with suppress(Exception), _silent():  # whatever fails there costs a figure, not the run
        from codecarbon.core.cpu import TDP

        return float(TDP().tdp)
    return None


def _codecarbon_cpu() -> tuple[Any, str, float]:
    from codecarbon.core.cpu import DEFAULT_POWER_PER_CORE, TDP
    from codecarbon.external.hardware import CPU, MODE_CPU_LOAD

    tdp = TDP()
    cpu = CPU.from_utils("", MODE_CPU_LOAD, tdp.model, tdp.tdp, tracking_mode="machine")
    watts = float(cpu._tdp)
    source = f"codecarbon cpu_load of the whole machine, TDP {watts:g} W ({tdp.model}"
    if tdp.tdp is None:
        source += "; TDP unknown, codecarbon's generic one"
    elif tdp._get_cpu_power_from_registry(tdp.model) is None:
        source += f"; TDP unknown, guessed at {DEFAULT_POWER_PER_CORE} W a thread"
    return cpu, source + ")", watts


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


def _open(request: Request) -> Opened:
    """Whatever fails inside CodeCarbon costs a figure."""
    meters: list[PartMeter] = []
    why: dict[Part, str] = {}
    for part, name, model in (("cpu", "CPU", CpuModel), ("ram", "RAM", ram_model)):
        if part in request.parts:
            try:
                meters.append(model())
            except Exception as error:
                why[part] = f"codecarbon's {name} model failed: {error}"
    return Opened(tuple(meters), why)


SOURCE = EnergySource(parts=("cpu", "ram"), priority=MODEL, open=_open)
