"""The meter of a run: windows that say what passed while they were open."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from greendapt.accounting.grams import with_grams
from greendapt.accounting.grid import Grid, grid
from greendapt.accounting.wall import with_wall
from greendapt.core.errors import MeterError
from greendapt.core.figures import Figure
from greendapt.core.machine import launcher_number
from greendapt.core.meter_facts import Conditions, MeterFacts
from greendapt.core.wall_fit import WallFit
from greendapt.meter.clock import now_s
from greendapt.meter.conditions import Around, conditions
from greendapt.meter.cpu_time import read_cpu
from greendapt.meter.devices import synchronize
from greendapt.meter.heat import Thermometer
from greendapt.meter.kept_wall import kept_fit
from greendapt.meter.memory import peaks
from greendapt.meter.rest import at_rest, plate_of
from greendapt.meter.share import Share
from greendapt.meter.sources.base import (
    HOST_PARTS,
    Opened,
    Part,
    PartMeter,
    ProcessMeter,
    State,
)
from greendapt.meter.sources.gpu_energy import read_edges
from greendapt.meter.sources.opening import gpus_of, open_best

_BESIDE = (
    "energy_above_idle_j",
    "energy_green_algorithms_j",
    "energy_process_j",
    "energy_idle_share_j",
    "energy_machine_j",
    "energy_wall_j",
    "cpu_s",
    "carbon_g",
    "embodied_g",
    "peak_memory_bytes",
)


@dataclass
class Window:
    """What passed in a window. Empty until the window is closed; then all figures are there.

    ``figures``: see `Share.figures`. ``share``: the same by GPU and host, to merge over ranks.
    """

    grid: Grid
    figures: dict[str, Figure] = field(default_factory=dict)
    wall: WallFit | None = None
    share: Share | None = None
    energy_so_far_j: Callable[[], float | None] = lambda: None
    """What the headline would be, were the open window closed now; None where it is not known."""

    @property
    def record(self) -> dict[str, Any]:
        """wall_s, energy_j {gpu, cpu, dram, ram, total}, and what is beside them by name: with
        grams, on the meter's grid."""
        if not self.figures:
            raise MeterError("the window is still open: its record is there after it is closed")
        figures = with_wall(with_grams(self.figures, self.grid), self.wall)
        energy = {part: figures[f"energy_{part}_j"] for part in ("gpu", *HOST_PARTS)}
        return {
            "wall_s": figures["wall_s"],
            "energy_j": {**energy, "total": figures["energy_j"]},
            **{name: figures[name] for name in _BESIDE},
            "conditions": None if self.conditions is None else self.conditions.model_dump(),
        }

    @property
    def conditions(self) -> Conditions | None:
        """What it ran under; None while it is open."""
        return None if self.share is None else self.share.ran_under


@dataclass(frozen=True)
class _Snapshot:
    gpus: list[Any]
    host: list[Any]
    around: Around


