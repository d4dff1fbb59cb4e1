"""Energy of one GPU over a window: by its counter at the edges, else by sampled power."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import pynvml

from greendapt.core.figures import Figure, Quality
from greendapt.meter.clock import Heartbeat, now_s
from greendapt.meter.sources.nvml import Gpu, advice

ASSUMED_REFRESH_S = 0.1
SAMPLE_S = 0.05
CHECK_S = 5.0
_LOOK_S = 0.5  # how long a refresh period is looked for
_POLL_S = 0.001
_CLOSE_S = 0.005  # known to that is well enough; a busy machine polls late, and looks once more

Span = tuple[float, float]
"""When a window began and ended, in seconds of `clock.now_s`."""


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


class CounterMeter:
    """Reads the total-energy counter at the edges of a window; nothing runs in between."""

    def __init__(self, gpu: Gpu, refresh_s: float | None) -> None:
        """Raises NVMLError where the GPU has no such counter."""
        self.gpu = gpu
        self.refresh_s = refresh_s
        gpu.counter_j()

    def read(self) -> Edge:
        try:
            joules = self.gpu.counter_j()
        except pynvml.NVMLError as error:
            return Edge(now_s(), trouble=advice(error))
        at_s = now_s()
        try:
            return Edge(at_s, joules, self.gpu.power_w())
        except pynvml.NVMLError:
            return Edge(at_s, joules)

    def figure(self, start: Edge, end: Edge, span: Span) -> Figure:
        """Energy in J. ``low``/``high``: what the counter's refresh leaves open.

        Where the time of a reading is known, it is carried to the window's edge with the power
        there.
        """
        trouble = end.trouble or start.trouble
        if trouble:
            return _lost(self.gpu, trouble)
        refresh_s = self.refresh_s or ASSUMED_REFRESH_S
        joules = end.joules - start.joules
        if joules < 0:
            return self._by_power(start, end, span, "counter reset in the window", end.joules)
        if span[1] - span[0] < 2 * refresh_s:
            return self._by_power(start, end, span, "window shorter than the counter's refresh")
        if joules == 0:
            return self._by_power(start, end, span, "the counter did not move")
        slack = 0.0
        for edge, at_s, sign in ((start, span[0], 1), (end, span[1], -1)):
            carried = _carried(edge, at_s)
            joules += sign * carried
            off_s = refresh_s / 2 if edge.off_s is None else edge.off_s
            slack += abs(carried) + off_s * self._most_w(start, end)
        return _figure(self.gpu, "NVML counter", joules, Quality.MEASURED, slack)

    def _most_w(self, start: Edge, end: Edge) -> float:
        return max(self.gpu.limit_w or 0.0, start.watts, end.watts)

    def _by_power(
        self, start: Edge, end: Edge, span: Span, why: str, least_j: float = 0.0
    ) -> Figure:
        if not (start.watts and end.watts):
            return _lost(self.gpu, f"{why}, and the GPU does not tell its power")
        wall_s = span[1] - span[0]
        joules = (start.watts + end.watts) / 2 * wall_s
        rough = _figure(self.gpu, f"NVML power at the edges, {why}", joules, Quality.INTEGRATED, 0)
        bounds = {
            "low": min(joules, least_j),
            "high": max(joules, self._most_w(start, end) * wall_s),
        }
        return rough.model_copy(update=bounds)

    def close(self) -> None:
        """Nothing runs."""


class PowerMeter:
    """Samples power in a thread and integrates it (trapezoid): a virtual counter of joules."""

    def __init__(self, gpu: Gpu) -> None:
        """Raises NVMLError where the GPU does not tell its power."""
        self.gpu = gpu
        self._lock = threading.Lock()
        self._watts, self._last_s = gpu.power_w(), now_s()
        self._joules = 0.0
        self._trouble: str | None = None
        self._heart = Heartbeat(self.read, SAMPLE_S)

    def read(self) -> Edge:
        with self._lock:
            try:
                watts, now = self.gpu.power_w(), now_s()
            except pynvml.NVMLError as error:
                # a gap cannot be integrated: no window that ends after it has a figure
                self._trouble = advice(error)
                return Edge(now_s(), trouble=self._trouble)
            self._joules += (self._watts + watts) / 2 * (now - self._last_s)
            self._watts, self._last_s = watts, now
            return Edge(now, self._joules, watts, off_s=0.0, trouble=self._trouble)

    def figure(self, start: Edge, end: Edge, span: Span) -> Figure:
        """Energy in J; ``low``/``high``: a power reading may be a tenth of a second old."""
        trouble = end.trouble or start.trouble
        if trouble:
            return _lost(self.gpu, trouble)
        joules = end.joules - start.joules + _carried(start, span[0]) - _carried(end, span[1])
        slack = max(self.gpu.limit_w or 0.0, start.watts, end.watts) * ASSUMED_REFRESH_S
        how = "NVML power sampled every 50 ms (no counter)"
        return _figure(self.gpu, how, joules, Quality.INTEGRATED, slack)

    def close(self) -> None:
        self._heart.stop()


@dataclass(frozen=True)
class NoMeter:
    """A GPU that is there and says nothing: its energy is missing, not zero."""

    gpu: Gpu
    why: str

    def read(self) -> Edge:
        return Edge(now_s(), trouble=self.why)

    def figure(self, start: Edge, end: Edge, span: Span) -> Figure:  # noqa: ARG002
        return _lost(self.gpu, self.why)

    def close(self) -> None:
        """Nothing runs."""


GpuMeter = CounterMeter | PowerMeter | NoMeter


def _carried(edge: Edge, to_s: float) -> float:
    """J between a reading and the window's edge, at the power read there; 0 where its time is not
    known."""
    return 0.0 if edge.off_s is None else edge.watts * (edge.at_s - to_s)


def _lost(gpu: Gpu, why: str) -> Figure:
    return Figure.unavailable("J", f"{gpu.name}: {why}")


def _figure(gpu: Gpu, how: str, joules: float, quality: Quality, slack: float) -> Figure:
    source = "; ".join(part for part in (how, gpu.name, gpu.note) if part)
    low, high = max(0.0, joules - slack), joules + slack
    return Figure(value=joules, unit="J", quality=quality, source=source, low=low, high=high)


def gpu_meters(gpus: Sequence[Gpu]) -> list[GpuMeter]:
    """The best meter of each GPU. Looks for the counters' refresh for up to half a second."""
    periods = refresh_periods_s([gpu for gpu in gpus if gpu.trouble is None])
    return [_meter(gpu, periods.get(gpu.uuid)) for gpu in gpus]


