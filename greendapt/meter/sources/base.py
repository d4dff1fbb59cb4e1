"""What an energy source is: the one interface of counters and models, for plug-in authors too.

A source of another package is an `EnergySource`, named by an entry point of the group
``greendapt.energy_sources``; its ``open`` looks at the machine and returns a `PartMeter` for each
device it can read. GPUs with a counter or a power reading have theirs in `gpu_energy.gpu_meters`:
it takes a `gpu_reader.GpuReader` for each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from greendapt.core.figures import Figure
from greendapt.core.meter_facts import Conditions, DeviceFacts, troubles_of
from greendapt.meter.cpu_time import CpuEdge, read_cpu, used

Part = str
"""Of a machine: ``gpu``, ``cpu``, ``dram`` or ``ram``. The headline is the first three; ``ram``,
modelled memory power, stays apart."""

HOST_PARTS: tuple[Part, ...] = ("cpu", "dram", "ram")
COUNTER, MODEL = 100, 0
"""Priorities: of a hardware counter, and of a model."""

Span = tuple[float, float]
"""When a window began and ended, in seconds of `clock.now_s`."""


@dataclass(frozen=True)
class State:
    """What disturbs a device now; None: it does not tell.

    ``slowed_by``: why its clocks are held back. ``other_processes``: how many that are not ours
    compute on it, at most.
    """

    slowed_by: tuple[str, ...] | None = None
    other_processes: int | None = None
    temperature_c: float | None = None

    @property
    def troubles(self) -> tuple[str, ...]:
        return troubles_of(self.slowed_by or (), self.other_processes)


class PartMeter(ABC):
    """The open meter of one part: of a GPU, or of this host's processors or memory.

    ``key``: what it is the meter of, the same whoever asks: a GPU's UUID, the host's name; a key
    is counted once. ``how``: in a word or two, for people. ``rated_w``: TDP or power limit,
    ``idle_w``: power at rest, ``memory_gb``: memory reserved; None (0): not known. ``stale_s``: how
    old a reading may be; where above 0, edges are `watch.Edge`, and windows that align wait
    for a new one.
    """

    part: Part
    key: str
    name: str = ""
    how: str = ""
    rated_w: float | None = None
    idle_w: float | None = None
    memory_gb: float = 0.0
    stale_s: float = 0.0

    @abstractmethod
    def read(self) -> Any:
        """An edge of a window, whatever `figure` needs. Raises nothing: an edge can say why not."""

    @abstractmethod
    def figure(self, start: Any, end: Any, span: Span) -> Figure:
        """Energy in J between two edges, for a window that lasted ``span``; unavailable, with the
        reason, where it is not known: never 0."""

    def begin(self) -> None:  # noqa: B027
        """Called before the first edge of every window."""

    def state(self) -> State:
        """What disturbs the device now; asked at the edges of windows."""
        return State()

    def facts(self) -> DeviceFacts:
        return DeviceFacts(name=self.name, meter=self.how)

    def close(self) -> None:  # noqa: B027
        """Ends its threads, if it has any. Closing twice does nothing more."""


@dataclass(frozen=True)
class CpuEstimate:
    """In J: what a process and those it started drew; their share of the power at rest that no busy
    thread accounts for; and what the whole machine drew."""

    energy: Figure
    idle_share: Figure
    machine: Figure


class ProcessMeter(PartMeter):
    """A model of what this process and those it started draw, by their CPU-seconds: identical work
    costs the same, whatever else the machine does. Each process of a launcher has its own."""

    part = "cpu"
    how = "model"

    @abstractmethod
    def estimate(self, use: Conditions) -> CpuEstimate:
        """For what a window ran under."""

    def read(self) -> CpuEdge:
        return read_cpu(opening=False)

    def figure(self, start: CpuEdge, end: CpuEdge, span: Span) -> Figure:  # noqa: ARG002
        return self.estimate(used(start, end)).energy


@dataclass(frozen=True)
class Request:
    """``parts``: those that nobody of a higher priority has, and ``why`` not. ``pick``: of so many
    GPUs that a source sees, in its order, the numbers of those that are to be metered."""

    parts: Collection[Part]
    environ: Mapping[str, str]
    pick: Callable[[int], Sequence[int]]
    why: Mapping[Part, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Opened:
    """``why``: why a part has no meter. ``broken``: there is a GPU, and it cannot be read at all,
    so that a total without it would read as a saving. ``with_host``: its GPU is counted with the
    CPU, so that none is missing. ``release``: of a source of GPUs: called once after all are
    closed."""

    meters: tuple[PartMeter, ...] = ()
    why: Mapping[Part, str] = field(default_factory=dict)
    broken: bool = False
    with_host: bool = False
    release: Callable[[], object] | None = None


@dataclass(frozen=True)
class EnergySource:
    """A kind of counter or model. ``parts``: what it may measure. ``priority``: of two that measure
    a part, the higher is asked first (`COUNTER`, `MODEL`). ``advice``: by part, what a user can
    do to have it. What ``open`` raises costs its figures, not the run (but for `MeterError`).
    ``here``: whether this machine, by its environment's variables, is of that kind, so that its
    reasons are told and its advice comes first; None: of any kind. ``torch_device``: what torch
    calls its GPUs (``cuda``, ``xpu``, ``mps``); None: any. ``sole``: where it has a GPU there is no
    other, whatever another source sees."""

    parts: tuple[Part, ...]
    priority: int
    open: Callable[[Request], Opened]
    advice: Mapping[Part, str] = field(default_factory=dict)
    here: Callable[[Mapping[str, str]], bool] | None = None
    torch_device: str | None = None
    sole: bool = False
