"""A race on quality: strategies enter with one seed, the cheapest first, and leave early.

Costs are known before (FLOPs of every stage), so nothing is spent to learn them. The answer is that
of `greendapt.stats.best_buy`, with its errors: a race only asks for it sooner and with fewer cells.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
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
    """A race on recorded scores: its answer, and how many seeds each strategy took."""

    choice: Choice
    seeds: Mapping[str, int]


def race(
    samples: Mapping[str, Sample],
    entering: Sequence[Collection[str]],
    margin: float,
    spread: Prior = SPREAD,
) -> Raced:
    """What `greendapt.run.race` would have asked for, and said.

    ``samples``: cheapest first, each with all its seeds, which are taken in their order.
    """
    counts = looks(1, min(len(sample.values) for sample in samples.values()))
    taken: dict[str, int] = {}
    for wave in entering:
        taken |= dict.fromkeys(wave, 1)
        model = _seen(samples, taken, spread)
        if nothing_better(model, margin):
            break
    choice = best_buy(model, model.names, margin)
    for before, count in pairwise(counts):
        left = counts[-1] / before
        racing = going_on(model, choice, margin, left) if len(taken) > 1 else ()
        if not racing:
            break
        taken |= dict.fromkeys(racing, count)
        model = _seen(samples, taken, spread)
        choice = best_buy(model, model.names, margin)
    return Raced(choice, taken)


def _seen(samples: Mapping[str, Sample], taken: Mapping[str, int], spread: Prior) -> Crossed:
    """Of the first seeds of those that entered."""
    cut = {}
    for name in (one for one in samples if one in taken):
        whole, seeds = samples[name], [*samples[name].values][: taken[name]]
        values = {seed: whole.values[seed] for seed in seeds}
        draws = {seed: whole.draws[seed] for seed in seeds if seed in whole.draws}
        cut[name] = Sample(values, draws, whole.patients)
    return crossed(cut, prior=spread)
