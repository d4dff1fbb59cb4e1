"""Energy of one GPU over a window: by its counter at the edges, else by sampled power.

For GPUs of any vendor: what is asked of a driver is a `GpuReader`.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from greendapt.core.figures import Figure, Quality
from greendapt.core.meter_facts import DeviceFacts
from greendapt.meter.clock import Heartbeat, now_s
from greendapt.meter.sources.base import PartMeter, Span, State

ASSUMED_REFRESH_S = 0.1
SAMPLE_S = 0.05
CHECK_S = 5.0
_LOOK_S = 0.5  # how long a refresh period is looked for
_POLL_S = 0.001
_CLOSE_S = 0.005  # known to that is well enough; a busy machine polls late, and looks once more


class Unreadable(Exception):
    """A GPU does not tell what it was asked, and why."""


class GpuReader(Protocol):
    """What a driver tells of one GPU. ``library``: by what, as figures say it. ``trouble``: why it
    cannot be read at all; ``note``: to be said in its figures. Its methods raise `Unreadable`."""

    @property
    def uuid(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def library(self) -> str: ...
    @property
    def limit_w(self) -> float | None: ...
    @property
    def note(self) -> str: ...
    @property
    def trouble(self) -> str | None: ...

    def counter_j(self) -> float:
        """Joules since some fixed time."""
        ...

    def power_w(self) -> float:
        """Watts now."""
        ...

    def state(self) -> State: ...


@dataclass(frozen=True)
class Edge:
    """What a GPU said near an edge of a window; ``trouble`` instead where it said nothing.

    ``watts`` is 0 where unknown. ``off_s``: ``joules`` was true at ``at_s``, give or take that (the
    counter was seen to move); None: it may be a whole refresh period old.
    """

    at_s: float
    joules: float = 0.0
    watts: float = 0.0
    off_s: float | None = None
    trouble: str | None = None


class GpuMeter(PartMeter):
    """A GPU that is there and says nothing, for ``why``: its energy is missing, not zero."""

    part = "gpu"
    how = "none"

    def __init__(self, gpu: GpuReader, why: str = "") -> None:
        self.gpu, self._why = gpu, why
        self.key, self.name, self.rated_w = gpu.uuid, gpu.name, gpu.limit_w

    def read(self) -> Edge:
        return Edge(now_s(), trouble=self._why)

    def figure(self, start: Edge, end: Edge, span: Span) -> Figure:
        trouble = end.trouble or start.trouble
        return self._lost(trouble) if trouble else self._energy(start, end, span)

    def _energy(self, start: Edge, end: Edge, span: Span) -> Figure:
        raise NotImplementedError

    def state(self) -> State:
        return State() if self.gpu.trouble else self.gpu.state()

    def _lost(self, why: str) -> Figure:
        return Figure.unavailable("J", f"{self.name}: {why}")

    def _figure(self, how: str, joules: float, quality: Quality, slack: float) -> Figure:
        how = f"{self.gpu.library} {how}"
        source = "; ".join(part for part in (how, self.name, self.gpu.note) if part)
        low, high = max(0.0, joules - slack), joules + slack
        return Figure(value=joules, unit="J", quality=quality, source=source, low=low, high=high)

    def _most_w(self, start: Edge, end: Edge) -> float:
        return max(self.rated_w or 0.0, start.watts, end.watts)


class CounterMeter(GpuMeter):
    """Reads the total-energy counter at the edges of a window; nothing runs in between."""

    how = "counter"

    def __init__(self, gpu: GpuReader, refresh_s: float | None) -> None:
        """Raises Unreadable where the GPU has no such counter."""
        super().__init__(gpu)
        self.refresh_s = refresh_s
        self.stale_s = refresh_s or ASSUMED_REFRESH_S
        self._check: CrossCheck | None = None
        self._lock = threading.Lock()
        gpu.counter_j()

    def begin(self) -> None:
        with self._lock:
            self._check = self._check or CrossCheck(self.gpu)

    def facts(self) -> DeviceFacts:
        ratio = self._check.ratio if self._check else None
        more = {"refresh_s": self.refresh_s, "counter_over_integrated": ratio}
        return super().facts().model_copy(update=more)

    def read(self) -> Edge:
        try:
            joules = self.gpu.counter_j()
        except Unreadable as error:
            return Edge(now_s(), trouble=str(error))
        at_s = now_s()
        try:
            return Edge(at_s, joules, self.gpu.power_w())
        except Unreadable:
            return Edge(at_s, joules)

    def _energy(self, start: Edge, end: Edge, span: Span) -> Figure:
        """Energy in J. ``low``/``high``: what the counter's refresh leaves open.

        Where the time of a reading is known, it is carried to the window's edge with the power
        there.
        """
        joules = end.joules - start.joules
        if joules < 0:
            return self._by_power(start, end, span, "counter reset in the window", end.joules)
        if span[1] - span[0] < 2 * self.stale_s:
            return self._by_power(start, end, span, "window shorter than the counter's refresh")
        if joules == 0:
            return self._by_power(start, end, span, "the counter did not move")
        slack = 0.0
        for edge, at_s, sign in ((start, span[0], 1), (end, span[1], -1)):
            carried = _carried(edge, at_s)
            joules += sign * carried
            off_s = self.stale_s / 2 if edge.off_s is None else edge.off_s
            slack += abs(carried) + off_s * self._most_w(start, end)
        return self._figure("counter", joules, Quality.MEASURED, slack)

    def _by_power(
        self, start: Edge, end: Edge, span: Span, why: str, least_j: float = 0.0
    ) -> Figure:
        if not (start.watts and end.watts):
            return self._lost(f"{why}, and the GPU does not tell its power")
        wall_s = span[1] - span[0]
        joules = (start.watts + end.watts) / 2 * wall_s
        rough = self._figure(f"power at the edges, {why}", joules, Quality.INTEGRATED, 0)
        bounds = {
            "low": min(joules, least_j),
            "high": max(joules, self._most_w(start, end) * wall_s),
        }
        return rough.model_copy(update=bounds)

    def close(self) -> None:
        if self._check is not None:
            self._check.close()


class PowerMeter(GpuMeter):
    """Samples power in a thread and integrates it (trapezoid): a virtual counter of joules."""

    how = "sampled power"

    def __init__(self, gpu: GpuReader) -> None:
        """Raises Unreadable where the GPU does not tell its power."""
        super().__init__(gpu)
        self._lock = threading.Lock()
        self._watts, self._last_s = gpu.power_w(), now_s()
        self._joules = 0.0
        self._trouble: str | None = None
        self._heart = Heartbeat(self.read, SAMPLE_S)

    def read(self) -> Edge:
        with self._lock:
            try:
                watts, now = self.gpu.power_w(), now_s()
            except Unreadable as error:
                # a gap cannot be integrated: no window that ends after it has a figure
                self._trouble = str(error)
                return Edge(now_s(), trouble=self._trouble)
            self._joules += (self._watts + watts) / 2 * (now - self._last_s)
            self._watts, self._last_s = watts, now
            return Edge(now, self._joules, watts, off_s=0.0, trouble=self._trouble)

    def _energy(self, start: Edge, end: Edge, span: Span) -> Figure:
        """Energy in J; ``low``/``high``: a power reading may be a tenth of a second old."""
        joules = end.joules - start.joules + _carried(start, span[0]) - _carried(end, span[1])
        slack = self._most_w(start, end) * ASSUMED_REFRESH_S
        how = "power sampled every 50 ms (no counter)"
        return self._figure(how, joules, Quality.INTEGRATED, slack)

    def close(self) -> None:
        self._heart.stop()


def _carried(edge: Edge, to_s: float) -> float:
    """J between a reading and the window's edge, at the power read there; 0 where its time is not
    known."""
    return 0.0 if edge.off_s is None else edge.watts * (edge.at_s - to_s)


def gpu_meters(gpus: Sequence[GpuReader]) -> list[GpuMeter]:
    """The best meter of each GPU. Looks for the counters' refresh for up to half a second."""
    periods = refresh_periods_s([gpu for gpu in gpus if gpu.trouble is None])
    return [_meter(gpu, periods.get(gpu.uuid)) for gpu in gpus]


