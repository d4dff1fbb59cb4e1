"""What metering costs: a training loop under several meters and bare, interleaved.

One row a way of metering; ``extra_info["ratio"]`` is the median over rounds of its time to that of
the bare loop beside it. GREENDAPT_BENCH_DEVICE=cuda takes the GPU.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pynvml
import pytest
import torch
from torch import nn

from greendapt.meter import Meter

EPOCHS = 3
STEPS = 20
ROUNDS = 60
DEVICE = os.environ.get("GREENDAPT_BENCH_DEVICE", "cpu")
Windows = Callable[[], AbstractContextManager[object]]


@pytest.fixture(scope="module")
def loop():
    """A small convolutional network's training; takes its phase and its epoch windows."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    ).to(DEVICE)  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters())
    images = torch.randn(16, 3, 32, 32, device=DEVICE)
    labels = torch.randint(10, (16,), device=DEVICE)

    def run(phase: Windows = nullcontext, epoch: Windows = nullcontext) -> float:
        begun = time.perf_counter()
        with phase():
            for _ in range(EPOCHS):
                with epoch():
                    for _ in range(STEPS):
                        optimizer.zero_grad()
                        nn.functional.cross_entropy(net(images), labels).backward()
                        optimizer.step()
        if DEVICE != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter() - begun

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    run()
    yield run
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def meter():
    opened = Meter(device=DEVICE)
    yield opened.window
    opened.close()


@contextmanager
def codecarbon() -> Iterator[None]:
    from codecarbon import OfflineEmissionsTracker

    tracker = OfflineEmissionsTracker(
        country_iso_code="FRA", save_to_file=False, log_level="critical"
    )
    tracker.start()
    try:
        yield
    finally:
        tracker.stop()


@pytest.fixture(scope="module")
def zeus(tmp_path_factory):
    """Zeus on the GPU; without one, on the tests' stand-in for its driver."""
    if importlib.util.find_spec("zeus") is None:
        pytest.skip("zeus is not installed")
    if DEVICE == "cpu":
        _stand_in(tmp_path_factory.mktemp("standin") / "libnvidia-ml.so.1")
    from zeus.monitor import ZeusMonitor

    monitor = ZeusMonitor(gpu_indices=[0], cpu_indices=[])
    wait = DEVICE != "cpu"

    @contextmanager
    def window() -> Iterator[None]:
        monitor.begin_window("w", sync_execution=wait)
        try:
            yield
        finally:
            monitor.end_window("w", sync_execution=wait)

    return window


def _stand_in(library: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to build the stand-in NVML library")
    source = Path(__file__).parents[1] / "meter" / "standin" / "nvml.c"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source, "-lm"], check=True)
    pynvml.nvmlLib = ctypes.CDLL(str(library))


def test_greendapt_a_phase(interleaved, loop, meter):
    interleaved(loop, lambda: loop(phase=meter), rounds=ROUNDS)


def test_greendapt_an_epoch(interleaved, loop, meter):
    interleaved(loop, lambda: loop(epoch=meter), rounds=ROUNDS)


def test_a_window_alone(benchmark, loop, meter):
    """Opening and closing, as a share of the shortest phase above: exact where ratios are noise."""

    def window():
        with meter():
            pass

    benchmark(window)
    benchmark.extra_info["ratio"] = 1 + benchmark.stats.stats.median / min(loop() for _ in range(5))


def test_codecarbon_a_phase(interleaved, loop):
    interleaved(loop, lambda: loop(phase=codecarbon), rounds=ROUNDS)


def test_zeus_a_phase(interleaved, loop, zeus):
    interleaved(loop, lambda: loop(phase=zeus), rounds=ROUNDS)


def test_zeus_an_epoch(interleaved, loop, zeus):
    interleaved(loop, lambda: loop(epoch=zeus), rounds=ROUNDS)
