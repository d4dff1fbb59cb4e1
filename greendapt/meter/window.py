"""The meter of a run: windows that say what passed while they were open."""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from greendapt.accounting.grid import Grid, grid
from greendapt.core.errors import MeterError
from greendapt.core.figures import Figure, total
from greendapt.meter.clock import now_s
from greendapt.meter.memory import peaks
from greendapt.meter.share import NODE_PARTS, Plate, Share
from greendapt.meter.sources.codecarbon import CpuModel, RamModel, ram_model, tdp_w
from greendapt.meter.sources.gpu_energy import (
    CounterMeter,
    CrossCheck,
    Edge,
    GpuMeter,
    gpu_meters,
    read_edges,
)
from greendapt.meter.sources.nvml import Gpu, Gpus, close_gpus, open_gpus, strangers
from greendapt.meter.sources.rapl import Rapl, Reading

_BESIDE = (
    "energy_above_idle_j",
    "energy_green_algorithms_j",
    "carbon_g",
    "embodied_g",
    "peak_memory_bytes",
)


@dataclass
class Window:
    """What passed in a window. Empty until the window is closed; then all figures are there.

    ``figures``: see `Share.figures`. ``share``: the same by GPU and host, to merge over ranks.
    """

    figures: dict[str, Figure] = field(default_factory=dict)
    share: Share | None = None
    energy_so_far_j: Callable[[], float | None] = lambda: None
    """What the headline would be, were the open window closed now; None where it is not known."""

    @property
    def record(self) -> dict[str, Any]:
        """wall_s, energy_j {gpu, cpu, dram, ram, total}, and the other ``figures`` by name."""
        if not self.figures:
            raise MeterError("the window is still open: its record is there after it is closed")
        energy = {part: self.figures[f"energy_{part}_j"] for part in ("gpu", *NODE_PARTS)}
        return {
            "wall_s": self.figures["wall_s"],
            "energy_j": {**energy, "total": self.figures["energy_j"]},
            **{name: self.figures[name] for name in _BESIDE},
        }


@dataclass(frozen=True)
class _Snapshot:
    gpus: list[Edge]
    rapl: Mapping[str, Mapping[str, Reading]]
    cpu: tuple[float, float] | None


