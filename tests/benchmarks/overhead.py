"""What metering costs: a training loop metered and bare, interleaved.

Run: python tests/benchmarks/overhead.py [--rounds 15] [--device cpu]
Prints a table of median time ratios (metered / bare), one row a way of metering, and writes it as
JSON with --output. Zeus is measured where it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path

import torch
from torch import nn

from greendapt.meter import Meter

EPOCHS = 3
Windows = Callable[[], AbstractContextManager[object]]


def training(device: str, steps: int) -> Callable[[Windows, Windows], float]:
    """A small convolutional network; the returned loop takes its phase and epoch windows."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    ).to(device)  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters())
    images = torch.randn(16, 3, 32, 32, device=device)
    labels = torch.randint(10, (16,), device=device)

    def loop(phase: Windows, epoch: Windows) -> float:
        begun = time.perf_counter()
        with phase():
            for _ in range(EPOCHS):
                with epoch():
                    for _ in range(steps):
                        optimizer.zero_grad()
                        nn.functional.cross_entropy(net(images), labels).backward()
                        optimizer.step()
        if device != "cpu":
            torch.cuda.synchronize()
        return time.perf_counter() - begun

    return loop


@contextmanager
def codecarbon_windows() -> Iterator[Windows]:
    from codecarbon import OfflineEmissionsTracker

    @contextmanager
    def window() -> Iterator[None]:
        tracker = OfflineEmissionsTracker(
            country_iso_code="FRA", save_to_file=False, log_level="critical"
        )
        tracker.start()
        try:
            yield
        finally:
            tracker.stop()

    yield window


@contextmanager
def zeus_windows(device: str) -> Iterator[Windows]:
    from zeus.monitor import ZeusMonitor

    monitor = ZeusMonitor(gpu_indices=None if device != "cpu" else [], cpu_indices=[])

    @contextmanager
    def window() -> Iterator[None]:
        monitor.begin_window("w", sync_execution=device != "cpu")
        try:
            yield
        finally:
            monitor.end_window("w", sync_execution=device != "cpu")

    yield window


def ways(device: str, stack: ExitStack) -> dict[str, tuple[Windows, Windows]]:
    meter = Meter(device=device)
    stack.callback(meter.close)
    codecarbon = stack.enter_context(codecarbon_windows())
    found = {
        "bare": (nullcontext, nullcontext),
        "greendapt, one window a phase": (meter.window, nullcontext),
        "greendapt, one window an epoch": (nullcontext, meter.window),
        "codecarbon, one tracker a phase": (codecarbon, nullcontext),
    }
    if importlib.util.find_spec("zeus") and device != "cpu":
        zeus = stack.enter_context(zeus_windows(device))
        found["zeus, one window a phase"] = (zeus, nullcontext)
        found["zeus, one window an epoch"] = (nullcontext, zeus)
    return found


def compare(device: str, rounds: int, steps: int) -> dict[str, dict[str, float]]:
    """Way -> median seconds, and median over rounds of its ratio to the bare loop beside it."""
    loop = training(device, steps)
    with ExitStack() as stack:
        methods = ways(device, stack)
        for windows in methods.values():
            loop(*windows)
        times: dict[str, list[float]] = {name: [] for name in methods}
        for i in range(rounds):
            names = list(methods)
            for name in names[i % len(names) :] + names[: i % len(names)]:
                times[name].append(loop(*methods[name]))
    bare = times["bare"]
    return {
        name: {
            "median_s": statistics.median(seconds),
            "ratio": statistics.median(a / b for a, b in zip(seconds, bare, strict=True)),
        }
        for name, seconds in times.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--steps", type=int, default=60, help="steps an epoch")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    table = compare(options.device, options.rounds, options.steps)
    for name, row in table.items():
        print(f"{name:34} {row['median_s']:8.3f} s   x{row['ratio']:.4f}")
    if options.output:
        options.output.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
