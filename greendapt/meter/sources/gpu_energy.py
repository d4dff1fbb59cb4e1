"""Energy of one GPU over a window: by its counter, held against sampled power; else by that.

For GPUs of any vendor: what is asked of a driver is a `GpuReader`. What a sensor leaves open is in
`sensor`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any

from greendapt.core.figures import Figure, Quality
from greendapt.core.meter_facts import DeviceFacts
from greendapt.meter.clock import now_s
from greendapt.meter.sources.base import PartMeter, Span, State
from greendapt.meter.sources.gpu_reader import (
    SAMPLE_S,
    GpuReader,
    Refresh,
    Unreadable,
    refreshes,
)
from greendapt.meter.sources.sensor import tolerance_j
from greendapt.meter.sources.watch import Edge, Watch

_SLOWEST_REFRESH_S = 1.5
"""Of a counter that was not seen to move twice in the time that was looked."""
AGREE = (0.9, 1.1)
"""Counted over integrated energy, of sensors that can be believed."""
_BY_ITSELF_S = 1.0
"""A window as long as this is checked by itself, a shorter one by all that was seen so far."""
UNLOOKED = 0.02
"""Of a figure, what a sensor may have missed in one that still counts as measured."""
_FEW_LOOKS = 2
_STILL, _STILL_S = 3, 0.5  # refresh periods, and seconds: a counter still for longer has stopped
_RECENT = 20  # readings before a window that tell how far power swings
_POLL_S = 0.001
_CLOSE_S = 0.005  # known to that is well enough; a busy machine polls late, and looks once more


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


class WatchedMeter(GpuMeter):
    """A GPU that is looked at all the time: its power integrated is one answer."""

    def __init__(self, gpu: GpuReader, watch: Watch) -> None:
        super().__init__(gpu)
        self.watch = watch

    def read(self) -> Edge:
        return self.watch.look()

    def close(self) -> None:
        self.watch.close()

    def _sampled(self, start: Edge, end: Edge, span: Span, how: str) -> Figure:
        """By power alone; unavailable where it was not told all the time.

        A reading is of some time ago: what came too late for the window is put back, and the rest
        of that is in the bounds.
        """
        if end.gaps > start.gaps or not (start.watts and end.watts):
            return self._lost(f"{how}, and the GPU does not tell its power all the time")
        sensor, refresh_s = self.gpu.sensor, self.watch.power_refresh_s
        wall_s = span[1] - span[0]
        drawn_j = end.drawn_by_j(span[1]) - start.drawn_by_j(span[0])
        late_j = min(sensor.lag_s(refresh_s), wall_s) * (end.watts - start.watts)
        joules = max(0.0, drawn_j + late_j)
        looks = max(1, end.looks - start.looks)  # a busy machine looks less often
        off_j = min(sensor.lag_off_s(refresh_s), wall_s) * self._swing_w(start, end, wall_s)
        slack = math.hypot(
            tolerance_j(joules, wall_s),
            off_j,
            self._unlooked_j(start, end, max(refresh_s, SAMPLE_S, wall_s / looks)),
        )
        return self._figure(how, joules, Quality.INTEGRATED, slack)

    def _unlooked_j(self, start: Edge, end: Edge, every_s: float) -> float:
        readings = self.watch.readings_w(start, end)
        return self.gpu.sensor.unlooked_j(readings, self.watch.power_refresh_s, every_s)

    def _swing_w(self, start: Edge, end: Edge, wall_s: float) -> float:
        """How far power may be from what is read: as far as it was seen to go, and in a window of
        few looks as far as it can, down to nothing or up to the limit."""
        readings = self.watch.readings_w(start, end, before=_RECENT)
        seen_w = max(readings) - min(readings) if readings else 0.0
        refresh_s = self.watch.power_refresh_s
        few_s = _FEW_LOOKS * refresh_s + self.gpu.sensor.averaged_s(refresh_s)
        if wall_s >= few_s:
            return seen_w
        return max(seen_w, end.watts, (self.rated_w or 0.0) - end.watts)


class CounterMeter(WatchedMeter):
    """Reads the total-energy counter, and holds it against the power that was told meanwhile."""

    how = "counter"

    def __init__(self, gpu: GpuReader, refresh: Refresh | None = None) -> None:
        """Raises Unreadable where the GPU has no such counter."""
        super().__init__(gpu, Watch(gpu, refresh or Refresh(), counts=True))
        self.stale_s = self.refresh_s or _SLOWEST_REFRESH_S

    @property
    def refresh_s(self) -> float | None:
        return self.watch.counter_refresh_s

    def read(self) -> Edge:
        edge = super().read()
        self.stale_s = self.refresh_s or _SLOWEST_REFRESH_S
        return edge

    def facts(self) -> DeviceFacts:
        ratio = self.watch.counted_over_drawn
        more = {"refresh_s": self.refresh_s, "counter_over_integrated": ratio}
        return super().facts().model_copy(update=more)

    def _energy(self, start: Edge, end: Edge, span: Span) -> Figure:
        """Energy in J; ``low``/``high``: what the sensor's gain, the counter's refresh and the time
        it does not look leave open."""
        why = self._no_count(start, end, span)
        if why:
            return self._sampled(start, end, span, f"sampled power, {why}")
        counted_j = max(0.0, end.counted_by_j(span[1]) - start.counted_by_j(span[0]))
        unlooked_j = self._unlooked_j(start, end, self.watch.power_refresh_s)
        most_w = max(start.watts, end.watts) or self.rated_w or 0.0
        swing_w = self._swing_w(start, end, span[1] - span[0])
        edges_j = math.hypot(*(self._edge_off_j(edge, most_w, swing_w) for edge in (start, end)))
        slack = math.hypot(tolerance_j(counted_j, span[1] - span[0]), unlooked_j, edges_j)
        counted = self._figure("counter", counted_j, Quality.MEASURED, slack)
        sampled = self._sampled(start, end, span, "sampled power")
        return self._looked(self._checked(counted, sampled, span, edges_j), unlooked_j)

    def _no_count(self, start: Edge, end: Edge, span: Span) -> str | None:
        """Why the counter cannot tell of this window."""
        still_s = max(start.still_s(span[0]), end.still_s(span[1]))
        if end.restarts > start.restarts:
            return "counter reset in the window"
        if span[1] - span[0] < 2 * self.stale_s:
            return "window shorter than the counter's refresh"
        if end.joules == start.joules or still_s > max(_STILL * self.stale_s, _STILL_S):
            return "the counter did not move"
        return None

    def _edge_off_j(self, edge: Edge, most_w: float, swing_w: float) -> float:
        """Half-width in J of the counter at an edge: when it moved, and what passed since."""
        off_s = self.stale_s / 2 if edge.off_s is None else edge.off_s
        sensor, refresh_s = self.gpu.sensor, self.watch.power_refresh_s
        lag_s = max(sensor.lag_s(refresh_s), sensor.lag_off_s(refresh_s))
        return math.hypot(off_s * most_w, min(lag_s, self.stale_s) * swing_w)

    def _checked(self, counted: Figure, sampled: Figure, span: Span, edges_j: float) -> Figure:
        """Sampled power that contradicts the counter takes its place: a counter may stand still, or
        count more than the GPU. Neither is a measurement then, and the bounds hold both."""
        if not counted.value or not sampled.value:
            return counted
        here = counted.value / sampled.value
        so_far = self.watch.counted_over_drawn
        apart = abs(counted.value - sampled.value) > 2 * edges_j
        ratio = here if so_far is None or apart or span[1] - span[0] >= _BY_ITSELF_S else so_far
        if AGREE[0] <= ratio <= AGREE[1]:
            return counted
        told = f"the counter told {ratio:.2f} times the sampled power: which is right is not known"
        ends = [end for one in (counted, sampled) for end in (one.low, one.high) if end is not None]
        update = {"quality": Quality.ESTIMATED, "low": min(ends), "high": max(ends)}
        return sampled.scaled(1.0, "J", told).model_copy(update=update)

    def _looked(self, figure: Figure, unlooked_j: float) -> Figure:
        """What a sensor that looks part of the time did not see was not measured."""
        sensor = self.gpu.sensor
        if figure.quality is not Quality.MEASURED:
            return figure
        if sensor.known and sensor.part_time:
            told = f"its sensor looks at {sensor.share:.0%} of the time"
        elif unlooked_j > UNLOOKED * (figure.value or 0.0):
            told = (
                f"power changed quickly, and its sensor may look at {sensor.share:.0%} of the time"
            )
        else:
            return figure
        update = {"quality": Quality.INTEGRATED}
        return figure.scaled(1.0, "J", told).model_copy(update=update)


class PowerMeter(WatchedMeter):
    """Samples power and integrates it (trapezoid)."""

    how = "sampled power"

    def __init__(self, gpu: GpuReader, refresh: Refresh | None = None) -> None:
        """Raises Unreadable where the GPU does not tell its power."""
        super().__init__(gpu, Watch(gpu, refresh or Refresh(), counts=False))

    def _energy(self, start: Edge, end: Edge, span: Span) -> Figure:
        return self._sampled(start, end, span, "power sampled every 50 ms (no counter)")


def gpu_meters(gpus: Sequence[GpuReader]) -> list[GpuMeter]:
    """The best meter of each GPU. Looks for the counters' refresh for half a second or more."""
    seen = refreshes([gpu for gpu in gpus if gpu.trouble is None])
    return [_meter(gpu, seen.get(gpu.uuid)) for gpu in gpus]