class Meter:
    """Every meter this machine has, opened and warmed up once; then windows, nested or repeated.

    ``device``: ``cpu`` (GPUs are not counted), ``cuda`` (the GPU of this process: the first visible
    one, or that of LOCAL_RANK), ``cuda:N`` (the Nth visible one), ``auto`` (all visible ones).
    ``align``: wait at both edges of a window, outside of it, until the GPUs' counters moved:
    windows of seconds become exact, at the price of up to two refresh periods each.
    ``idle_s``: how long to measure the power at rest first, for ``energy_above_idle_j``.
    The node's parts (CPU, DRAM, RAM) are counted by the process with LOCAL_RANK 0 or without one.
    Opening takes about a second. Raises MeterError for an unknown device.
    """

    def __init__(
        self,
        *,
        device: str = "auto",
        carbon: Grid | None = None,
        align: bool = False,
        idle_s: float = 0.0,
        powercap: Path | None = None,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.device = device
        self.grid = carbon or grid()
        self._align = align
        rank = int(environ.get("LOCAL_RANK") or 0)
        self._gpus = _gpus_of(device, rank, environ)
        self._meters: list[GpuMeter] = gpu_meters(self._gpus.found)
        self._checks: dict[str, CrossCheck] = {}
        self._node = _Node(powercap) if rank == 0 else None
        self._peaks = peaks(device)
        self._lock = threading.Lock()
        self._own: tuple[AbstractContextManager[Window], Window] | None = None
        self._plates = self._rated()
        if idle_s > 0:
            self._rest(idle_s)

    def _rated(self) -> dict[str, Plate]:
        plates = {meter.gpu.uuid: Plate(rated_w=meter.gpu.limit_w) for meter in self._meters}
        if self._node is not None:
            plates[socket.gethostname()] = self._node.plate
        return plates

    def _rest(self, seconds: float) -> None:
        """Note what each GPU and the host draw while nothing is done."""
        with self.window() as window:
            time.sleep(seconds)
        assert window.share is not None
        wall_s = window.share.wall_s.value or seconds
        found = {uuid: figure.value for uuid, figure in window.share.gpus.items()}
        for host, parts in window.share.nodes.items():
            found[host] = total({part: parts[part] for part in ("cpu", "dram")}).value
        for name, joules in found.items():
            idle_w = None if joules is None else joules / wall_s
            self._plates[name] = replace(self._plates[name], idle_w=idle_w)

    @contextmanager
    def window(self) -> Iterator[Window]:
        """Opens a window; its figures are filled when it closes, also after an exception."""
        opened = Window()
        self._start_checks()
        ticket = self._peaks.start()
        _synchronize(self.device)
        before = self._snapshot(opening=True)
        start_s = now_s()
        opened.energy_so_far_j = lambda: self._energy_j(before, start_s)
        try:
            yield opened
            _synchronize(self.device)
        except BaseException:
            with suppress(RuntimeError):  # a broken device must not hide what broke it
                _synchronize(self.device)
            raise
        finally:
            end_s = now_s()
            after = self._snapshot(opening=False)
            opened.share = self._share(before, after, (start_s, end_s), self._peaks.stop(ticket))
            opened.figures = opened.share.figures(self.grid)

    def _energy_j(self, before: _Snapshot, start_s: float) -> float | None:
        _synchronize(self.device)
        end_s = now_s()
        peak = Figure.unavailable("B", "the window is open")
        share = self._share(before, self._snapshot(opening=False), (start_s, end_s), peak)
        return share.figures(self.grid)["energy_j"].value

    def _snapshot(self, *, opening: bool) -> _Snapshot:
        # the slow part, waiting for GPU counters, lies outside the window at both edges
        edges = read_edges(self._meters, align=self._align) if opening else []
        rapl = self._node.rapl.read() if self._node else {}
        cpu = self._node.model.read() if self._node and self._node.model else None
        if not opening:
            edges = read_edges(self._meters, align=self._align)
        return _Snapshot(edges, rapl, cpu)

    def _share(
        self, before: _Snapshot, after: _Snapshot, span: tuple[float, float], peak: Figure
    ) -> Share:
        wall_s = span[1] - span[0]
        gpus = {
            meter.gpu.uuid: self._noted(meter, meter.figure(start, end, span))
            for meter, start, end in zip(self._meters, before.gpus, after.gpus, strict=True)
        }
        nodes = {}
        if self._node is not None:
            nodes[socket.gethostname()] = self._node.figures(before, after, wall_s)
        wall = Figure.measured(wall_s, "s", "monotonic clock")
        plates = dict(self._plates)
        return Share(wall, peak, gpus, nodes, plates, self._gpus.why, self._gpus.broken)

    def _noted(self, meter: GpuMeter, figure: Figure) -> Figure:
        others = strangers(meter.gpu, own_work=_torch_on_gpu(self.device) is not None)
        if figure.value is None or not others:
            return figure
        said = f"{figure.source}; the whole GPU, with up to {others} other process(es) on it"
        return figure.model_copy(update={"source": said})

    def _start_checks(self) -> None:
        with self._lock:
            for meter in self._meters:
                if isinstance(meter, CounterMeter) and meter.gpu.uuid not in self._checks:
                    self._checks[meter.gpu.uuid] = CrossCheck(meter.gpu)

    @property
    def gpus(self) -> list[Gpu]:
        """The GPUs under this meter."""
        return [meter.gpu for meter in self._meters]

    def facts(self) -> dict[str, Any]:
        """What the figures rest on: each GPU's meter, refresh and cross-check; the grid.

        ``idle_w``: power at rest of what counts, None where it was not measured.
        ``counter_over_integrated`` is None until a second of work was seen under the meter.
        """
        gpus = [
            {
                "name": meter.gpu.name,
                "meter": _KINDS[type(meter).__name__],
                "refresh_s": meter.refresh_s if isinstance(meter, CounterMeter) else None,
                "counter_over_integrated": (
                    self._checks[meter.gpu.uuid].ratio if meter.gpu.uuid in self._checks else None
                ),
            }
            for meter in self._meters
        ]
        idle_w = [plate.idle_w for plate in self._plates.values()]
        at_rest = sum(watts for watts in idle_w if watts is not None)
        return {
            "device": self.device,
            "gpus": gpus,
            "grid": self.grid.source,
            "idle_w": None if None in idle_w or not idle_w else at_rest,
        }

    def close(self) -> None:
        """Ends all threads and lets the driver go. Closing twice does nothing more."""
        for check in self._checks.values():
            check.close()
        for meter in self._meters:
            meter.close()
        if self._node is not None:
            self._node.close()
        close_gpus(self._gpus)
        self._gpus = Gpus(why="the meter is closed")

    def __enter__(self) -> Window:
        if self._own is not None:
            raise MeterError("this meter is already open as a window; use meter.window() inside it")
        manager = self.window()
        self._own = (manager, manager.__enter__())
        return self._own[1]

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._own is not None
        try:
            self._own[0].__exit__(kind, error, trace)
        finally:
            self._own = None
            self.close()


_KINDS = {"CounterMeter": "counter", "PowerMeter": "sampled power", "NoMeter": "none"}


class _Node:
    """CPU, DRAM and memory of this host: RAPL counters, else CodeCarbon's models."""

    def __init__(self, powercap: Path | None) -> None:
        self.rapl = Rapl(powercap)
        self.model: CpuModel | None = None
        self.no_model = self.no_ram = ""
        self.ram: RamModel | None = None
        # whatever fails inside CodeCarbon must cost a figure, not the run
        if "cpu" not in self.rapl.parts:
            try:
                self.model = CpuModel()
            except Exception as error:
                self.no_model = f"{self.rapl.why['cpu']}; codecarbon's CPU model failed: {error}"
        try:
            self.ram = ram_model()
        except Exception as error:
            self.no_ram = f"codecarbon's RAM model failed: {error}"

    @property
    def plate(self) -> Plate:
        """The processor's TDP and the memory of this host."""
        rated_w = self.model.tdp_w if self.model else None
        if rated_w is None:
            with suppress(Exception):  # as above: a figure less, not a run less
                rated_w = tdp_w()
        return Plate(rated_w=rated_w, memory_gb=self.ram.memory_gb if self.ram else 0.0)

    def figures(self, before: _Snapshot, after: _Snapshot, wall_s: float) -> dict[str, Figure]:
        """cpu, dram, ram -> J."""
        return {
            "cpu": self._cpu(before, after),
            "dram": self.rapl.figure("dram", before.rapl, after.rapl),
            "ram": self.ram.figure(wall_s) if self.ram else Figure.unavailable("J", self.no_ram),
        }

    def _cpu(self, before: _Snapshot, after: _Snapshot) -> Figure:
        if "cpu" in self.rapl.parts:
            return self.rapl.figure("cpu", before.rapl, after.rapl)
        if self.model is None or before.cpu is None or after.cpu is None:
            return Figure.unavailable("J", self.no_model)
        return self.model.figure(before.cpu, after.cpu)

    def close(self) -> None:
        self.rapl.close()
        if self.model is not None:
            self.model.close()


def _gpus_of(device: str, rank: int, environ: Mapping[str, str]) -> Gpus:
    kind, _, number = device.partition(":")
    if kind not in ("auto", "cpu", "cuda") or (
        number and not (kind == "cuda" and number.isdecimal())
    ):
        raise MeterError(f"device '{device}' is not auto, cpu, cuda or cuda:N")
    if kind == "cpu":
        return Gpus(why="the run is on the CPU")
    gpus = open_gpus(environ)
    if kind == "auto" or not gpus.found:
        return Gpus(gpus.found, gpus.why, gpus.broken or (kind == "cuda" and not gpus.found))
    index = int(number) if number else min(rank, len(gpus.found) - 1)
    if index >= len(gpus.found):
        close_gpus(gpus)
        raise MeterError(f"device '{device}': only {len(gpus.found)} GPU(s) are visible")
    return Gpus((gpus.found[index],))


def _synchronize(device: str) -> None:
    """Waits for the GPU's queued work, if torch put any there; never imports torch."""
    torch = _torch_on_gpu(device)
    if torch is not None:
        torch.cuda.synchronize()


def _torch_on_gpu(device: str) -> Any:
    """torch, if this process has it on a GPU; else None."""
    torch = sys.modules.get("torch")
    used = device != "cpu" and torch is not None and torch.cuda.is_initialized()
    return torch if used else None
