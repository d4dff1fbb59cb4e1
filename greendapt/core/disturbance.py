"""Which stages of a run something disturbed: other programs, heat, another process on the GPU, or
joules that equal stages did not need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from greendapt.core.records import Record
from greendapt.core.text import plural
from greendapt.core.units import percent

_DEAR = 2.0
"""Times the median of equal stages, in joules a FLOP, above which one is an outlier."""
_EQUALS = 3
_LEAST_S = 0.5
"""Shorter stages are mostly overhead, which varies."""
OTHERS = "other programs had"
DEAR = "more than twice the energy of equal stages"


@dataclass(frozen=True)
class Disturbed:
    """A finished stage, and what disturbed it, in words."""

    record: Record
    reasons: tuple[str, ...]


def disturbed(records: Iterable[Record]) -> list[Disturbed]:
    """Of those that count, the last of each stage."""
    last = {record.key: record for record in records if record.status == "done"}
    dear = _dear(last.values())
    found = []
    for record in last.values():
        reasons = [*of_surroundings(record), *([DEAR] if record.key in dear else [])]
        if reasons:
            found.append(Disturbed(record, tuple(reasons)))
    return found


def of_surroundings(record: Record) -> tuple[str, ...]:
    """What its conditions tell. Other workers of the same run are no strangers: their number
    stands beside its figures."""
    seen = record.conditions
    if seen is None:
        return ()
    shared = seen.is_shared and not record.details.beside
    others = (f"{OTHERS} {percent(seen.others)} of the machine",) if shared else ()
    return (*others, *seen.device_troubles)


def says(found: Iterable[Disturbed], of: int) -> str:
    """How many of ``of`` stages, and by what; empty for none."""
    stages = list(found)
    if not stages:
        return ""
    by: dict[str, list[Disturbed]] = defaultdict(list)
    for one in stages:
        for reason in one.reasons:
            by[OTHERS if reason.startswith(OTHERS) else reason].append(one)
    causes = [_cause(reason, group) for reason, group in by.items()]
    return f"{len(stages)} of {plural(of, 'stage')} were disturbed: {'; '.join(causes)}."


def in_short(records: Iterable[Record]) -> str:
    """Of a whole run; empty where nothing disturbed it."""
    done = {record.key: record for record in records if record.status == "done"}
    return says(disturbed(done.values()), len(done))


def _cause(reason: str, group: list[Disturbed]) -> str:
    if reason is not OTHERS:
        return f"{reason} ({len(group)})"
    seen = [one.record.conditions for one in group if one.record.conditions is not None]
    most = max(conditions.others for conditions in seen)
    return f"{OTHERS} up to {percent(most)} of the machine ({len(group)})"


def _dear(records: Iterable[Record]) -> set[str]:
    """Keys of stages whose joules a FLOP are beyond what equal ones of other seeds needed."""
    costs: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for record in records:
        joules, flops = record.value("energy_j"), record.value("training_flops")
        if joules and flops and (record.value("wall_s") or 0.0) >= _LEAST_S:
            costs[record.kind, record.title][record.key] = joules / flops
    return {
        key
        for equal in costs.values()
        if len(equal) >= _EQUALS
        for key, cost in equal.items()
        if cost > _DEAR * median(equal.values())
    }
