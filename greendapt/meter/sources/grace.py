"""NVIDIA Grace (alone, or with Hopper or Blackwell): the power meters of its sockets (ACPI, hwmon).

A socket's meter holds the processor, its memory and its regulators; that of the whole module holds
the GPU, too, which NVML counts, and is not added to it.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from greendapt.meter.sources.base import COUNTER, EnergySource, Opened, Request
from greendapt.meter.sources.gpu_reader import Unreadable
from greendapt.meter.sources.rail import CpuRail
from greendapt.meter.sources.sysfs import PowerFile, hwmons, number, text

_DRIVER = "power_meter"
_SOCKET, _MODULE = "Grace Power Socket", "Module Power Socket"
_ENABLE = "sudo modprobe acpi_power_meter"
_DEFAULT_S = 1.0


@dataclass(frozen=True)
class Gauge:
    """A power meter; ``averaged_s``: over how long."""

    name: str
    power: Path
    averaged_s: float

    def watts(self) -> float:
        """Raises Unreadable."""
        return number(self.power) / 1e6


def _gauges(environ: Mapping[str, str]) -> list[Gauge]:
    gauges = []
    for hwmon in hwmons(environ, _DRIVER):
        for folder in (hwmon, hwmon / "device"):
            if not (folder / "power1_average").exists():
                continue
            told_ms = text(folder / "power1_average_interval")
            averaged_s = int(told_ms) / 1e3 if told_ms.isdecimal() else _DEFAULT_S
            name = text(folder / "power1_oem_info")
            gauges.append(Gauge(name, folder / "power1_average", averaged_s))
            break
    return gauges


def _open(request: Request) -> Opened:
    gauges = _gauges(request.environ)
    sockets = [gauge for gauge in gauges if gauge.name.startswith(_SOCKET)]
    if not sockets:
        module = any(gauge.name.startswith(_MODULE) for gauge in gauges)
        why = "the module's meter holds the GPU, too" if module else "no Grace"
        return Opened(why=dict.fromkeys(request.parts, why))
    names = ", ".join(gauge.name for gauge in sockets)
    sensor = PowerFile(
        uuid=socket.gethostname(),
        name=names,
        library="ACPI",
        note="its memory and regulators are in it",
        watts=lambda: sum(gauge.watts() for gauge in sockets),
    )
    try:
        meter = CpuRail(sensor, max(gauge.averaged_s for gauge in sockets))
    except Unreadable as error:
        return Opened(why=dict.fromkeys(request.parts, f"Grace's power meter: {error}"))
    return Opened((meter,), {"dram": "in the CPU's part: one meter holds a socket and its memory"})


def _is_here(environ: Mapping[str, str]) -> bool:
    return any(gauge.name.startswith((_SOCKET, _MODULE)) for gauge in _gauges(environ))


SOURCE = EnergySource(
    parts=("cpu", "dram"),
    priority=COUNTER,
    open=_open,
    advice={"cpu": _ENABLE, "dram": "nothing: it is in the CPU's part"},
    here=_is_here,
)