def _meter(gpu: GpuReader, refresh_s: float | None) -> GpuMeter:
    if gpu.trouble is not None:
        return GpuMeter(gpu, gpu.trouble)
    try:
        return CounterMeter(gpu, refresh_s)
    except Unreadable as no_counter:
        try:
            return PowerMeter(gpu)
        except Unreadable as error:
            return GpuMeter(gpu, f"counter: {no_counter}; power: {error}")


def refresh_periods_s(gpus: Sequence[GpuReader]) -> dict[str, float]:
    """UUID -> longest time between two updates of the counter, for those seen to move twice."""
    watched = {gpu.uuid: gpu for gpu in gpus}
    moves: dict[str, list[float]] = {uuid: [] for uuid in watched}
    last: dict[str, float] = {}
    until = now_s() + _LOOK_S
    while watched and now_s() < until:
        for uuid, gpu in list(watched.items()):
            try:
                joules = gpu.counter_j()
            except Unreadable:
                del watched[uuid]
                continue
            if last.setdefault(uuid, joules) != joules:
                last[uuid] = joules
                moves[uuid].append(now_s())
            if len(moves[uuid]) == 3:
                del watched[uuid]
        time.sleep(_POLL_S)
    return {
        uuid: max(later - earlier for earlier, later in itertools.pairwise(seen))
        for uuid, seen in moves.items()
        if len(seen) >= 2
    }


