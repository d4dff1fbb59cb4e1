"""GPU drivers and sensors that are not there, read through the real libraries and files."""

import ctypes
import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pynvml
import pytest

from greendapt.meter.doctor import examine

STANDIN = Path(__file__).parent / "standin"


def compiled(library, *sources):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip(f"no C compiler to build the stand-in {library.name}")
    subprocess.run(
        [compiler, "-O1", "-shared", "-fPIC", "-o", library, *sources, "-lm"], check=True
    )
    return library


@pytest.fixture(scope="session")
def standin_library(tmp_path_factory):
    """The compiled stand-in ``libnvidia-ml.so.1``."""
    library = tmp_path_factory.mktemp("standin") / "libnvidia-ml.so.1"
    return compiled(library, STANDIN / "nvml.c")


@pytest.fixture(scope="session")
def rocm(tmp_path_factory):
    """A folder as ROCm's, with a stand-in ``libamd_smi.so`` that has all that amdsmi looks for."""
    package = find_spec("amdsmi")
    if package is None:
        pytest.skip("amdsmi is not installed")
    wrapper = Path(package.origin).with_name("amdsmi_wrapper.py").read_text(encoding="utf-8")
    source = (STANDIN / "amd_smi.c").read_text(encoding="utf-8")
    wanted = set(re.findall(r"_libraries\['libamd_smi.so'\]\.(\w+)", wrapper))
    missing = sorted(wanted - set(re.findall(r"^int (amdsmi_\w+)\(", source, re.MULTILINE)))
    folder = tmp_path_factory.mktemp("rocm")
    (folder / "lib").mkdir()
    stubs = folder / "stubs.c"
    stubs.write_text("\n".join(f"int {name}(void) {{ return 2; }}" for name in missing))
    compiled(folder / "lib" / "libamd_smi.so", STANDIN / "amd_smi.c", stubs)
    return folder


@pytest.fixture
def amd(rocm, monkeypatch):
    """``amd(gpus=2, watts=200)``: amdsmi's real package on the stand-in, freshly imported."""
    for variable in ("ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("ROCM_PATH", str(rocm))
    monkeypatch.delenv("ROCM_HOME", raising=False)
    before = {name: module for name, module in sys.modules.items() if name.startswith("amdsmi")}
    for name in before:
        del sys.modules[name]

    def said(**settings):
        for name, value in settings.items():
            monkeypatch.setenv(f"STANDIN_AMD_{name.upper()}", str(value))

    yield said
    for name in [name for name in sys.modules if name.startswith("amdsmi")]:
        del sys.modules[name]
    sys.modules.update(before)


class Sysfs:
    """A tree like /sys, in a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path, value):
        """Whole at once: a reader never sees half of it."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}")
        fresh.write_text(f"{value}\n")
        fresh.replace(file)

    def hwmon(self, number, name, **files):
        folder = f"class/hwmon/hwmon{number}"
        self.write(f"{folder}/name", name)
        for file, value in files.items():
            self.write(f"{folder}/{file}", value)
        return folder


@pytest.fixture
def sysfs(tmp_path, monkeypatch):
    tree = Sysfs(tmp_path / "sys")
    monkeypatch.setenv("GREENDAPT_SYSFS", str(tree.root))
    monkeypatch.setenv("GREENDAPT_POWERCAP", str(tmp_path / "no powercap"))
    return tree


@pytest.fixture
def ticking():
    """``ticking(do)``: does it every few milliseconds until the test ends."""
    stop = threading.Event()
    threads = []

    def start(do):
        def run():
            while not stop.wait(0.003):
                do()

        do()
        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield start
    stop.set()
    for thread in threads:
        thread.join()


@pytest.fixture
def parts_seen():
    """``parts_seen(device)``: what doctor says of each part, by name."""

    def see(device="auto"):
        report = examine(device=device, repeats=3)
        return {part["part"]: part for part in report["parts"]}, report

    return see


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
