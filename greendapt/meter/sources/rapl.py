"""CPU package and DRAM energy from the kernel's powercap files (RAPL)."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from greendapt.core.figures import Figure
from greendapt.meter.clock import Heartbeat, now_s

ROOT = "/sys/class/powercap"
ROOT_VARIABLE = "GREENDAPT_POWERCAP"
HOW_TO_ALLOW = (
    "allow it until the next boot with: sudo chmod a+r /sys/class/powercap/*/energy_uj "
    "(for good: a udev rule, see docs/metering.md)"
)
BEAT_S = 60.0  # a counter of 262 kJ wraps in 15 minutes at 300 W
_HIGHEST_W = 2000.0  # more than any socket draws: the counter was reset, it did not wrap
_MIRROR_UJ = 1_000_000  # two dies that show one socket's counter differ by the time between reads


@dataclass(frozen=True)
class Reading:
    """Joules since the domain was opened; ``faults``: breaks in its counting so far."""

    joules: float
    faults: int


class Domain:
    """One energy counter, unwrapped by ``max_energy_range_uj`` (read it before it wraps twice)."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "energy_uj"
        self._range_uj = int((folder / "max_energy_range_uj").read_text())
        self.raw_uj = int(self._file.read_text())
        self._last_s = now_s()
        self._total_uj = 0
        self._faults = 0
        self._lock = threading.Lock()

    def read(self) -> Reading:
        with self._lock:
            now = now_s()
            try:
                raw = int(self._file.read_text())
            except (OSError, ValueError):
                self._faults += 1
                return Reading(self._total_uj / 1e6, self._faults)
            step = (raw - self.raw_uj) % self._range_uj
            if step > _HIGHEST_W * 1e6 * (now - self._last_s + 1.0):
                self._faults += 1
            else:
                self._total_uj += step
            self.raw_uj, self._last_s = raw, now
            return Reading(self._total_uj / 1e6, self._faults)


class Rapl:
    """Every readable package (``cpu``) and memory (``dram``) counter of this machine.

    ``why[part]`` says why a part is missing. One unreadable counter of a part makes the part
    missing: a sum that leaves a socket out would read as a saving. psys, core and
    uncore are not counted: they overlap the packages.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root or Path(os.environ.get(ROOT_VARIABLE, ROOT))
        self.parts: dict[str, dict[str, Domain]] = {}
        self.why: dict[str, str] = {}
        folders = _folders(self._root)
        for part in ("cpu", "dram"):
            self._open(part, folders[part])
        self._heart = Heartbeat(self.read, BEAT_S) if self.parts else None

    def _open(self, part: str, folders: Mapping[str, Path]) -> None:
        if not folders:
            what = "package" if part == "cpu" else "DRAM"
            self.why[part] = f"no RAPL {what} counter in {self._root}"
            return
        try:
            domains = {name: Domain(folder) for name, folder in folders.items()}
        except PermissionError:
            self.why[part] = f"RAPL counters may not be read; {HOW_TO_ALLOW}"
        except (OSError, ValueError) as error:
            self.why[part] = f"RAPL counters cannot be read ({error})"
        else:
            self.parts[part] = _without_mirrors(domains) if part == "cpu" else domains

    def read(self) -> dict[str, dict[str, Reading]]:
        return {
            part: {name: domain.read() for name, domain in domains.items()}
            for part, domains in self.parts.items()
        }

    def figure(
        self,
        part: str,
        before: Mapping[str, Mapping[str, Reading]],
        after: Mapping[str, Mapping[str, Reading]],
    ) -> Figure:
        """Energy of ``part`` between two reads, in J, summed over sockets."""
        if part not in self.parts:
            return Figure.unavailable("J", self.why[part])
        joules = 0.0
        for name, end in after[part].items():
            start = before[part][name]
            if end.faults > start.faults:
                return Figure.unavailable("J", f"RAPL {name} was reset or lost in the window")
            if end.joules <= start.joules:
                return Figure.unavailable("J", f"RAPL {name} did not move in the window")
            joules += end.joules - start.joules
        return Figure.measured(joules, "J", f"RAPL {', '.join(after[part])}")

    def close(self) -> None:
        if self._heart is not None:
            self._heart.stop()


def _folders(root: Path) -> dict[str, dict[str, Path]]:
    """part -> counter name -> folder. The MSR view of a package wins over its MMIO double."""
    found: dict[str, dict[str, Path]] = {"cpu": {}, "dram": {}}
    zones = [*root.glob("*rapl*:*"), *root.glob("*rapl*/*rapl*:*")]
    for zone in sorted(zones, key=lambda path: ("mmio" in path.name, path.name)):
        name = _name(zone)
        if name.startswith("package"):
            found["cpu"].setdefault(name, zone)
        elif name == "dram":
            socket = _name(zone.with_name(zone.name.rpartition(":")[0])) or _name(zone.parent)
            found["dram"].setdefault(f"{socket} dram".strip(), zone)
    return found


def _name(zone: Path) -> str:
    try:
        return (zone / "name").read_text().strip()
    except OSError:
        return ""


def _without_mirrors(domains: Mapping[str, Domain]) -> dict[str, Domain]:
    """Some many-die CPUs show one socket's counter once a die: count it once."""
    kept: dict[str, Domain] = {}
    for name, domain in domains.items():
        if not any(
            domain.raw_uj > 0 and abs(domain.raw_uj - other.raw_uj) < _MIRROR_UJ
            for other in kept.values()
        ):
            kept[name] = domain
    return kept
