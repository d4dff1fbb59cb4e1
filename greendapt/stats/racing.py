"""A race on quality: strategies enter with one seed, the cheapest first, and leave early.

Costs are known before (FLOPs of every stage), so nothing is spent to learn them. The answer is that
of `greendapt.stats.best_buy`, with its errors: a race only asks for it sooner and with fewer cells.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from greendapt.stats.best_buy import EARLY, ERROR, Choice, best_buy, looks
from greendapt.stats.crossed import Crossed, Sample, crossed
from greendapt.stats.seed_spread import Prior

SPREAD = Prior(0.02, 4.0)
"""Of AUC and Dice over seeds, what one seed is judged by. Ten strategies of the default suite have
.007 to .027 over 12 seeds."""
_ENDS, _LEAVES = 0.08, 0.95
"""From which probability to be too bad a race does not end yet with its best buy, and a strategy
leaves: with them a race errs as seldom as running everything (tests/benchmarks/race_table.py)."""
_WAVES = (0.25, 0.5, 1.0)
"""Strategies enter by what they cost, in shares of the costliest."""


def waves(costs: Mapping[str, float]) -> list[list[str]]:
    """Strategies in the order in which they enter, the cheapest wave first."""
    most, entered = max(costs.values()), set[str]()
    found = []
    for share in _WAVES:
        wave = [name for name in costs if costs[name] <= share * most and name not in entered]
        entered |= {*wave}
        found += [wave] if wave else []
    return found


def nothing_better(model: Crossed, margin: float) -> bool:
    """Whether some strategy is so near to what the metric can be that no other one, tried or not,
    is better by more than ``margin``."""
    short = model.joint() < model.most - margin
    return bool(short.mean(axis=0).min() < EARLY)


def going_on(model: Crossed, choice: Choice, margin: float, left: float) -> tuple[str, ...]:
    """Who takes more seeds, of which there are ``left`` times as many; nobody where the best buy is
    found, or where even all of them would leave it open."""
    if choice.buy is not None and choice.regret[choice.buy] < _ENDS:
        return ()
    if min(model.with_more(seeds=left).regret(margin).values()) >= ERROR:
        return ()
    open_ones = (n for n, worse in choice.regret.items() if worse < _LEAVES or n in choice.between)
    return tuple(open_ones)


@dataclass(frozen=True)
class Raced:
    """A race on recorded scores: its answer, and how many seeds each strategy took.

    ``choice`` None: not even the first cell could be paid.
    """

    choice: Choice | None
    seeds: Mapping[str, int]


Affords = Callable[[Mapping[str, int]], bool]
"""Whether so many seeds of each strategy can be paid."""


def _all(taken: Mapping[str, int]) -> bool:
    del taken
    return True


def race(
    samples: Mapping[str, Sample],
    entering: Sequence[Collection[str]],
    margin: float,
    spread: Prior = SPREAD,
    affords: Affords = _all,
) -> Raced:
    """What `greendapt.run.race` would have asked for, and said.

    ``samples``: cheapest first, each with all its seeds, which are taken in their order. Cells are
    taken one by one, and the race ends before the first that it cannot pay.
    """
    counts = looks(1, min(len(sample.values) for sample in samples.values()))
    taken: dict[str, int] = {}
    for wave in entering:
        taken, paid = _grown(taken, wave, 1, affords)
        if not paid:
            return Raced(_judged(samples, taken, margin, spread)[1] if taken else None, taken)
        if nothing_better(_seen(samples, taken, spread), margin):
            break
    model, choice = _judged(samples, taken, margin, spread)
    for before, count in pairwise(counts):
        left = counts[-1] / before
        racing = going_on(model, choice, margin, left) if len(taken) > 1 else ()
        if not racing:
            break
        taken, paid = _grown(taken, racing, count, affords)
        model, choice = _judged(samples, taken, margin, spread)
        if not paid:
            break
    return Raced(choice, taken)


def _grown(
    taken: Mapping[str, int], names: Collection[str], count: int, affords: Affords
) -> tuple[dict[str, int], bool]:
    """With ``count`` seeds of these, seed by seed as they run; and whether all could be paid."""
    grown = {**taken}
    for seeds in range(1, count + 1):
        for name in names:
            if grown.get(name, 0) < seeds:
                if not affords({**grown, name: seeds}):
                    return grown, False
                grown[name] = seeds
    return grown, True


def _judged(
    samples: Mapping[str, Sample], taken: Mapping[str, int], margin: float, spread: Prior
) -> tuple[Crossed, Choice]:
    model = _seen(samples, taken, spread)
    return model, best_buy(model, model.names, margin)


def _seen(samples: Mapping[str, Sample], taken: Mapping[str, int], spread: Prior) -> Crossed:
    """Of the first seeds of those that entered."""
    cut = {
        name: sample.only([*sample.values][: taken[name]])
        for name, sample in samples.items()
        if name in taken
    }
    return crossed(cut, prior=spread)
