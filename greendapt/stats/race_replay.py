"""Races replayed on recorded runs of everything: what a race would have said, and for how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean
from typing import NamedTuple

import numpy as np

from greendapt.stats.best_buy import Choice, best_buy
from greendapt.stats.crossed import Sample, crossed
from greendapt.stats.racing import Raced, race, waves


class Cell(NamedTuple):
    """A strategy's training with a seed; ``epoch`` of its last phase, None for its end."""

    strategy: str
    epoch: int | None
    seed: int


class Question(NamedTuple):
    """Which strategy to take for this; ``shots`` as a number, or ``full``."""

    dataset: str
    backbone: str
    transfer: str
    shots: str


@dataclass(frozen=True)
class Recorded:
    """A question of which every strategy ran with every seed.

    ``margin``: so much worse is as good. ``samples``: by strategy, the cheapest first, all with the
    same seeds. ``costs``: FLOPs of one adaptation and transfer. ``stages``: FLOPs of each stage
    that a cell needs, by the stage's key; cells share some. ``early``: scores of trainings that
    were not at their end. ``trained``: parameters that a strategy trains. ``truths``: scores on
    more patients, where there were more.
    """

    question: Question
    margin: float
    samples: Mapping[str, Sample]
    costs: Mapping[str, float]
    stages: Mapping[Cell, Mapping[str, float]]
    early: Mapping[Cell, float] = field(default_factory=dict)
    trained: Mapping[str, int] = field(default_factory=dict)
    truths: Mapping[str, float] = field(default_factory=dict)

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        return tuple(next(iter(self.samples.values())).values)

    def spent(self, cells: Iterable[Cell]) -> float:
        """FLOPs, what cells share once."""
        needed: dict[str, float] = {}
        for cell in cells:
            needed |= self.stages[cell]
        return sum(needed.values())

    @cached_property
    def everything(self) -> float:
        """FLOPs of every strategy with every seed."""
        return self.spent(cells(self.samples, self.seeds))

    @cached_property
    def true(self) -> Mapping[str, float]:
        """The best that is known of each strategy: on more patients, else over all seeds."""
        means = {name: fmean(one.values.values()) for name, one in self.samples.items()}
        return self.truths or means

    @cached_property
    def verdict(self) -> Choice:
        """Of everything."""
        model = crossed(self.samples)
        return best_buy(model, model.names, self.margin)


@dataclass(frozen=True)
class Replayed:
    """A race: its answer, ``cost`` as a share of everything's FLOPs, and how good that was.

    ``take``: the best buy, or where it is undecided (``is_sure`` false) the strategy that is the
    least likely to be too bad; empty where nothing could be paid. ``regret``: by how much it is
    truly worse than what the verdict on everything takes. ``short``: than the best.
    """

    take: str
    is_sure: bool
    probability: float
    cost: float
    regret: float
    short: float


def replayed(recorded: Recorded, order: Sequence[int], most: float | None = None) -> Replayed:
    """The race of these seeds in that order; ``most``: the share of everything it may cost."""

    def affords(taken: Mapping[str, int]) -> bool:
        return most is None or _spent(recorded, taken, order) <= most * recorded.everything

    samples = {name: sample.only(order) for name, sample in recorded.samples.items()}
    raced = race(samples, waves(recorded.costs), recorded.margin, affords=affords)
    return outcome(recorded, raced, _spent(recorded, raced.seeds, order))


def outcome(recorded: Recorded, raced: Raced, spent: float) -> Replayed:
    """Of an answer that cost so many FLOPs."""
    take = taken(raced.choice)
    if raced.choice is None or take is None:
        return Replayed("", False, 0.0, 0.0, 0.0, 0.0)
    true, asked = recorded.true, taken(recorded.verdict)
    return Replayed(
        take,
        raced.choice.buy is not None,
        1 - raced.choice.regret[take],
        spent / recorded.everything,
        max(0.0, true[asked] - true[take]) if asked else 0.0,
        max(true.values()) - true[take],
    )


@dataclass(frozen=True)
class Shares:
    """Of many races: ``takes``, how many took which strategy, the usual one first; ``cost``, the
    median and the 90th percentile; mean ``regret``; shares ``wrong`` (what was taken is worse than
    the best by more than the margin) and ``undecided``."""

    races: int
    takes: Mapping[str, int]
    cost: tuple[float, float]
    regret: float
    wrong: float
    undecided: float


def shares(races: Sequence[Replayed], margin: float) -> Shares:
    median, high = np.quantile([race.cost for race in races], [0.5, 0.9])
    return Shares(
        len(races),
        dict(Counter(race.take for race in races).most_common()),
        (float(median), float(high)),
        fmean(race.regret for race in races),
        fmean(race.short > margin for race in races),
        fmean(not race.is_sure for race in races),
    )


def orders(seeds: Sequence[int], count: int) -> Iterator[list[int]]:
    """The order of the seeds, and others by chance, the same whenever they are asked for."""
    draw = np.random.default_rng(0)
    yield [*seeds]
    for _ in range(count - 1):
        yield draw.permutation(seeds).tolist()


def taken(choice: Choice | None) -> str | None:
    """The best buy, else who is the least likely to be too bad."""
    if choice is None or not choice.regret:
        return None
    return choice.buy or min(choice.regret, key=lambda name: choice.regret[name])


def cells(strategies: Collection[str], seeds: Sequence[int]) -> list[Cell]:
    return [Cell(name, None, seed) for seed in seeds for name in strategies]


def _spent(recorded: Recorded, counts: Mapping[str, int], order: Sequence[int]) -> float:
    return recorded.spent(
        Cell(name, None, seed) for name, count in counts.items() for seed in order[:count]
    )
