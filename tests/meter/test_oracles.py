"""CodeCarbon and Zeus read the same stand-in driver and powercap tree."""

import importlib.util
import os
import subprocess
import sys
import time

import pynvml
import pytest
from codecarbon.core import gpu_nvidia
from codecarbon.core.cpu import IntelRAPL
from codecarbon.core.units import Time

from greendapt.core.units import JOULES_PER_KWH
from greendapt.meter.sources.base import Request
from greendapt.meter.sources.gpu_energy import gpu_meters, read_edges
from greendapt.meter.sources.nvml import open_gpus
from greendapt.meter.sources.rapl import open_rapl


@pytest.mark.parametrize("sine_w", [0, 100])
def test_codecarbons_gpu_agrees(standin, monkeypatch, sine_w):
    standin(sine_w=sine_w, sine_s=0.7)
    monkeypatch.setattr(gpu_nvidia, "pynvml", pynvml)
    (meter,) = gpu_meters(open_gpus({}).found)
    theirs = gpu_nvidia.NvidiaGPUDevice(meter.gpu.handle, 0)
    theirs.start()
    start = read_edges([meter])
    time.sleep(1.0)
    delta = theirs.delta(Time.from_seconds(1.0))["delta_energy_consumption"]
    end = read_edges([meter])
    ours = meter.figure(start[0], end[0], (start[0].at_s, end[0].at_s))
    # both read the same counter, a refresh or two apart
    assert ours.value == pytest.approx(delta.kWh * JOULES_PER_KWH, abs=81)
    assert ours.low <= delta.kWh * JOULES_PER_KWH <= ours.high


def test_codecarbons_rapl_agrees(two_sockets):
    theirs = IntelRAPL(rapl_dir=str(two_sockets.root))
    theirs.start()
    environ = {"GREENDAPT_POWERCAP": str(two_sockets.root)}
    (ours,) = open_rapl(Request(("cpu",), environ, lambda _: ())).meters
    before = ours.read()
    for folder, joules in {
        "intel-rapl:0": 1300.0,
        "intel-rapl-mmio:0": 1299.0,  # the double that CodeCarbon reads
        "intel-rapl:1": 5120.0,
    }.items():
        two_sockets.set(folder, joules)
    details = theirs.get_cpu_details(Time.from_seconds(1.0))
    counted = sum(value for name, value in details.items() if "Energy" in name)
    figure = ours.figure(before, ours.read(), (0.0, 1.0))
    ours.close()
    assert figure.value == pytest.approx(420.0)
    assert figure.value == pytest.approx(counted * JOULES_PER_KWH, rel=1e-6)


ZEUS = """
import time
from zeus.monitor import ZeusMonitor
from greendapt.meter import Meter
monitor, meter = ZeusMonitor(gpu_indices=[0], cpu_indices=[]), Meter()
monitor.begin_window("w", sync_execution=False)
with meter.window() as window:
    time.sleep(1.5)
theirs = monitor.end_window("w", sync_execution=False)
print(theirs.total_energy, window.figures["energy_gpu_j"].value)
"""


def test_zeus_agrees(standin_library):
    if importlib.util.find_spec("zeus") is None:
        pytest.skip("zeus is not installed")
    environ = {**os.environ, "LD_LIBRARY_PATH": str(standin_library.parent)}
    done = subprocess.run(
        [sys.executable, "-c", ZEUS], env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    theirs, ours = (float(part) for part in done.stdout.split()[-2:])
    # both read the same counter, a refresh or two apart
    assert ours == pytest.approx(theirs, abs=61)
