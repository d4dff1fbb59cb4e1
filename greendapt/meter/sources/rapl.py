"""CPU package and DRAM energy from the kernel's powercap files (RAPL)."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from greendapt.core.figures import Figure
from greendapt.meter.clock import Heartbeat, now_s
from greendapt.meter.sources.base import (
    COUNTER,
    EnergySource,
    Opened,
    Part,
    PartMeter,
    Request,
    Span,
)
from greendapt.meter.sources.codecarbon import tdp_w

ROOT = "/sys/class/powercap"
ROOT_VARIABLE = "GREENDAPT_POWERCAP"
HOW_TO_ALLOW = (
    "allow it until the next boot with: sudo chmod a+r /sys/class/powercap/*/energy_uj "
    "(for good: a udev rule, see docs/metering.md)"
)
BEAT_S = 60.0  # a counter of 262 kJ wraps in 15 minutes at 300 W
_HIGHEST_W = 2000.0  # more than any socket draws: the counter was reset, it did not wrap
_DEPTHS = ("*rapl*:*", "*rapl*/*rapl*:*", "*rapl*/*rapl*/*rapl*:*")
_MIRROR_UJ = 1_000_000  # two dies that show one socket's counter differ by the time between reads


@dataclass(frozen=True)
class Reading:
    """Joules since the domain was opened; ``faults``: breaks in its counting so far."""

    joules: float
    faults: int


class Domain:
    """One energy counter, unwrapped by ``max_energy_range_uj`` (read it before it wraps twice);
    where that is 0 or not told, a wrap is a break in its counting."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "energy_uj"
        self._range_uj = _range_uj(folder)
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
            step = raw - self.raw_uj
            if step < 0 and self._range_uj:
                step %= self._range_uj
            if not 0 <= step <= _HIGHEST_W * 1e6 * (now - self._last_s + 1.0):
                self._faults += 1
            else:
                self._total_uj += step
            self.raw_uj, self._last_s = raw, now
            return Reading(self._total_uj / 1e6, self._faults)


def _range_uj(folder: Path) -> int:
    """Where the counter starts again from 0; 0 where that is not known."""
    try:
        return max(0, int((folder / "max_energy_range_uj").read_text()))
    except (FileNotFoundError, ValueError):
        return 0


class RaplMeter(PartMeter):
    """Every package (``cpu``) or memory (``dram``) counter of this machine, by name, added up.

    psys, core and uncore are not counted: they overlap the packages.
    """

    how = "counter"

    def __init__(self, part: Part, domains: Mapping[str, Domain]) -> None:
        self.part, self.domains = part, domains
        self.key = self.name = socket.gethostname()
        self.rated_w = tdp_w() if part == "cpu" else None
        self._heart = Heartbeat(self.read, BEAT_S)

    def read(self) -> dict[str, Reading]:
        return {name: domain.read() for name, domain in self.domains.items()}

    def figure(
        self,
        start: Mapping[str, Reading],
        end: Mapping[str, Reading],
        span: Span,  # noqa: ARG002
    ) -> Figure:
        joules = 0.0
        for name, last in end.items():
            first = start[name]
            if last.faults > first.faults:
                return Figure.unavailable("J", f"RAPL {name} was reset or lost in the window")
            if last.joules <= first.joules:
                return Figure.unavailable("J", f"RAPL {name} did not move in the window")
            joules += last.joules - first.joules
        return Figure.measured(joules, "J", f"RAPL {', '.join(end)}")

    def close(self) -> None:
        self._heart.stop()


def open_rapl(request: Request) -> Opened:
    """A meter for each part asked for. One unreadable counter of a part makes the part missing: a
    sum that leaves a socket out would read as a saving."""
    root = Path(request.environ.get(ROOT_VARIABLE, ROOT))
    meters: list[PartMeter] = []
    why: dict[Part, str] = {}
    for part, folders in _folders(root).items():
        if part not in request.parts:
            continue
        try:
            domains = {name: Domain(folder) for name, folder in folders.items()}
        except PermissionError:
            why[part] = f"RAPL counters may not be read; {HOW_TO_ALLOW}"
        except (OSError, ValueError) as error:
            why[part] = f"RAPL counters cannot be read ({error})"
        else:
            if domains:
                meters.append(RaplMeter(part, _without_mirrors(domains)))
            else:
                counter = "package" if part == "cpu" else "DRAM"
                why[part] = f"no RAPL {counter} counter in {root}"
    return Opened(tuple(meters), why)


def _folders(root: Path) -> dict[Part, dict[str, Path]]:
    """part -> counter name -> folder, in flat trees and in nested ones. The MSR view of a package
    wins over its MMIO double."""
    zones = {zone.name: zone for depth in _DEPTHS for zone in root.glob(depth)}
    names = {zone: _name(folder) for zone, folder in zones.items()}
    msr = {name for zone, name in names.items() if "mmio" not in zone}
    shown = {zone: name for zone, name in names.items() if "mmio" not in zone or name not in msr}
    cpu = {zone: name for zone, name in shown.items() if name.startswith("package")}
    dram = {
        zone: f"{names.get(zone.rpartition(':')[0], '')} dram".strip()
        for zone, name in shown.items()
        if name == "dram"
    }
    return {"cpu": _told_apart(cpu, zones), "dram": _told_apart(dram, zones)}


def _told_apart(names: Mapping[str, str], zones: Mapping[str, Path]) -> dict[str, Path]:
    """Folders by name; by zone, too, where several sockets have one name."""
    many = Counter(names.values())
    return {
        name if many[name] == 1 else f"{name} ({zone})": zones[zone]
        for zone, name in sorted(names.items())
    }


def _name(zone: Path) -> str:
    try:
        return (zone / "name").read_text().strip()
    except OSError:
        return ""


def _without_mirrors(domains: Mapping[str, Domain]) -> dict[str, Domain]:
    """Some many-die CPUs show one socket's counter once a die: count it once."""
    kept: dict[str, Domain] = {}
    for name, domain in domains.items():
        package, _, die = name.partition("-die-")
        dies = [other for one, other in kept.items() if one.startswith(f"{package}-die-")]
        if not die or not any(
            domain.raw_uj > 0 and abs(domain.raw_uj - other.raw_uj) < _MIRROR_UJ for other in dies
        ):
            kept[name] = domain
    return kept


_NO_RAPL = (
    "on bare metal: sudo modprobe intel_rapl_msr (Intel and AMD alike); "
    "in a virtual machine or container the host must pass /sys/class/powercap through"
)
SOURCE = EnergySource(
    parts=("cpu", "dram"),
    priority=COUNTER,
    open=open_rapl,
    advice={
        "cpu": _NO_RAPL,
        "dram": f"many processors (all of AMD's) have no DRAM counter; {_NO_RAPL}",
    },
)
