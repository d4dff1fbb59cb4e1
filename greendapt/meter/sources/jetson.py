"""NVIDIA Jetson: the power sensors on its board's rails (INA3221), as the kernel shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from greendapt.meter.sources.base import COUNTER, EnergySource, Opened, Part, PartMeter, Request
from greendapt.meter.sources.gpu_energy import gpu_meters
from greendapt.meter.sources.gpu_reader import Unreadable
from greendapt.meter.sources.rail import CpuRail
from greendapt.meter.sources.sysfs import PowerFile, number, root_of, text

_LIBRARY = "INA3221"
_FILES = (
    ("in{n}_label", "in{n}_input", "curr{n}_input"),
    ("rail_name_{n}", "in_voltage{n}_input", "in_current{n}_input"),  # kernels of before 5.10
)
_CHANNELS = (0, 1, 2, 3)
_ALLOW = (
    "Jetson's sensors may be read by all with: "
    "sudo chmod a+r /sys/bus/i2c/drivers/ina3221*/*/hwmon/*/*_input"
)
_SHARED = "CPU and GPU on one rail"


@dataclass(frozen=True)
class Rail:
    """One channel of a sensor: ``volts`` in mV, ``amperes`` in mA."""

    name: str
    volts: Path
    amperes: Path

    def watts(self) -> float:
        """Raises Unreadable."""
        return number(self.volts) * number(self.amperes) / 1e6


def _rails(environ: Mapping[str, str]) -> list[Rail]:
    drivers = root_of(environ).glob("bus/i2c/drivers/ina3221*")
    folders = [path for driver in drivers for path in _folders(driver)]
    return [rail for folder in sorted(folders) for rail in _channels(folder)]


def _folders(driver: Path) -> Iterator[Path]:
    """Where the files of a sensor may lie: older kernels have them a level higher."""
    yield from driver.glob("*/iio:device*")
    yield from driver.glob("*/hwmon/hwmon*")


def _channels(folder: Path) -> Iterator[Rail]:
    for label, volts, amperes in _FILES:
        for n in _CHANNELS:
            name = text(folder / label.format(n=n))
            rail = Rail(name, folder / volts.format(n=n), folder / amperes.format(n=n))
            if name and rail.volts.exists() and rail.amperes.exists():
                yield rail


def _of(rails: list[Rail], part: Part) -> list[Rail]:
    """The rails that are named after a part."""
    return [rail for rail in rails if part in rail.name.lower()]


def _sensor(rails: list[Rail], part: Part, note: str) -> PowerFile:
    names = " + ".join(rail.name for rail in rails)
    watts: Callable[[], float] = lambda: sum(rail.watts() for rail in rails)  # noqa: E731
    return PowerFile(
        uuid=f"jetson-{part}", name=f"Jetson {names}", library=_LIBRARY, note=note, watts=watts
    )


def _open(request: Request) -> Opened:
    """Where CPU and GPU share a rail it counts as the CPU's, which every run has."""
    rails = _rails(request.environ)
    if not rails:
        return Opened(why=dict.fromkeys(request.parts, "no Jetson"))
    cpu, gpu = _of(rails, "cpu"), _of(rails, "gpu")
    shared = [rail for rail in cpu if rail in gpu]
    meters: list[PartMeter] = []
    why: dict[Part, str] = {}
    if "gpu" in request.parts:
        if shared:
            why["gpu"] = f"{_SHARED} ({shared[0].name}): it is in the CPU's part"
        elif gpu and request.pick(1):
            meters += gpu_meters([_sensor(gpu, "gpu", "")])
        else:
            why["gpu"] = "no rail of the GPU has a sensor"
    if "cpu" in request.parts and cpu:
        try:
            meters.append(CpuRail(_sensor(cpu, "cpu", _SHARED if shared else "")))
        except Unreadable as error:
            why["cpu"] = f"Jetson's rail: {error}"
    elif "cpu" in request.parts:
        why["cpu"] = "no rail of the CPU has a sensor"
    return Opened(tuple(meters), why, with_host=bool(shared))


def _is_here(environ: Mapping[str, str]) -> bool:
    return bool(_rails(environ))


SOURCE = EnergySource(
    parts=("gpu", "cpu"),
    priority=COUNTER + 1,  # NVML sees a Jetson's GPU, too, and reads nothing of it
    open=_open,
    advice={
        **dict.fromkeys(("gpu", "cpu"), _ALLOW),
        "dram": "Jetson has no sensor for its memory alone: greendapt doctor --wall takes it in",
    },
    here=_is_here,
    torch_device="cuda",
    sole=True,
)
