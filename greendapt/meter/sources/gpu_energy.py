"""Energy of one GPU over a window: by its counter at the edges, else by sampled power.

For GPUs of any vendor: what is asked of a driver is a `GpuReader`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from greendapt.core.figures import Figure, Quality
from greendapt.core.meter_facts import DeviceFacts
from greendapt.meter.clock import Heartbeat, now_s
from greendapt.meter.sources.base import PartMeter, Span, State
from greendapt.meter.sources.gpu_reader import (
    SAMPLE_S,
    CrossCheck,
    GpuReader,
    Unreadable,
    refresh_periods_s,
)

ASSUMED_REFRESH_S = 0.1
"""Of a power reading."""
_SLOWEST_REFRESH_S = 1.5
"""Of a counter that was not seen to move twice in the time that was looked."""
AGREE = (0.9, 1.1)
"""Counted over integrated energy, of sensors that can be believed."""
_POLL_S = 0.001
_CLOSE_S = 0.005  # known to that is well enough; a busy machine polls late, and looks once more


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
        self.stale_s = refresh_s or _SLOWEST_REFRESH_S
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
        return self._checked(self._figure("counter", joules, Quality.MEASURED, slack))

    def _checked(self, figure: Figure) -> Figure:
        """A counter that sampled power contradicts is no measurement; bounds then hold both."""
        ratio = self._check.ratio if self._check else None
        counted = [end for end in (figure.low, figure.high) if end is not None]
        if ratio is None or AGREE[0] <= ratio <= AGREE[1]:
            return figure
        told = f"the counter told {ratio:.2f} times the sampled power: which is right is not known"
        ends = [*counted, *(end / ratio for end in counted)]
        update = {"quality": Quality.ESTIMATED, "low": min(ends), "high": max(ends)}
        return figure.scaled(1.0, "J", told).model_copy(update=update)

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


def _nearer(before: Edge, seen: Edge, since_s: float) -> Edge:
    """``seen``, whose counter moved since then, unless the time of ``before`` is known better."""
    off_s = (seen.at_s - since_s) / 2
    if not seen.trouble and before.off_s is not None and before.off_s <= off_s:
        return before
    # the power at the edge itself is the first one read
    return Edge(seen.at_s - off_s, seen.joules, before.watts, off_s, seen.trouble)
