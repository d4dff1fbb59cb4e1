"""What a GPU told over time: its counter's moves, and its power, looked at every 50 ms."""

from __future__ import annotations

import statistics
import threading
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from greendapt.meter.clock import Heartbeat, now_s
from greendapt.meter.sources.gpu_reader import SAMPLE_S, GpuReader, Refresh, Unreadable
from greendapt.meter.sources.sensor import UNSEEN_REFRESH_S

_ON_TIME_S = 2 * SAMPLE_S  # of a later look it is not known how many moves it missed
CHECKED_S = 0.5
"""From when on the counter can be held against sampled power."""
_KEPT = 32  # moves that a period is told from


@dataclass(frozen=True)
class Edge:
    """What a GPU said near an edge of a window; ``trouble`` instead where it said nothing.

    ``joules``: counted up to the counter's last move, since it was opened, restarts left out.
    ``moved_s``: when that move was, give or take ``off_s``; None: the counter was not seen to move,
    and may be a whole refresh period old. ``watts``: the power reading, 0 where unknown.
    ``drawn_j``: that power, integrated up to ``at_s``; ``moved_j``: up to the counter's move;
    ``last``: the latest look's time and integral, where it was looked again. ``looks``: how often
    power was looked at, and ``readings``: how many of these differed. ``restarts`` of the counter,
    and ``gaps`` in the power, so far.
    """

    at_s: float
    joules: float = 0.0
    watts: float = 0.0
    moved_s: float | None = None
    off_s: float | None = None
    trouble: str | None = None
    drawn_j: float = 0.0
    moved_j: float = 0.0
    last: tuple[float, float] | None = None
    looks: int = 0
    readings: int = 0
    restarts: int = 0
    gaps: int = 0

    def drawn_by_j(self, at_s: float) -> float:
        """Integrated power up to a time shortly before the first look or after the last one."""
        looked_s, drawn_j = (
            self.last if self.last and at_s > self.at_s else (self.at_s, self.drawn_j)
        )
        return drawn_j + self.watts * (at_s - looked_s)

    def still_s(self, at_s: float) -> float:
        """For how long the counter stood still, before or after a time; 0 where it is not known."""
        return 0.0 if self.moved_s is None else abs(at_s - self.moved_s)

    def counted_by_j(self, at_s: float) -> float:
        """The counter at its last move, and sampled power from there."""
        return self.joules + self.drawn_by_j(at_s) - self.moved_j

    def seen_again(self, last: Edge, moved: Edge | None) -> Edge:
        """The same edge after later looks: the ``last`` one, and one that saw the counter move."""
        again = replace(self, trouble=last.trouble, last=(last.at_s, last.drawn_j))
        if moved is None:
            return again
        return replace(
            again,
            joules=moved.joules,
            moved_s=moved.moved_s,
            off_s=moved.off_s,
            moved_j=moved.moved_j,
            restarts=moved.restarts,
        )


class _Period:
    """How long something stays the same, from looks at it: ``at_first_s`` until it is seen."""

    def __init__(self, at_first_s: float | None) -> None:
        self._at_first_s = at_first_s
        self._moved_s: float | None = None
        self._seen: deque[float] = deque(maxlen=_KEPT)

    def moved(self, at_s: float, *, on_time: bool) -> None:
        if self._moved_s is not None and on_time:
            self._seen.append(at_s - self._moved_s)
        self._moved_s = at_s if on_time else None

    @property
    def seconds(self) -> float | None:
        if self._at_first_s is not None or len(self._seen) < 2:
            return self._at_first_s
        return statistics.median(self._seen)


class Watch:
    """Looks at one GPU in a thread, from the first look on."""

    def __init__(self, gpu: GpuReader, refresh: Refresh, *, counts: bool) -> None:
        """``counts``: it has a counter. Raises Unreadable where it cannot be read."""
        self._gpu, self._counts = gpu, counts
        self._lock = threading.Lock()
        self._heart: Heartbeat | None = None
        self._counter, self._power = _Period(refresh.counter_s), _Period(refresh.power_s)
        self._readings = array("d")  # 7 MB a day, where power is renewed ten times a second
        self._raw_j = gpu.counter_j() if counts else 0.0
        self._first: Edge | None = None
        self._edge = Edge(now_s(), watts=0.0 if counts else gpu.power_w())

    @property
    def counter_refresh_s(self) -> float | None:
        return self._counter.seconds

    @property
    def power_refresh_s(self) -> float:
        """As seen; else the counter's, for they come from one sensor; else the slowest known."""
        return self._power.seconds or self._counter.seconds or UNSEEN_REFRESH_S

    def readings_w(self, start: Edge, end: Edge, before: int = 0) -> Sequence[float]:
        """Those of the window, the one at its start, and so many from before it."""
        return self._readings[max(0, start.readings - 1 - before) : end.readings]

    def look(self) -> Edge:
        """What the GPU tells now."""
        with self._lock:
            if self._heart is None:
                self._heart = Heartbeat(self.look, SAMPLE_S)
            try:
                raw_j = self._gpu.counter_j() if self._counts else 0.0
            except Unreadable as error:
                self._edge = replace(self._edge, gaps=self._edge.gaps + 1)
                return Edge(now_s(), trouble=str(error))
            edge = self._with_power(now_s())
            if edge.trouble is None and self._counts:
                edge = self._with_counter(edge, raw_j)
            self._edge = edge
            return edge

    def _with_power(self, at_s: float) -> Edge:
        last = self._edge
        try:
            watts = self._gpu.power_w()
        except Unreadable as error:
            trouble = None if self._counts else str(error)
            return replace(last, at_s=at_s, watts=0.0, gaps=last.gaps + 1, trouble=trouble)
        if not self._readings or watts != self._readings[-1]:
            self._readings.append(watts)
            self._power.moved(at_s, on_time=at_s - last.at_s < _ON_TIME_S)
        drawn_j = last.drawn_j + ((last.watts or watts) + watts) / 2 * (at_s - last.at_s)
        return replace(
            last,
            at_s=at_s,
            watts=watts,
            trouble=None,
            drawn_j=drawn_j,
            looks=last.looks + 1,
            readings=len(self._readings),
        )

    def _with_counter(self, edge: Edge, raw_j: float) -> Edge:
        step_j, self._raw_j = raw_j - self._raw_j, raw_j
        if step_j < 0:
            unmoved = replace(edge, moved_s=None, off_s=None, moved_j=edge.drawn_j)
            return replace(unmoved, restarts=edge.restarts + 1)
        if step_j == 0:
            return edge
        since_s = edge.at_s - self._edge.at_s
        self._counter.moved(edge.at_s, on_time=since_s < _ON_TIME_S)
        off_s = min(since_s, self._counter.seconds or since_s) / 2
        edge = replace(
            edge,
            joules=edge.joules + step_j,
            moved_s=edge.at_s - off_s,
            off_s=off_s,
            moved_j=edge.drawn_j - off_s * edge.watts,
        )
        self._first = self._first or edge
        return edge

    @property
    def counted_over_drawn(self) -> float | None:
        """The counter against sampled power, from its first move seen to its last one; None before
        half a second passed."""
        first, last = self._first, self._edge
        if first is None or last.gaps or last.at_s - first.at_s < CHECKED_S:
            return None
        counted_j, drawn_j = last.joules - first.joules, last.moved_j - first.moved_j
        return counted_j / drawn_j if counted_j > 0 and drawn_j > 0 else None

    def close(self) -> None:
        if self._heart is not None:
            self._heart.stop()
