"""What a GPU's driver tells, whoever made it: the part that another vendor's source writes."""

from __future__ import annotations

import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from greendapt.meter.clock import now_s
from greendapt.meter.sources.base import State
from greendapt.meter.sources.sensor import Sensor, sensor_of

SAMPLE_S = 0.05
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

    @property
    def sensor(self) -> Sensor:
        """How its power reading comes about."""
        return sensor_of(self.name)

    def state(self) -> State:
        """What disturbs it now."""
        return State()


@dataclass(frozen=True)
class Refresh:
    """How long a counter and a power reading stay the same, in s; None: not seen to move twice."""

    counter_s: float | None = None
    power_s: float | None = None


class _Moves:
    """When a reading was seen to change."""

    def __init__(self, ask: Callable[[], float]) -> None:
        self._ask = ask
        self._last: float | None = None
        self.at_s: list[float] = []
        self.silent = False

    def look(self) -> None:
        if self.silent:
            return
        try:
            value = self._ask()
        except Unreadable:
            self.silent = True
            return
        if self._last is not None and value != self._last:
            self.at_s.append(now_s())
        self._last = value

    @property
    def longest_s(self) -> float | None:
        if len(self.at_s) < 2:
            return None
        return max(later - earlier for earlier, later in itertools.pairwise(self.at_s))


def refreshes(gpus: Sequence[GpuReader]) -> dict[str, Refresh]:
    """By UUID. Looks until each counter moved three times, or twice in half a second; where there
    is none, for half a second at power."""
    counters = {gpu.uuid: _Moves(gpu.counter_j) for gpu in gpus}
    powers = {gpu.uuid: _Moves(gpu.power_w) for gpu in gpus}
    begun_s = now_s()
    while (looked_s := now_s() - begun_s) < (_LONGEST_LOOK_S if gpus else 0):
        moves = [len(one.at_s) for one in counters.values() if not one.silent]
        if (looked_s > _LOOK_S and all(n >= 2 for n in moves)) or (
            moves and all(n >= 3 for n in moves)
        ):
            break
        for one in (*counters.values(), *powers.values()):
            one.look()
        time.sleep(_POLL_S)
    return {uuid: Refresh(one.longest_s, powers[uuid].longest_s) for uuid, one in counters.items()}
