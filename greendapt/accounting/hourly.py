"""A grid's intensity hour by hour, for those who know theirs: a CSV file with a time and gCO2e/kWh.

A run gets one intensity, its hours weighted by its energy: no strategy wins by the hour at which it
happened to run.
"""

from __future__ import annotations

import csv
import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

from greendapt.accounting.grid import Grid, check_pue, grid
from greendapt.core.errors import SuiteError
from greendapt.core.records import Record
from greendapt.core.units import MOST_G_PER_KWH, duration
from greendapt.suite.models import Carbon

_WANTED = (("life", "cycle"), ("intensity",), ("co2",), ("actual",))
_HOLE = 2.0
"""Steps, from one line to the next, above which hours are missing between them."""
_ROUNDING_S = 1e-3  # of seconds since 1970


@dataclass(frozen=True)
class Spell:
    """Work from ``start_s`` (of the Unix clock) for ``wall_s``, and the energy it took."""

    start_s: float
    wall_s: float
    joules: float


@dataclass(frozen=True)
class Hours:
    """gCO2e/kWh from each of ``starts_s`` (of the Unix clock, rising) for ``step_s`` at least."""

    starts_s: tuple[float, ...]
    values: tuple[float, ...]
    step_s: float

    def mean(self, start_s: float, wall_s: float) -> float:
        """Over that time. Raises SuiteError where hours of it are missing."""
        mean = self._mean(start_s, wall_s)
        if mean is None:
            raise SuiteError(
                f"the intensities are from {_moment(self.starts_s[0])} to {_moment(self._end_s)}, "
                f"but the work was at {_moment(start_s)} for {duration(wall_s)}: hours are missing"
            )
        return mean

    def cleanest(self, wall_s: float) -> tuple[float, float] | None:
        """(start, gCO2e/kWh) of the best time for work of that length that begins with a line;
        None where the file is shorter."""
        tried = ((self._mean(start_s, wall_s), start_s) for start_s in self.starts_s)
        offers = [(mean, start_s) for mean, start_s in tried if mean is not None]
        if not offers:
            return None
        mean, start_s = min(offers)
        return start_s, mean

    def _mean(self, start_s: float, wall_s: float) -> float | None:
        """None where hours are missing."""
        pieces = [*self._pieces(start_s, start_s + wall_s)]
        covered_s = math.fsum(seconds for seconds, _ in pieces)
        if not covered_s or covered_s < wall_s - _ROUNDING_S:
            return None
        return math.fsum(seconds * value for seconds, value in pieces) / covered_s

    @property
    def _end_s(self) -> float:
        return self.starts_s[-1] + self.step_s

    def _pieces(self, begin_s: float, end_s: float) -> Iterator[tuple[float, float]]:
        first = max(0, bisect_right(self.starts_s, begin_s) - 1)
        for at in range(first, len(self.starts_s)):
            start_s = self.starts_s[at]
            if start_s >= end_s:
                return
            after_s = self.starts_s[at + 1] if at + 1 < len(self.starts_s) else self._end_s
            until_s = after_s if after_s - start_s <= _HOLE * self.step_s else start_s + self.step_s
            seconds = min(until_s, end_s) - max(start_s, begin_s)
            if seconds > 0:
                yield seconds, self.values[at]


def read_intensity(given: str) -> float | Hours:
    """What ``--intensity`` was given: a number, or a file of hours. Raises SuiteError."""
    try:
        return float(given)
    except ValueError:
        return read_hours(Path(given))