def _meter(gpu: Gpu, refresh_s: float | None) -> GpuMeter:
    if gpu.trouble is not None:
        return NoMeter(gpu, gpu.trouble)
    try:
        return CounterMeter(gpu, refresh_s)
    except pynvml.NVMLError as no_counter:
        try:
            return PowerMeter(gpu)
        except pynvml.NVMLError as error:
            return NoMeter(gpu, f"counter: {advice(no_counter)}; power: {advice(error)}")


def refresh_periods_s(gpus: Sequence[Gpu]) -> dict[str, float]:
    """UUID -> longest time between two updates of the counter, for those seen to move twice."""
    watched = {gpu.uuid: gpu for gpu in gpus}
    moves: dict[str, list[float]] = {uuid: [] for uuid in watched}
    last: dict[str, float] = {}
    until = now_s() + _LOOK_S
    while watched and now_s() < until:
        for uuid, gpu in list(watched.items()):
            try:
                joules = gpu.counter_j()
            except pynvml.NVMLError:
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


def read_edges(meters: Sequence[GpuMeter], *, align: bool = False) -> list[Edge]:
    """One edge a meter. ``align``: wait (two refresh periods at most) until each counter moved."""
    asked_s = now_s()
    edges = [meter.read() for meter in meters]
    if not align:
        return edges
    waiting = {i: m for i, m in enumerate(meters) if isinstance(m, CounterMeter)}
    last = {i: (asked_s, edges[i].joules) for i in waiting}
    longest_s = max((m.refresh_s or ASSUMED_REFRESH_S for m in waiting.values()), default=0.0)
    until = now_s() + 2 * longest_s
    while waiting and now_s() < until:
        time.sleep(_POLL_S)
        for i, meter in list(waiting.items()):
            asked_s, seen = now_s(), meter.read()
            if seen.trouble or seen.joules != last[i][1]:
                edges[i] = _nearer(edges[i], seen, last[i][0])
            off_s = edges[i].off_s
            if seen.trouble or (off_s is not None and off_s < _CLOSE_S):
                del waiting[i]
            last[i] = asked_s, seen.joules
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

    def __init__(self, gpu: Gpu) -> None:
        self._gpu = gpu
        self._begun_s = self._last_s = now_s()
        self._watts = 0.0
        self._integrated_j = 0.0
        self._moves: list[tuple[float, float, float]] = []  # seconds, counted J, integrated J
        self._heart = Heartbeat(self._sample, SAMPLE_S / 2)

    def _sample(self) -> bool:
        try:
            counted, watts = self._gpu.counter_j(), self._gpu.power_w()
        except pynvml.NVMLError:
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
