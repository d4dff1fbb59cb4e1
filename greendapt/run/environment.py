"""The machine and the software a run ran on, and a fingerprint of what decides its costs."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
import torch

from greendapt import __version__
from greendapt.core.keys import key_of
from greendapt.core.machine import cores

_PACKAGES = ("torch", "torchvision", "timm", "codecarbon", "nvidia-ml-py", "numpy")


def environment(device: torch.device) -> dict[str, str | int]:
    """Names and versions only: nothing that identifies a person or a host."""
    named = {"cuda": torch.cuda, "xpu": torch.xpu}
    gpu = named[device.type].get_device_name(device) if device.type in named else "none"
    return {
        "greendapt": __version__,
        "python": platform.python_version(),
        **{name: _version(name) for name in _PACKAGES},
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "ram_bytes": psutil.virtual_memory().total,
        "device": device.type,
        "gpu": gpu,
    }


def fingerprint(machine: dict[str, str | int]) -> str:
    """Equal where costs may be compared: same machine kind, same software."""
    return key_of(**{key: value for key, value in machine.items() if key != "ram_bytes"})


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
