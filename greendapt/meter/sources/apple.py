"""Apple silicon: the energy counters of its chip, by the package zeus-apple-silicon (no root).

Apple calls what they tell estimated, good for comparing programs on one machine: so do we.
"""

from __future__ import annotations

import platform
import socket
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from greendapt.core.figures import Figure, Quality
from greendapt.meter.sources.base import (
    COUNTER,
    EnergySource,
    Opened,
    Part,
    PartMeter,
    Request,
    Span,
)

_PACKAGE = "python -m pip install zeus-apple-silicon"
_FIELDS: Mapping[Part, tuple[str, ...]] = {
    "gpu": ("gpu_mj", "gpu_sram_mj"),
    "cpu": ("cpu_total_mj",),
    "dram": ("dram_mj",),
}


class ChipMeter(PartMeter):
    """One part of the chip."""

    how = "counter"

    def __init__(self, part: Part, monitor: Any) -> None:
        self.part, self._monitor = part, monitor
        host = socket.gethostname()
        self.name = platform.processor() or "Apple silicon"
        self.key = f"apple-{part}" if part == "gpu" else host

    def read(self) -> float | str:
        """J since the monitor was opened; a sentence where there is none."""
        try:
            told = self._monitor.get_cumulative_energy()
        except Exception as error:  # of the system's own library
            return f"Apple's counters: {error}"
        values = [getattr(told, name, None) for name in _FIELDS[self.part]]
        known = [value for value in values if value is not None]
        return sum(known) / 1e3 if known else "this chip has no such counter"

    def figure(self, start: float | str, end: float | str, span: Span) -> Figure:  # noqa: ARG002
        if isinstance(start, str) or isinstance(end, str):
            return Figure.unavailable("J", str(end if isinstance(end, str) else start))
        joules = end - start
        if joules < 0:
            return Figure.unavailable("J", "Apple's counter was reset in the window")
        source = "Apple's energy counter, which Apple calls estimated"
        return Figure(value=joules, unit="J", quality=Quality.ESTIMATED, source=source)


def _open(request: Request) -> Opened:
    try:
        monitor = import_module("zeus_apple_silicon").AppleEnergyMonitor()
    except ImportError:
        missing = f"Apple's counters need a package: {_PACKAGE}"
        return Opened(why=dict.fromkeys(request.parts, missing))
    except RuntimeError as error:
        return Opened(why=dict.fromkeys(request.parts, f"Apple's counters: {error}"))
    wanted = [part for part in request.parts if part != "gpu" or request.pick(1)]
    meters = [ChipMeter(part, monitor) for part in wanted]
    told = {meter.part: meter.read() for meter in meters}
    why = {part: one for part, one in told.items() if isinstance(one, str)}
    return Opened(tuple(meter for meter in meters if meter.part not in why), why)


def _is_here(environ: Mapping[str, str]) -> bool:  # noqa: ARG001
    return sys.platform == "darwin" and platform.machine() == "arm64"


SOURCE = EnergySource(
    parts=("gpu", "cpu", "dram"),
    priority=COUNTER,
    open=_open,
    advice=dict.fromkeys(("gpu", "cpu", "dram"), _PACKAGE),
    here=_is_here,
    torch_device="mps",
)
