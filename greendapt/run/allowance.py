"""Whether a run with a budget may begin its next stage: what is spent, what the stage may take.

A stage may begin where what this command has spent, what others are at and what the stage takes at
most come to no more than the budget. Predictions are those of a plan; as stages finish, a stage of
the same title that was planned alike is expected to take what those took, and another one of the
same kind as much more or less than its plan as these did.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import mean
from typing import Any

from greendapt.accounting.grid import Grid
from greendapt.accounting.hourly import Spell
from greendapt.core.errors import RunError
from greendapt.core.figures import Figure
from greendapt.core.records import Kind, Record
from greendapt.run.budget import Budget

UNSEEN = 0.5
"""What is added to a prediction while fewer than two stages of its kind have finished."""
USUAL = 0.25
"""What is added later: so much, or twice what predictions of its kind missed by where that is
more. What is not spent for it is a part of one stage; what would be exceeded without it, too."""


@dataclass(frozen=True)
class Price:
    """What a stage is predicted to take: an ``amount`` in J or, for a budget of time, in s; 0 where
    it need not run. ``at_most``: a stop rule may end it earlier."""

    title: str
    kind: Kind
    amount: float
    at_most: bool = False


@dataclass(frozen=True)
class Terms:
    """What a budget is for, in plain values that a worker can be sent.

    ``prices``: of every stage of the plan by its key. ``begun_at``: when this command began.
    ``before``: records that there were (see `identity`), which this command has not paid.
    ``timed``: what the prediction itself took, in s and as an amount. ``comparable``: whether
    records of before are of this machine, so that they tell what a stage takes.
    """

    budget: Budget
    prices: dict[str, Price]
    begun_at: str
    before: frozenset[str] = frozenset()
    timed: tuple[float, float] = (0.0, 0.0)
    comparable: bool = True


@dataclass(frozen=True)
class Standing:
    """How a run with a budget ended: what it ``spent``, what the ``rest`` would take, in its unit.

    ``stopped_before``: the label of the stage there was no room for, which may take ``next``; None:
    the run is finished. ``done``: of ``cells`` that are due by now.
    """

    budget: Budget
    spent: float
    rest: float
    stopped_before: str | None
    next: float
    done: int
    cells: int

    def sentences(self, run: str) -> list[str]:
        """For the reader; ``run``: its folder."""
        budget = self.budget
        spent = f"spent {budget.words(self.spent)} of {budget}"
        if self.stopped_before is None:
            return [spent]
        more = Budget(max(budget.limit, _rounded_up(self.next)), budget.unit)
        return [
            f"stopped before {self.stopped_before}, which may take {budget.words(self.next)}: "
            f"{spent}",
            f"{self.done} of {self.cells} cells are done; the rest would take about "
            f"{budget.words(self.rest)}; go on with: greendapt resume {run} --budget {more.option}",
        ]

    def as_table(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "unit": self.budget.unit,
            "limit": self.budget.limit,
            "spent": self.spent,
            "rest": self.rest,
            "stopped_before": self.stopped_before,
            "next": self.next,
            "cells_done": self.done,
            "cells": self.cells,
        }


def identity(record: Record) -> str:
    """Of a record among those of its run: a stage that runs again has several."""
    return f"{record.key} {record.started_at}"


@dataclass(frozen=True)
class Allowance:
    """Asked before every stage. ``grid_of``: the grid of work at some time.

    ``records`` are always all those of the run, also earlier ones of the same stage. Raises
    RunError where a budget in grams meets an hour whose intensity is not known.
    """

    terms: Terms
    grid_of: Callable[[Sequence[Spell]], Grid]

    @property
    def budget(self) -> Budget:
        return self.terms.budget

    def allows(self, key: str, records: Sequence[Record], held: Iterable[str] = ()) -> bool:
        """Whether the stage may begin while others are at the stages ``held``."""
        seen = _Seen.of(self.terms, records)
        wanted = [key, *(one for one in held if one in self.terms.prices)]
        most = sum(seen.most(one) for one in wanted)
        return self.spent(records) + self._to_come(most) <= self.budget.limit

    def spent(self, records: Sequence[Record]) -> float:
        """What this command's stages, and predicting them, took."""
        timed_s, timed = self.terms.timed
        spells = [Spell(_second(self.terms.begun_at), timed_s, timed)] if timed else []
        spells += [
            Spell(_second(one.started_at), one.value("wall_s") or 0.0, _taken(self.terms, one))
            for one in records
            if _is_new(self.terms, one)
        ]
        return self._in_unit(spells)

    def most(self, key: str, records: Sequence[Record]) -> float:
        """What the next stage may take: its prediction, and what that may be wrong by."""
        return self._to_come(_Seen.of(self.terms, records).most(key))

    def rest(self, keys: Sequence[str], records: Sequence[Record]) -> float:
        """What stages that are still to come will take."""
        seen = _Seen.of(self.terms, records)
        return self._to_come(sum(seen.expected(key) for key in keys))

    def _to_come(self, amount: float) -> float:
        """On the grid as it is now."""
        return self._in_unit([Spell(time.time(), 1.0, amount)])

    def _in_unit(self, work: Sequence[Spell]) -> float:
        """The sum of its amounts, as grams where the budget is in grams."""
        total = sum(one.joules for one in work)
        if self.budget.unit != "g" or not total:
            return total
        grid = self.grid_of([one for one in work if one.joules])
        grams = grid.carbon(Figure.measured(total, "J", "stages")).value
        if grams is None:
            raise RunError(f"a budget in g needs the grid's intensity: {grid.source}")
        return grams