def read_hours(path: Path) -> Hours:
    """Of a CSV with a heading: times (ISO 8601, UTC unless they say) in the first column, gCO2e/kWh
    in the one whose heading has "life cycle", else "intensity", "CO2", "actual", else the second.

    Raises SuiteError with the line at fault.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            heads, *rows = [*csv.reader(file)] or [[]]
    except (OSError, ValueError, csv.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise SuiteError(
            f"intensity '{path}' is neither a number nor a CSV file of hours ({why})"
        ) from error
    column = _column(heads)
    read = sorted(
        _line(path, number, row, column) for number, row in enumerate(rows, start=2) if any(row)
    )
    if len(read) < 2:
        raise SuiteError(f"{path}: two lines of time and gCO2e/kWh are the least, below a heading")
    starts = tuple(start for start, _ in read)
    steps = [after - before for before, after in pairwise(starts)]
    if min(steps) <= 0:
        twice = starts[steps.index(min(steps))]
        raise SuiteError(f"{path}: {_moment(twice)} is there twice")
    return Hours(starts, tuple(value for _, value in read), median(steps))


def _column(heads: Sequence[str]) -> int:
    names = [head.lower() for head in heads]
    for wanted in _WANTED:
        for at, name in enumerate(names[1:], start=1):
            if all(word in name for word in wanted):
                return at
    return 1


def _line(path: Path, number: int, row: Sequence[str], column: int) -> tuple[float, float]:
    try:
        moment, value = datetime.fromisoformat(row[0].strip()), float(row[column])
        if not 0 <= value <= MOST_G_PER_KWH:
            raise ValueError(f"{value:g} gCO2e/kWh")
    except (ValueError, IndexError) as error:
        raise SuiteError(
            f"{path}, line {number}: it needs a time (2026-11-27T06:00Z) and gCO2e/kWh ({error})"
        ) from error
    zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return zoned.timestamp(), value


def grid_of_hours(hours: Hours, work: Sequence[Spell], pue: float = 1.0) -> Grid:
    """The grid of this work: its hours, weighted by energy; bounds are its best and worst spell.

    Raises SuiteError where hours are missing, or there is no work.
    """
    check_pue(pue)
    if not work:
        raise SuiteError("no finished stage says when it ran: its hours cannot be looked up")
    means = [hours.mean(one.start_s, one.wall_s) for one in work]
    joules = [one.joules for one in work]
    mean = (
        math.fsum(m * j for m, j in zip(means, joules, strict=True)) / sum(joules)
        if sum(joules) > 0
        else means[0]
    )
    begun_s = min(one.start_s for one in work)
    whole_s = max(one.start_s + one.wall_s for one in work) - begun_s
    source = f"{mean:.4g} gCO2e/kWh, hours as given from {_moment(begun_s)}, weighted by energy"
    best = hours.cleanest(whole_s)
    if best is not None and best[1] < mean:
        source += (
            f"; cleanest of these for {duration(whole_s)} from {_moment(best[0])}: "
            f"{best[1]:.4g} gCO2e/kWh"
        )
    low, high = min(mean, min(means)), max(mean, max(means))
    return Grid(mean, pue, f"{source}, PUE {pue:g}", low_g_per_kwh=low, high_g_per_kwh=high)


def grid_of_known_hours(hours: Hours, work: Sequence[Spell], pue: float = 1.0) -> Grid:
    """The same, without an intensity where ``hours`` lack some of the work: it has been done, and
    what else is known of it is told."""
    try:
        return grid_of_hours(hours, work, pue)
    except SuiteError as error:
        return Grid(None, pue, str(error))


@dataclass(frozen=True)
class GridAsked:
    """The grid of a suite. ``hours``: where it names a file of them."""

    carbon: Carbon
    hours: Hours | None

    @classmethod
    def of(cls, carbon: Carbon) -> GridAsked:
        """Reads the file of hours, if there is one. Raises SuiteError for what cannot be."""
        given = carbon.intensity_g_per_kwh
        hours = read_hours(Path(given)) if isinstance(given, str) else None
        check_pue(carbon.pue)
        return cls(carbon, hours)

    def of_work(self, work: Sequence[Spell]) -> Grid:
        """For work done at these times; see `grid_of_known_hours`."""
        carbon, stated = self.carbon, self.carbon.intensity_g_per_kwh
        if self.hours is None:
            number = None if isinstance(stated, str) else stated
            chosen = grid(carbon.region, number, carbon.pue)
        else:
            chosen = grid_of_known_hours(self.hours, work, carbon.pue)
        return chosen.with_machine(carbon.embodied_kg, carbon.lifetime_years)


def work_of(records: Iterable[Record]) -> list[Spell]:
    """When the stages of a run worked, and what they took; generic pre-training, which is sunk, may
    be of another day."""
    spells = []
    for record in records:
        wall_s, joules = record.value("wall_s"), record.value("energy_j")
        if wall_s and not record.reused and record.role != "sunk":
            start_s = datetime.fromisoformat(record.started_at).timestamp()
            spells.append(Spell(start_s, wall_s, joules or 0.0))
    return spells


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
