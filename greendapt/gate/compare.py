"""Runs side by side: every cell's figures, and which changes are beyond noise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from greendapt.gate.facts import NOISY, SCORES, Cell, Name, Side
from greendapt.gate.score_changes import score_changes
from greendapt.stats.intervals import Interval
from greendapt.stats.ratios import separated, unpaired_ratio
from greendapt.suite.limits import GAUGES, Tier

EXACT = tuple(name for name, gauge in GAUGES.items() if gauge.tier is Tier.EXACT)
FIGURES = (*SCORES, *EXACT, *NOISY)


class Change(StrEnum):
    """What to make of a difference."""

    SAME = "the same"
    DIFFERENT = "different"
    BEYOND = "beyond noise"
    APART = "apart, but too few repeats to be sure"
    WITHIN = "within noise"
    UNKNOWN = "one repeat tells nothing"


@dataclass(frozen=True)
class Difference:
    """One figure of one cell in a run (``head``) and in the first run (``base``).

    ``change``: head over base for costs, head minus base for scores; bounds where they are known.
    """

    cell: Name
    figure: str
    run: int
    base: float
    head: float
    change: Interval
    says: Change

    @property
    def real(self) -> bool:
        return self.says in (Change.DIFFERENT, Change.BEYOND)


@dataclass(frozen=True)
class Comparison:
    """Runs against the first one. ``notes``: what makes the comparison weaker."""

    runs: tuple[str, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]


def compare(sides: Sequence[Side]) -> Comparison:
    """The first run and each other one, cell by cell."""
    base, *others = sides
    differences = [one for n, head in enumerate(others, start=1) for one in _run(base, head, n)]
    order = {name: n for n, name in enumerate(base.cells)}
    differences.sort(key=lambda d: (order[d.cell], FIGURES.index(d.figure), d.run))
    notes = [note for head in others for note in _notes(base, head)]
    return Comparison(tuple(side.title for side in sides), tuple(differences), tuple(notes))


def _notes(base: Side, head: Side) -> Iterator[str]:
    about = f"{head.title} and {base.title}"
    if (head.suite, head.profile) != (base.suite, base.profile):
        yield f"{about} are of different suites or profiles"
    if head.data != base.data:
        yield f"{about} are on different data: scores are not comparable"
    if head.machine_key != base.machine_key:
        yield f"{about} ran on different machines: time, energy and memory tell of these, too"
    for side in (base, head):
        for machine in side.machines.values():
            yield from (f"{side.title}: {trouble}" for trouble in machine.troubles)
        if side.disturbed:
            yield f"{side.title}: {side.disturbed}"
    missing = [*(base.cells.keys() ^ head.cells.keys())]
    if missing:
        yield f"{len(missing)} cells are in one of {about} alone, and left out"


def _run(base: Side, head: Side, run: int) -> Iterator[Difference]:
    changes = score_changes(base.cells, head.cells)
    for name, before in base.cells.items():
        now = head.cells.get(name)
        if now is None:
            continue
        for figure in FIGURES:
            difference = _figure(figure, before, now, changes.get((name, figure)))
            if difference is not None:
                yield Difference(name, figure, run, *difference)


_Found = tuple[float, float, Interval, Change]


def _figure(figure: str, before: Cell, now: Cell, change: Interval | None) -> _Found | None:
    if figure in NOISY:
        return _noisy(figure, before, now)
    if figure in SCORES:
        return _score(before.scores.get(figure, {}), now.scores.get(figure, {}), change)
    return _exact(before.exact.get(figure, {}), now.exact.get(figure, {}))


def _exact(was: Mapping[int, int], now: Mapping[int, int]) -> _Found | None:
    """Means over the seeds that both have; seeds differ where a rule ends a phase."""
    seeds = was.keys() & now.keys()
    if not seeds:
        return None
    before, after = (fmean(side[seed] for seed in seeds) for side in (was, now))
    ratio = after / before if before else math.inf if after else 1.0
    same = all(was[seed] == now[seed] for seed in seeds)
    says = Change.SAME if same else Change.DIFFERENT
    return before, after, Interval(ratio, None, None), says


def _score(
    was: Mapping[int, float], now: Mapping[int, float], change: Interval | None
) -> _Found | None:
    """Paired by seed: the same seed has the same splits and initial weights."""
    if change is None:
        return None
    seeds = sorted(was.keys() & now.keys())
    pair = [was[seed] for seed in seeds], [now[seed] for seed in seeds]
    differences = [b - a for a, b in zip(*pair, strict=True)]
    if not any(differences):
        return fmean(pair[0]), fmean(pair[1]), change, Change.SAME
    all_one_way = min(differences) > 0 or max(differences) < 0
    says = _says(change, 0.0, all_one_way or separated(*pair))
    return fmean(pair[0]), fmean(pair[1]), change, says


def _noisy(figure: str, before: Cell, now: Cell) -> _Found | None:
    """Welch's interval of the ratio; seeds are repeats."""
    was, is_ = before.repeats.get(figure), now.repeats.get(figure)
    if was is None or is_ is None or was.quality != is_.quality:
        return None
    spreads = was.spread(), is_.spread()
    old, new = ((math.log(s.mean), s.spread, s.repeats) for s in spreads)
    change = unpaired_ratio(new, old)
    says = _says(change, 1.0, separated(was.values, is_.values))
    return spreads[0].mean, spreads[1].mean, change, says


def _says(change: Interval, nothing: float, apart: bool) -> Change:
    """``nothing``: the value that means no change."""
    if change.low is None or change.high is None:
        return Change.UNKNOWN
    if not change.low <= nothing <= change.high:
        return Change.BEYOND
    return Change.APART if apart else Change.WITHIN