def _meter(gpu: GpuReader, refresh: Refresh | None) -> GpuMeter:
    if gpu.trouble is not None:
        return GpuMeter(gpu, gpu.trouble)
    try:
        return CounterMeter(gpu, refresh)
    except Unreadable as no_counter:
        try:
            return PowerMeter(gpu, refresh)
        except Unreadable as error:
            return GpuMeter(gpu, f"counter: {no_counter}; power: {error}")


def read_edges(meters: Sequence[PartMeter], *, align: bool = False) -> list[Any]:
    """One edge a meter. ``align``: wait (two refresh periods at most) until each counter moved."""
    edges = [meter.read() for meter in meters]
    waiting = {i: m for i, m in enumerate(meters) if align and m.stale_s > 0}
    until = now_s() + 2 * max((meter.stale_s for meter in waiting.values()), default=0.0)
    last = {i: edges[i] for i in waiting}
    moved: dict[int, Edge] = {}
    while waiting and now_s() < until:
        time.sleep(_POLL_S)
        for i, meter in list(waiting.items()):
            before, last[i] = last[i], meter.read()
            if last[i].joules != before.joules:
                moved[i] = _nearer(last[i], moved.get(i))
            if last[i].trouble or _is_near(moved.get(i)):
                del waiting[i]
    return [
        edge.seen_again(last[i], moved.get(i)) if i in last else edge
        for i, edge in enumerate(edges)
    ]


def _nearer(seen: Edge, other: Edge | None) -> Edge:
    """The one whose counter's move is known better."""
    if other is None or seen.off_s is None or other.off_s is None:
        return seen
    return min(other, seen, key=lambda edge: edge.off_s or 0.0)


def _is_near(edge: Edge | None) -> bool:
    return edge is not None and edge.off_s is not None and edge.off_s < _CLOSE_S
