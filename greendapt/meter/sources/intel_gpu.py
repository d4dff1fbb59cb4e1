"""Intel's graphics cards, by the energy counter of the kernel's drivers i915 and xe (hwmon)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from greendapt.meter.sources.base import COUNTER, EnergySource, Opened, Request
from greendapt.meter.sources.gpu_energy import gpu_meters
from greendapt.meter.sources.gpu_reader import GpuReader, Unreadable
from greendapt.meter.sources.sensor import WHOLE, Sensor
from greendapt.meter.sources.sysfs import hwmons, number, text

_DRIVERS = ("i915", "xe")
_VISIBLE = "ZE_AFFINITY_MASK"


@dataclass(frozen=True, kw_only=True)
class Card(GpuReader):
    """``energy``: the file of its counter. It tells no power."""

    library: str = "hwmon"
    energy: Path = field(repr=False)

    @property
    def sensor(self) -> Sensor:
        """Its counter adds up all that its chip draws."""
        return WHOLE

    def counter_j(self) -> float:
        return number(self.energy) / 1e6

    def power_w(self) -> float:
        raise Unreadable("it counts energy, and tells no power")


def _cards(environ: Mapping[str, str]) -> list[Card]:
    """In order of their bus. Graphics that are part of a processor have no counter of their own:
    they are in that of its package (RAPL)."""
    cards = []
    for folder in hwmons(environ, *_DRIVERS):
        energy = _energy_file(folder)
        if energy is None:
            continue
        bus = (folder / "device").resolve().name
        limit_w = None
        with suppress(Unreadable):
            limit_w = number(folder / "power1_max") / 1e6
        name = f"Intel GPU {bus}, driver {text(folder / 'name')}"
        note = "its chip alone" if _label(energy) == "pkg" else ""
        cards.append(Card(uuid=bus, name=name, energy=energy, limit_w=limit_w, note=note))
    return sorted(cards, key=lambda card: card.uuid)


def _energy_file(folder: Path) -> Path | None:
    """That of the whole card, else that of its chip."""
    files = sorted(folder.glob("energy*_input"))
    return min(files, key=lambda path: _label(path) == "pkg", default=None)


def _label(energy: Path) -> str:
    return text(energy.with_name(energy.name.replace("_input", "_label")))


def _visible(cards: Sequence[Card], environ: Mapping[str, str]) -> list[Card]:
    """Those that ZE_AFFINITY_MASK lets a process see: numbers, a dot and a tile behind some."""
    mask = environ.get(_VISIBLE)
    if not mask:
        return list(cards)
    chosen = dict.fromkeys(entry.strip().partition(".")[0] for entry in mask.split(","))
    return [cards[int(one)] for one in chosen if one.isdecimal() and int(one) < len(cards)]


def _open(request: Request) -> Opened:
    cards = _cards(request.environ)
    if not cards:
        return Opened(why={"gpu": "no Intel GPU with an energy counter"})
    seen = _visible(cards, request.environ)
    if not seen:
        return Opened(why={"gpu": f"{_VISIBLE} hides every GPU"})
    return Opened(tuple(gpu_meters([seen[one] for one in request.pick(len(seen))])))


SOURCE = EnergySource(
    parts=("gpu",),
    priority=COUNTER,
    open=_open,
    advice={
        "gpu": "Intel's cards count energy since Linux 6.2 (i915) and 6.8 (xe); their file may be "
        "read by all with: sudo chmod a+r /sys/class/hwmon/*/energy*_input"
    },
    here=lambda environ: bool(_cards(environ)),
    torch_device="xpu",
)
