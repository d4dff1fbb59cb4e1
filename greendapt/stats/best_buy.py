"""The best buy: the cheapest strategy that is as good as the best one, as far as can be told.

A margin is part of the question: so much worse is as good. Best buy is the cheapest strategy whose
probability of being worse than the best one by more than the margin is under `ERROR`, all
strategies judged together; where there is none, the answer is undecided.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from greendapt.stats.crossed import Crossed

ERROR = 0.10
EARLY = 0.06
"""Under which it must be for a run to end before its last look: all looks share one error."""
MOST_SEEDS = 64
_MOST_PATIENTS = 64.0  # times those there are


@dataclass(frozen=True)
class Choice:
    """``buy`` None: undecided, above all ``between`` these two, the cheaper one first.

    ``regret``: each strategy's probability to be worse than the best by more than the margin.
    """

    buy: str | None
    between: tuple[str, ...]
    regret: dict[str, float]

    @property
    def is_settled(self) -> bool:
        """Whether no further look is needed."""
        return self.buy is not None and self.regret[self.buy] < EARLY

    @property
    def racing(self) -> tuple[str, ...]:
        """Strategies that more seeds may still make the best buy, or show to be the best."""
        return tuple(
            name
            for name, worse in self.regret.items()
            if worse < 1 - ERROR / 10 or name in self.between
        )


@dataclass(frozen=True)
class Need:
    """What would decide, were the means to stay: so many ``more`` seeds a strategy, or test
    patients in all; ``nothing`` where even many times as many would not."""

    of: Literal["seeds", "patients", "nothing"]
    more: int = 0


def best_buy(model: Crossed, cheapest_first: Sequence[str], margin: float) -> Choice:
    """Of the strategies of ``model``, all of them in ``cheapest_first``."""
    regret = model.regret(margin)
    buy = next((name for name in cheapest_first if regret[name] < ERROR), None)
    likely = sorted(cheapest_first, key=lambda name: regret[name])[:2]
    return Choice(buy, tuple(sorted(likely, key=cheapest_first.index)), regret)


def needed(model: Crossed, margin: float, seeds: int) -> Need:
    """What would decide an undecided question of so many ``seeds`` a strategy."""

    def decides(**more: float) -> bool:
        return min(model.with_more(**more).regret(margin).values()) < ERROR

    totals = range(seeds + 1, MOST_SEEDS + 1)
    if seeds > 1 and totals and decides(seeds=MOST_SEEDS / seeds):
        found = bisect_left(totals, True, key=lambda total: decides(seeds=total / seeds))
        return Need("seeds", totals[found] - seeds)
    times = 1.0
    while model.cases and times < _MOST_PATIENTS:
        times *= 1.25
        if decides(patients=times):
            return Need("patients", 10 * round(model.cases * times / 10))
    return Need("nothing")


def looks(first: int, last: int) -> tuple[int, ...]:
    """After how many seeds to judge, from ``first`` to ``last``: 3, 5, 8, 13, 20.

    How often all looks together err is simulated (tests/benchmarks/verdict_table.py).
    """
    planned = [first]
    while planned[-1] < last:
        planned.append(min(last, max(planned[-1] + 1, round(1.6 * planned[-1]))))
    return tuple(planned)
