"""Sensors of the kernel under /sys: where they are, and what their files say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from greendapt.meter.sources.gpu_reader import GpuReader, Unreadable

ROOT = "/sys"
ROOT_VARIABLE = "GREENDAPT_SYSFS"


def root_of(environ: Mapping[str, str]) -> Path:
    """``/sys``, or what the variable GREENDAPT_SYSFS names."""
    return Path(environ.get(ROOT_VARIABLE, ROOT))


def hwmons(environ: Mapping[str, str], *names: str) -> Iterator[Path]:
    """Folders of the sensors whose driver has one of these names, in order."""
    folders = root_of(environ).glob("class/hwmon/hwmon*")
    for folder in sorted(folders, key=lambda path: int(path.name.removeprefix("hwmon") or 0)):
        if text(folder / "name") in names:
            yield folder


def text(path: Path) -> str:
    """Of a file that may not be there; empty then."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def number(path: Path) -> float:
    """Raises Unreadable, with what to do."""
    try:
        return float(path.read_text(encoding="ascii"))
    except PermissionError as error:
        raise Unreadable(
            f"its file may not be read; allow it until the next boot with: sudo chmod a+r {path}"
        ) from error
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "it holds no number"
        raise Unreadable(f"{path.name} cannot be read ({why})") from error


@dataclass(frozen=True, kw_only=True)
class PowerFile(GpuReader):
    """A sensor of power without a counter; ``watts`` reads it, and raises Unreadable."""

    watts: Callable[[], float]

    def counter_j(self) -> float:
        raise Unreadable("it tells power, and counts no energy")

    def power_w(self) -> float:
        return self.watts()
