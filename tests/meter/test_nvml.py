"""Which GPUs are there, which are ours, and what is said when there are none."""

import os
import subprocess
import sys

import pytest

from greendapt.meter import Meter
from greendapt.meter.sources.nvml import open_gpus, strangers

UUIDS = [f"GPU-{i}{i}{i}{i}-standin" for i in range(4)]


def indices(gpus):
    return [gpu.index for gpu in gpus.found]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, [0, 1, 2, 3]),
        ("2", [2]),
        ("3,1", [3, 1]),
        (" 1 , 2 ", [1, 2]),
        ("", []),
        ("-1", []),
        ("0,-1,2", [0]),
        ("0,9,2", [0]),
        ("1,1", [1]),
        (UUIDS[2], [2]),
        ("GPU-33", [3]),
        (f"{UUIDS[0]},{UUIDS[3]}", [0, 3]),
        ("GPU-", []),
        ("GPU-nobody", []),
        ("MIG-aaaa-2", [2]),
        ("MIG-aaaa-2,MIG-aaaa-2", [2]),
        (f"MIG-{UUIDS[1]}/7/0", [1]),
        ("MIG-nobody", []),
        ("nonsense", []),
    ],
)
def test_cuda_visible_devices(standin, said, expected):
    standin(gpus=4)
    gpus = open_gpus({} if said is None else {"CUDA_VISIBLE_DEVICES": said})
    assert indices(gpus) == expected
    if not expected:
        assert "CUDA_VISIBLE_DEVICES" in gpus.why
        assert not gpus.broken


def test_a_mig_instance_is_charged_its_whole_gpu_and_says_so(standin):
    standin(gpus=2)
    (gpu,) = open_gpus({"CUDA_VISIBLE_DEVICES": "MIG-aaaa-1"}).found
    assert gpu.uuid == UUIDS[1]
    assert "MIG" in gpu.note


def test_mixed_models_warn_of_the_order_of_indices(standin):
    standin(gpus=2, mixed=1)
    (gpu,) = open_gpus({"CUDA_VISIBLE_DEVICES": "0"}).found
    assert "PCI_BUS_ID" in gpu.note
    (gpu,) = open_gpus({"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}).found
    assert gpu.note == ""


@pytest.mark.parametrize(
    ("code", "broken", "words"),
    [(4, True, "no permission"), (18, True, "versions differ"), (9, None, "not loaded")],
)
def test_a_driver_that_does_not_start(standin, code, broken, words):
    standin(init=code)
    gpus = open_gpus({})
    assert gpus.found == ()
    assert words in gpus.why
    if broken is not None:
        assert gpus.broken is broken


def test_an_unreadable_gpu_makes_the_headline_unavailable(standin):
    standin(init=4)
    with Meter() as window:
        pass
    assert window.figures["energy_j"].value is None
    assert "no permission" in window.figures["energy_j"].source


def test_one_gpu_of_three_may_not_be_opened(standin):
    standin(gpus=3, denied=1)
    with Meter() as window:
        pass
    assert window.figures["energy_gpu_j"].value is None
    assert "GPU 1: no permission" in window.figures["energy_gpu_j"].source
    others = {**os.environ, "CUDA_VISIBLE_DEVICES": "0,2"}
    meter = Meter(environ=others)
    with meter.window() as window:
        pass
    meter.close()
    assert window.figures["energy_gpu_j"].value > 0


def test_without_a_driver_every_figure_says_so_and_nothing_is_zero():
    code = (
        "from greendapt.meter import Meter\n"
        "with Meter() as window: sum(range(10**6))\n"
        "figure = window.figures['energy_gpu_j']\n"
        "assert figure.value is None and 'no NVIDIA GPU' in figure.source, figure\n"
        "assert all(f.value is None or f.value > 0 for f in window.figures.values())\n"
        "assert 'gpu' not in window.figures['energy_j'].source\n"
    )
    if any(map(os.path.exists, ("/dev/nvidiactl", "/dev/dxg"))):
        pytest.skip("this machine has an NVIDIA GPU")
    subprocess.run([sys.executable, "-c", code], check=True)


def test_processes_on_the_gpu_that_are_not_ours(standin):
    standin()
    (gpu,) = open_gpus({}).found
    assert strangers(gpu, own_work=False) == 0
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    standin(pids=f"{os.getpid()},{child.pid}")
    assert strangers(gpu, own_work=True) == 0
    standin(pids=f"{os.getpid()},{child.pid},1")
    assert strangers(gpu, own_work=True) == 1
    child.communicate()
    standin(pids="4000001,4000002")  # ids of the host, seen from a container: one is ours
    assert strangers(gpu, own_work=True) == 1
    with Meter() as window:
        pass
    assert "up to 2 other process(es)" in window.figures["energy_gpu_j"].source


def test_what_slows_the_clocks(standin):
    standin(slowdown=0x24)
    (gpu,) = open_gpus({}).found
    assert gpu.slowdowns() == ("power cap", "heat (software)")
