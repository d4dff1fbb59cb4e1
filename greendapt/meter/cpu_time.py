"""CPU-seconds: of this process and all it started, and of the whole machine."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass

import psutil

from greendapt.core.meter_facts import Conditions
from greendapt.meter.clock import now_s

_LOOKS = 5  # a child that ends between two reads would count twice, or not at all


@dataclass(frozen=True)
class CpuEdge:
    """CPU-seconds so far. ``own_s``: of this process and those it started, also of those that
    ended; ``busy_s``: of everything on the machine; ``stolen_s``: that its host took."""

    at_s: float
    own_s: float
    busy_s: float
    stolen_s: float


def read_cpu(*, opening: bool) -> CpuEdge:
    """An edge of a window; looking for children is left out of it on either side."""
    started_s = _started_s() if opening else 0.0
    at_s, cpu_s, machine = now_s(), time.process_time(), psutil.cpu_times()
    if not opening:
        started_s = _started_s()
    return CpuEdge(at_s, cpu_s + started_s, _busy_s(machine), _stolen_s(machine))


def used(start: CpuEdge, end: CpuEdge) -> Conditions:
    """What passed between two edges. A process whose parent ended before it is another's."""
    own_s = max(0.0, end.own_s - start.own_s)
    return Conditions(
        wall_s=end.at_s - start.at_s,
        threads=os.cpu_count() or 1,
        cpu_s=own_s,
        others_cpu_s=max(0.0, end.busy_s - start.busy_s - own_s),
        stolen_cpu_s=max(0.0, end.stolen_s - start.stolen_s),
    )


def _busy_s(machine: object) -> float:
    # user time holds that of guests already
    names = ("user", "nice", "system", "irq", "softirq")
    return float(sum(getattr(machine, name, 0.0) for name in names))


def _stolen_s(machine: object) -> float:
    return float(getattr(machine, "steal", 0.0))


def _started_s() -> float:
    """CPU-seconds of all processes that this one started, and of those that they started."""
    living_s, ended_s = 0.0, _ended_s()
    for _ in range(_LOOKS if _has_children() else 0):
        living_s = _living_s()
        before_s, ended_s = ended_s, _ended_s()
        if ended_s == before_s:
            break
    return living_s + ended_s


def _has_children() -> bool:
    if not hasattr(os, "waitid"):
        return True
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _living_s() -> float:
    total_s = 0.0
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it is gone: whoever waited for it has its time
            times = child.cpu_times()
            total_s += times.user + times.system
            total_s += getattr(times, "children_user", 0.0)
            total_s += getattr(times, "children_system", 0.0)
    return total_s


def _ended_s() -> float:
    """Of children that were waited for, and of theirs."""
    try:
        from resource import RUSAGE_CHILDREN, getrusage
    except ImportError:  # Windows keeps no such account
        return 0.0
    usage = getrusage(RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