def read_edges(meters: Sequence[PartMeter], *, align: bool = False) -> list[Any]:
    """One edge a meter. ``align``: wait (two refresh periods at most) until each counter moved."""
    polled_s = now_s()
    edges = [meter.read() for meter in meters]
    waiting = {i: m for i, m in enumerate(meters) if align and m.stale_s > 0}
    last = {i: (polled_s, edges[i].joules) for i in waiting}
    until = now_s() + 2 * max((meter.stale_s for meter in waiting.values()), default=0.0)
    while waiting and now_s() < until:
        time.sleep(_POLL_S)
        for i, meter in list(waiting.items()):
            polled_s, seen = now_s(), meter.read()
            if seen.trouble or seen.joules != last[i][1]:
                edges[i] = _nearer(edges[i], seen, last[i][0])
            off_s = edges[i].off_s
            if seen.trouble or (off_s is not None and off_s < _CLOSE_S):
                del waiting[i]
            last[i] = polled_s, seen.joules
    return edges


def _nearer(known: Edge, seen: Edge, since_s: float) -> Edge:
    """``seen``, whose counter moved since then, unless the time of ``known`` is known better."""
    off_s = (seen.at_s - since_s) / 2
    if not seen.trouble and known.off_s is not None and known.off_s <= off_s:
        return known
    # the power at the edge itself is the first one read
    return Edge(seen.at_s - off_s, seen.joules, known.watts, off_s, seen.trouble)


class CrossCheck:
    """Counter against sampled power over the first seconds of work, from update to update."""

    def __init__(self, gpu: GpuReader) -> None:
        self._gpu = gpu
        self._begun_s = self._last_s = now_s()
        self._watts = 0.0
        self._integrated_j = 0.0
        self._moves: list[tuple[float, float, float]] = []  # seconds, counted J, integrated J
        self._heart = Heartbeat(self._sample, SAMPLE_S / 2)

    def _sample(self) -> bool:
        try:
            counted, watts = self._gpu.counter_j(), self._gpu.power_w()
        except Unreadable:
            return False
        now = now_s()
        self._integrated_j += ((self._watts or watts) + watts) / 2 * (now - self._last_s)
        self._watts, self._last_s = watts, now
        if not self._moves or counted != self._moves[-1][1]:
            self._moves = [*self._moves, (now, counted, self._integrated_j)]
        return now - self._begun_s < CHECK_S

    @property
    def ratio(self) -> float | None:
        """Counted / integrated energy; None before a second of counter updates was seen."""
        moves = self._moves[1:]  # the first reading is stale
        if len(moves) < 2 or moves[-1][0] - moves[0][0] < 1.0:
            return None
        counted, integrated = (moves[-1][i] - moves[0][i] for i in (1, 2))
        return counted / integrated if counted > 0 and integrated > 0 else None

    def close(self) -> None:
        self._heart.stop()
