"""CPU energy without a counter: CPU-seconds of this process tree x watts a busy thread.

The machine's rated power (TDP) is spread evenly over its threads, as in CodeCarbon's process mode.
Linear, so that 8 busy threads of 64 cost an eighth of the machine and not its floor.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass

from greendapt.core.figures import Figure, Quality
from greendapt.core.meter_facts import Conditions
from greendapt.meter.sources.base import (
    MODEL,
    CpuEstimate,
    EnergySource,
    Opened,
    ProcessMeter,
    Request,
)
from greendapt.meter.sources.codecarbon import Rating, rating

REST = 0.1
"""Of its TDP a machine at rest draws so much, as CodeCarbon supposes."""
_KNOWN = (0.5, 4.0)
"""A busy thread against its share of a known TDP: waiting for memory, or alone on a fast core."""
_GUESSED_W = (1.0, 16.0)
"""A busy thread of any processor, from a many-core server to a desktop."""
_MOST_W = 33.0
"""More than any thread's share of a TDP: a virtual machine shows few threads of a large one."""
_TYPICAL_W = 4.0
"""CodeCarbon's guess."""
_FULL = 0.999
"""Ticks do not tell more than that from full load."""


@dataclass(frozen=True)
class ThreadPower:
    """W of a busy thread, with bounds that hold what is not known; ``says``: where it is from."""

    watts: float
    low: float
    high: float
    threads: int
    says: str

    @classmethod
    def of(cls, rated: Rating, threads: int) -> ThreadPower:
        watts = rated.tdp_w / threads
        sockets = "" if rated.sockets == 1 else f"{rated.sockets} sockets, "
        says = f"TDP {rated.tdp_w:g} W of {sockets}{threads} threads ({rated.model}"
        if rated.known and watts <= _MOST_W:
            low, high = (factor * watts for factor in _KNOWN)
            return cls(watts, low, high, threads, f"{says})")
        if rated.known:
            says += "; of more threads than this machine shows"
            watts = _TYPICAL_W
        low, high = min(watts, _GUESSED_W[0]), max(watts, _GUESSED_W[1])
        return cls(
            watts, low, high, threads, f"{says}; TDP unknown, guessed at {watts:g} W a thread)"
        )

    def joules(self, thread_s: float, source: str) -> Figure:
        """Of so many seconds of a thread."""
        return Figure(
            value=self.watts * thread_s,
            unit="J",
            quality=Quality.ESTIMATED,
            source=f"{source}; {self.says}",
            low=self.low * thread_s,
            high=self.high * thread_s,
        )


class CpuModel(ProcessMeter):
    """``why``: why no counter was read, which figures say."""

    def __init__(self, power: ThreadPower, why: str = "") -> None:
        self.power, self._why = power, f"; not measured: {why}" if why else ""
        self.key = self.name = socket.gethostname()
        self.rated_w = power.watts * power.threads

    def estimate(self, use: Conditions) -> CpuEstimate:
        """What no busy thread accounts for is `REST` of the rated power, less as threads are busy;
        each process has of it the share that it has of all CPU-seconds."""
        power, all_s = self.power, use.threads * use.wall_s
        at_rest_s = REST * (1.0 - min(use.load, _FULL)) * all_s
        own = f"CPU-seconds of this process and its children x {power.watts:.3g} W a busy thread"
        return CpuEstimate(
            energy=power.joules(use.cpu_s, own + self._why),
            idle_share=power.joules(at_rest_s * use.own_part, "its share of the power at rest"),
            machine=power.joules(
                at_rest_s + use.load * all_s, "the whole machine's load, other programs too"
            ),
        )


def _open(request: Request) -> Opened:
    rated = rating() if "cpu" in request.parts else None
    if rated is None:
        return Opened(why={"cpu": "codecarbon knows no TDP"})
    threads = os.cpu_count() or 1
    return Opened((CpuModel(ThreadPower.of(rated, threads), request.why.get("cpu", "")),))


SOURCE = EnergySource(parts=("cpu",), priority=MODEL, open=_open)
