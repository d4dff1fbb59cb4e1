"""Peak memory of a window: resident memory of this process, or what torch allocated on the GPU."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any, Protocol

from greendapt.core.figures import Figure, Quality

_PROC = Path("/proc/self")


class Gauge(Protocol):
    """A high-water mark that can be set back."""

    source: str

    def peak_bytes(self) -> int: ...

    def reset(self) -> None: ...


class ResidentGauge:
    """The kernel's high-water mark of this process's resident memory (Linux)."""

    source = "peak resident memory of the process (VmHWM)"

    def __init__(self, proc: Path = _PROC) -> None:
        self._status, self._clear = proc / "status", proc / "clear_refs"
        self.reset()
        self.peak_bytes()

    def peak_bytes(self) -> int:
        for line in self._status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        raise OSError(f"no VmHWM line in {self._status}")

    def reset(self) -> None:
        self._clear.write_text("5", encoding="ascii")


class GpuGauge:
    """Most bytes that torch's allocator held at once on the current GPU; ``backend``: torch.cuda or
    torch.xpu."""

    source = "peak memory allocated by torch on the GPU"

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def peak_bytes(self) -> int:
        return int(self._backend.max_memory_allocated())

    def reset(self) -> None:
        self._backend.reset_peak_memory_stats()


class Peaks:
    """Peaks of nested windows over one gauge: every reset first tells the windows that are open."""

    def __init__(self, gauge: Gauge) -> None:
        self._gauge = gauge
        self._open: dict[int, int] = {}
        self._next = 0
        self._lock = threading.Lock()

    def start(self) -> int:
        """Opens a window and returns its ticket."""
        with self._lock:
            self._observe()
            self._gauge.reset()
            self._next += 1
            self._open[self._next] = 0
            return self._next

    def stop(self, ticket: int) -> Figure:
        with self._lock:
            self._observe()
            return Figure.measured(self._open.pop(ticket), "byte", self._gauge.source)

    def _observe(self) -> None:
        seen = self._gauge.peak_bytes()
        for ticket, before in self._open.items():
            self._open[ticket] = max(before, seen)


class RoughPeaks:
    """Where the mark cannot be set back: memory at the edges, bounded by the lifetime's peak."""

    def start(self) -> int:
        """Opens a window; its ticket is the memory at its first edge."""
        return _resident_bytes()

    def stop(self, ticket: int) -> Figure:
        at_edges = max(ticket, _resident_bytes())
        return Figure(
            value=at_edges,
            unit="byte",
            quality=Quality.ESTIMATED,
            source="resident memory at the window's edges (the peak cannot be set back here); "
            "high is the process's peak so far",
            low=at_edges,
            high=max(at_edges, lifetime_peak_bytes()),
        )


def peaks(device: str) -> Peaks | RoughPeaks:
    """The best tracker this machine has; imports torch only where ``device`` is a GPU that has
    memory of its own."""
    kind = device.partition(":")[0]
    if kind in ("cuda", "xpu"):
        import torch

        backend = getattr(torch, kind)
        if backend.is_available():
            return Peaks(GpuGauge(backend))
    try:
        return Peaks(ResidentGauge())
    except OSError:
        return RoughPeaks()


def lifetime_peak_bytes(children: bool = False) -> int:
    """Peak resident memory of this process (or of its largest finished child) so far; of children
    0 on Windows, which keeps no such account."""
    try:
        import resource
    except ImportError:
        return 0 if children else _windows_peak_bytes()
    who = resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF
    peak = resource.getrusage(who).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _windows_peak_bytes() -> int:
    import psutil

    memory = psutil.Process().memory_info()
    return int(getattr(memory, "peak_wset", memory.rss))


def _resident_bytes() -> int:
    import psutil

    return int(psutil.Process().memory_info().rss)
