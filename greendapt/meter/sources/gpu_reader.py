"""What a GPU's driver tells, whoever made it: the part that another vendor's source writes."""

from __future__ import annotations

import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from greendapt.meter.clock import Heartbeat, now_s
from greendapt.meter.sources.base import State

SAMPLE_S = 0.05
CHECK_S = 5.0
_LOOK_S = 0.5  # how long a refresh period is looked for
_LONGEST_LOOK_S = 2.5  # where a counter did not move twice by then
_POLL_S = 0.001


class Unreadable(Exception):
    """A GPU does not tell what it was asked, and why."""


@dataclass(frozen=True, kw_only=True)
class GpuReader(ABC):
    """One GPU. ``library``: by what it is read, as figures say it. ``trouble``: why it cannot be
    read at all; ``note``: said in its figures. The methods raise `Unreadable`."""

    uuid: str
    name: str
    library: str
    limit_w: float | None = None
    note: str = ""
    trouble: str | None = None

    @abstractmethod
    def counter_j(self) -> float:
        """Joules since some fixed time."""

    @abstractmethod
    def power_w(self) -> float:
        """Watts now."""

    def state(self) -> State:
        """What disturbs it now."""
        return State()


def refresh_periods_s(gpus: Sequence[GpuReader]) -> dict[str, float]:
    """UUID -> longest time between two updates of the counter, for those seen to move twice."""
    watched = {gpu.uuid: gpu for gpu in gpus}
    moves: dict[str, list[float]] = {uuid: [] for uuid in watched}
    last: dict[str, float] = {}
    begun_s = now_s()
    while watched and (looked_s := now_s() - begun_s) < _LONGEST_LOOK_S:
        if looked_s > _LOOK_S and all(len(moves[uuid]) >= 2 for uuid in watched):
            break
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
