"""How hot the processor is, and how often heat held it back, where the kernel tells (Linux)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_SENSORS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")


@dataclass(frozen=True)
class CpuHeat:
    """``celsius`` of the hottest sensor, ``slowdowns`` so far; None: not told."""

    celsius: float | None = None
    slowdowns: int | None = None


class Thermometer:
    """Looks for its files once; a read takes microseconds a file."""

    def __init__(self, root: Path = Path("/sys")) -> None:
        chips = [
            chip for chip in root.glob("class/hwmon/hwmon*") if _text(chip / "name") in _SENSORS
        ]
        self._heats = [path for chip in chips for path in chip.glob("temp*_input")]
        counts = "devices/system/cpu/cpu*/thermal_throttle/core_throttle_count"
        self._slowdowns = [*root.glob(counts)]

    def read(self) -> CpuHeat:
        heats = [int(text) / 1e3 for path in self._heats if (text := _text(path)).isdecimal()]
        counts = [int(text) for path in self._slowdowns if (text := _text(path)).isdecimal()]
        return CpuHeat(max(heats, default=None), sum(counts) if counts else None)


def _text(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="ascii", errors="replace").strip()
    return ""