class Meter:
    """Every meter this machine has, opened and warmed up once; then windows, nested or repeated.

    ``device``: ``cpu`` (GPUs are not counted), ``cuda`` (the GPU of this process: the first visible
    one, or that of LOCAL_RANK), ``cuda:N`` (the Nth visible one), ``auto`` (all visible ones).
    ``carbon``: the grid of `Window.record`. ``align``: wait at both edges of a window, outside of
    it, until the GPUs' counters moved: windows of seconds become exact, at the price of up to two
    refresh periods each. ``idle_s``: how long to measure the power at rest first, for
    ``energy_above_idle_j``. ``powercap``: the tree of the kernel's counters, else that of the
    variable GREENDAPT_POWERCAP. The host's parts (CPU, DRAM, RAM) are counted by the process with
    LOCAL_RANK 0 or without one; where the CPU has no counter, every process has what its own
    CPU-seconds drew. Opening takes about a second. Raises MeterError for an unknown device.
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
        if powercap is not None:
            environ = {**environ, "GREENDAPT_POWERCAP": str(powercap)}
        self.device = device
        self.grid = carbon or grid()
        self._align = align
        rank = launcher_number(environ, "LOCAL_RANK", 0)
        self._gpus = gpus_of(device, rank, environ)
        self._counts_node = rank == 0
        self._host = open_best(HOST_PARTS if self._counts_node else ("cpu",), environ)
        modelled = [meter for meter in self._host.meters if isinstance(meter, ProcessMeter)]
        self._process = modelled[0] if modelled else None
        counters = [meter for meter in self._host.meters if meter not in modelled]
        self._counters = counters if self._counts_node else []
        self._heat = Thermometer()
        self._troubles: dict[str, dict[str, None]] = {}
        self._peaks = peaks(device)
        self._lock = threading.Lock()
        self._own: tuple[AbstractContextManager[Window], Window] | None = None
        self._plates = {meter.key: plate_of([meter]) for meter in self._gpus.meters}
        alone = (
            launcher_number(environ, "WORLD_SIZE", 1) == 1
        )  # else each process knows its GPU alone
        self.wall = kept_fit([meter.name for meter in self.gpus]) if alone else None
        self._where = socket.gethostname()
        if self._counts_node:
            self._plates[self._where] = plate_of(self._host.meters)
        if idle_s > 0:
            self._rest(idle_s)

    def _rest(self, seconds: float) -> None:
        """Note what each GPU and the host draw while nothing is done."""
        with self.window() as window:
            time.sleep(seconds)
        assert window.share is not None
        self._plates = at_rest(self._plates, window.share)

    @contextmanager
    def window(self) -> Iterator[Window]:
        """Opens a window; its figures are filled when it closes, also after an exception."""
        opened = Window(self.grid, wall=self.wall)
        with self._lock:
            for meter in self.gpus:
                meter.begin()
        ticket = self._peaks.start()
        synchronize(self.device)
        before = self._snapshot(opening=True)
        start_s = now_s()
        opened.energy_so_far_j = lambda: self._energy_j(before, start_s)
        try:
            yield opened
            synchronize(self.device)
        except BaseException:
            with suppress(RuntimeError):  # a broken device must not hide what broke it
                synchronize(self.device)
            raise
        finally:
            end_s = now_s()
            after = self._snapshot(opening=False)
            opened.share = self._share(before, after, (start_s, end_s), self._peaks.stop(ticket))
            opened.figures = opened.share.figures()

    def _energy_j(self, before: _Snapshot, start_s: float) -> float | None:
        synchronize(self.device)
        end_s = now_s()
        peak = Figure.unavailable("B", "the window is open")
        share = self._share(before, self._snapshot(opening=False), (start_s, end_s), peak)
        return share.figures()["energy_j"].value

    def _snapshot(self, *, opening: bool) -> _Snapshot:
        # the slow part, waiting for GPU counters, lies outside the window at both edges
        if opening:
            states, heat = self._states(), self._heat.read()
            gpus = read_edges(self.gpus, align=self._align)
            host = read_edges(self._counters)
            return _Snapshot(gpus, host, Around(states, heat, read_cpu(opening=True)))
        cpu, host = read_cpu(opening=False), read_edges(self._counters)
        gpus = read_edges(self.gpus, align=self._align)
        return _Snapshot(gpus, host, Around(self._states(), self._heat.read(), cpu))

    def _states(self) -> list[State]:
        """What disturbs each GPU now; `facts` tells of it."""
        states = [meter.state() for meter in self.gpus]
        for meter, state in zip(self.gpus, states, strict=True):
            self._troubles.setdefault(meter.key, {}).update(dict.fromkeys(state.troubles))
        return states

    def _share(
        self, before: _Snapshot, after: _Snapshot, span: tuple[float, float], peak: Figure
    ) -> Share:
        gpus = {
            meter.key: _noted(meter.figure(start, end, span), state.other_processes)
            for meter, start, end, state in zip(
                self.gpus, before.gpus, after.gpus, after.around.states, strict=True
            )
        }
        ran_under = conditions(self.gpus, before.around, after.around)
        modelled = {self._where: self._process.estimate(ran_under)} if self._process else {}
        nodes = {}
        if self._counts_node:
            parts = {part: _missing(part, self._host) for part in HOST_PARTS}
            for meter, start, end in zip(self._counters, before.host, after.host, strict=True):
                parts[meter.part] = meter.figure(start, end, span)
            nodes[self._where] = parts
        return Share(
            wall_s=Figure.measured(span[1] - span[0], "s", "monotonic clock"),
            peak_memory_bytes=peak,
            gpus=gpus,
            nodes=nodes,
            plates=dict(self._plates),
            no_gpu=self._gpus.why.get("gpu", "no GPU"),
            gpu_missing=self._gpus.broken,
            modelled=modelled,
            conditions={self._where: ran_under},
        )

    @property
    def gpus(self) -> Sequence[PartMeter]:
        """The meters of the GPUs under this meter."""
        return self._gpus.meters

    def facts(self) -> MeterFacts:
        """What the figures rest on: each GPU's meter, refresh, cross-check, and what disturbed it
        at the edges of windows so far; power at rest, None where it was not measured.
        """
        gpus = [
            meter.facts().model_copy(update={"troubles": tuple(self._troubles.get(meter.key, ()))})
            for meter in self.gpus
        ]
        modelled = self._where if self._process else None
        idle_w = [plate.idle_w for key, plate in self._plates.items() if key != modelled]
        at_rest = sum(watts for watts in idle_w if watts is not None)
        return MeterFacts(
            device=self.device,
            gpus=tuple(gpus),
            idle_w=None if None in idle_w or not idle_w else at_rest,
            wall=self.wall,
        )

    def close(self) -> None:
        """Ends all threads and lets the driver go. Closing twice does nothing more."""
        for opened in (self._gpus, self._host):
            for meter in opened.meters:
                meter.close()
        if self._gpus.release:
            self._gpus.release()
        self._gpus = replace(self._gpus, release=None)

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


def _noted(figure: Figure, others: int | None) -> Figure:
    if figure.value is None or not others:
        return figure
    return figure.scaled(1.0, "J", f"the whole GPU, with up to {others} other process(es) on it")


def _missing(part: Part, host: Opened) -> Figure:
    return Figure.unavailable("J", host.why.get(part, f"no energy source knows {part}"))