@dataclass
class _Kind:
    """Finished stages of a kind: how many, what they took, what they were planned to take, and by
    how much predictions from the others would have missed."""

    count: int = 0
    taken: float = 0.0
    planned: float = 0.0
    missed: float = 0.0

    def expected(self, price: Price) -> float:
        return price.amount * self.taken / self.planned if self.count else price.amount

    @property
    def doubt(self) -> float:
        """What may come on top of a prediction, as a share."""
        if self.count < 2:
            return UNSEEN
        return max(USUAL, 2 * self.missed / self.taken) if self.taken else USUAL


@dataclass(frozen=True)
class _Seen:
    """What finished stages tell of those to come. ``alike``: what those of one title and plan
    took."""

    terms: Terms
    alike: Mapping[tuple[str, float], list[float]]
    kinds: Mapping[Kind, _Kind]

    @classmethod
    def of(cls, terms: Terms, records: Sequence[Record]) -> _Seen:
        pairs = [
            (price, _taken(terms, one))
            for one in records
            if one.status == "done" and (terms.comparable or _is_new(terms, one))
            if (price := terms.prices.get(one.key)) is not None and price.amount > 0
        ]
        alike: dict[tuple[str, float], list[float]] = defaultdict(list)
        kinds: dict[Kind, _Kind] = defaultdict(_Kind)
        for price, taken in pairs:
            alike[price.title, price.amount].append(taken)
            kind = kinds[price.kind]
            kind.count, kind.taken = kind.count + 1, kind.taken + taken
            kind.planned += price.amount
        for price, taken in pairs:
            same, kind = alike[price.title, price.amount], kinds[price.kind]
            others = len(same) / (len(same) - 1) if len(same) > 1 else 1.0
            fit = mean(same) if len(same) > 1 else kind.expected(price)
            kind.missed += others * abs(taken - fit)
        return cls(terms, alike, kinds)

    def expected(self, key: str) -> float:
        """In J or s, as amounts are."""
        price = self.terms.prices[key]
        same = self.alike.get((price.title, price.amount))
        value = mean(same) if same else self._kind(price).expected(price)
        return max(value, price.amount) if price.at_most else value

    def most(self, key: str) -> float:
        """With what it may well be more."""
        price = self.terms.prices[key]
        same = self.alike.get((price.title, price.amount), [])
        return max((1 + self._kind(price).doubt) * self.expected(key), *same, 0.0)

    def _kind(self, price: Price) -> _Kind:
        return self.kinds.get(price.kind, _Kind())


def _is_new(terms: Terms, record: Record) -> bool:
    """Whether this command paid it. Generic weights that were there leave their first record."""
    if record.reused or identity(record) in terms.before:
        return False
    return record.role != "sunk" or _second(record.started_at) >= _second(terms.begun_at)


def _taken(terms: Terms, record: Record) -> float:
    """A stage that failed has no figures: then what was planned of it."""
    value = record.value(terms.budget.figure)
    if value is not None:
        return value
    price = terms.prices.get(record.key)
    return 0.0 if price is None else price.amount


def _rounded_up(amount: float) -> float:
    """To two digits."""
    step = 10.0 ** (math.floor(math.log10(amount)) - 1) if amount > 0 else 1.0
    return math.ceil(amount / step) * step


def _second(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
