"""A GPU driver and a powercap tree that are not there, read through the real ctypes and files."""

import ctypes
import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pynvml
import pytest


@pytest.fixture(scope="session")
def standin_library(tmp_path_factory):
    """The compiled stand-in ``libnvidia-ml.so.1``."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to build the stand-in NVML library")
    source = Path(__file__).parent / "standin" / "nvml.c"
    library = tmp_path_factory.mktemp("standin") / "libnvidia-ml.so.1"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-lm"], check=True)
    return library


@pytest.fixture
def standin(standin_library, monkeypatch):
    """Sets the stand-in's variables in this process: ``standin(gpus=3, no_counter=1)``."""
    monkeypatch.setattr(pynvml, "nvmlLib", ctypes.CDLL(str(standin_library)))
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("LOCAL_RANK", raising=False)

    def said(**settings):
        for name, value in settings.items():
            monkeypatch.setenv(f"STANDIN_{name.upper()}", str(value))

    return said


class Powercap:
    """A tree like /sys/class/powercap, in a temporary folder."""

    RANGE_UJ = 262_143_328_850

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()

    def zone(self, folder, name, joules=1000.0, range_uj=RANGE_UJ):
        path = self.root / folder
        path.mkdir(parents=True)
        (path / "name").write_text(f"{name}\n")
        if range_uj is not None:
            (path / "max_energy_range_uj").write_text(f"{range_uj}\n")
        self.set(folder, joules)

    def set(self, folder, joules):
        (self.root / folder / "energy_uj").write_text(f"{round(joules * 1e6)}\n")

    def spend_47_j(self):
        """Of two sockets: 42 J in the packages, 5 J in the memory."""
        for folder, joules in {"intel-rapl:0": 1030.0, "intel-rapl:1": 5012.0}.items():
            self.set(folder, joules)
        for folder, joules in {"intel-rapl:0:1": 103.0, "intel-rapl:1:1": 502.0}.items():
            self.set(folder, joules)


@pytest.fixture
def powercap(tmp_path):
    return Powercap(tmp_path / "powercap")


@pytest.fixture
def two_sockets(powercap):
    """Two packages with cores and DRAM, the MMIO double of one, and the platform (psys)."""
    for socket, joules in ((0, 1000.0), (1, 5000.0)):
        powercap.zone(f"intel-rapl:{socket}", f"package-{socket}", joules)
        powercap.zone(f"intel-rapl:{socket}:0", "core", joules / 2)
        powercap.zone(f"intel-rapl:{socket}:1", "dram", joules / 10, 65_712_999_613)
    powercap.zone("intel-rapl-mmio:0", "package-0", 999.0)
    powercap.zone("intel-rapl:2", "psys", 90000.0)
    return powercap


@pytest.fixture
def as_nobody_readable():
    """``with as_nobody_readable(root, forbidden=zone)``: that zone's counter may not be read."""

    @contextmanager
    def nobody(root, forbidden):
        (root / forbidden / "energy_uj").chmod(0)
        if os.geteuid() != 0:
            yield
            return
        for folder in (root, *root.parents):  # root's own temporary folders are private
            if folder.stat().st_mode & 0o005 != 0o005:
                folder.chmod(0o755)
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)

    return nobody
