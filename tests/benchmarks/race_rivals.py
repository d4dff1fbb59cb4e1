"""What a race is measured against: other ways to spend as many FLOPs on the same question.

A rival is an order in which cells are bought until the money ends. All of them are judged by the
race's own verdict on the cells that they bought.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import fmean

import numpy as np
import optuna

from greendapt.stats.best_buy import best_buy
from greendapt.stats.crossed import Sample, crossed
from greendapt.stats.race_replay import Cell, Recorded, Replayed, cells, outcome
from greendapt.stats.racing import SPREAD, Raced

Order = Callable[[Recorded, Sequence[int]], Iterable[Cell]]
TOP = 3


def cheapest_first(of: Recorded, seeds: Sequence[int]) -> list[Cell]:
    """Every strategy with one seed, then with two, the cheapest first."""
    return cells(of.samples, seeds)


def at_random(of: Recorded, seeds: Sequence[int]) -> list[Cell]:
    every, draw = cells(of.samples, seeds), np.random.default_rng([*seeds])
    return [every[k] for k in draw.permutation(len(every))]


def most_trained_first(of: Recorded, seeds: Sequence[int]) -> list[Cell]:
    """A fixed ranking: as many seeds as there are of who trains the most parameters, ..."""
    ranked = sorted(of.samples, key=lambda name: -of.trained[name])
    return [Cell(name, None, seed) for name in ranked for seed in seeds]


def top_after_an_epoch(of: Recorded, seeds: Sequence[int]) -> Iterator[Cell]:
    """Every strategy for an epoch of its last phase, then the best `TOP` of them to their end."""
    first = [early(of, name, seeds[0]) for name in of.samples]
    yield from first
    best = sorted(first, key=lambda cell: -score(of, cell))[:TOP]
    kept = [name for name in of.samples if name in {cell.strategy for cell in best}]
    yield from cells(kept, seeds)


def early(of: Recorded, name: str, seed: int) -> Cell:
    """Who trains nothing, or is not recorded on its way, is at its end."""
    early = Cell(name, 1, seed)
    return early if early in of.early else Cell(name, None, seed)


def score(of: Recorded, cell: Cell) -> float:
    return of.early[cell] if cell.epoch else of.samples[cell.strategy].values[cell.seed]


def successive_halving(of: Recorded, seeds: Sequence[int]) -> Iterator[Cell]:
    """Everybody with one seed, the better half with two, the better half of these with four, ..."""
    names, count = [*of.samples], 1
    while names and count <= len(seeds):
        yield from cells(names, seeds[:count])
        means = {n: fmean(of.samples[n].values[seed] for seed in seeds[:count]) for n in names}
        best = sorted(names, key=lambda name: -means[name])[: len(names) // 2]
        names, count = [name for name in of.samples if name in best], 2 * count


def through_optuna(
    of: Recorded, seeds: Sequence[int], pruner: optuna.pruners.BasePruner
) -> Iterator[Cell]:
    """A trial a strategy, side by side, a seed more a step; the mean so far decides."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    name = " ".join(map(str, seeds))  # brackets of Hyperband follow from it
    study = optuna.create_study(study_name=name, direction="maximize", pruner=pruner)
    trials = {strategy: study.ask() for strategy in of.samples}
    for count in range(1, len(seeds) + 1):
        for strategy, trial in [*trials.items()]:
            yield Cell(strategy, None, seeds[count - 1])
            mean = fmean(of.samples[strategy].values[seed] for seed in seeds[:count])
            trial.report(mean, count)
            if trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                del trials[strategy]


def optuna_halving(of: Recorded, seeds: Sequence[int]) -> Iterator[Cell]:
    return through_optuna(of, seeds, optuna.pruners.SuccessiveHalvingPruner(1, 2))


def optuna_hyperband(of: Recorded, seeds: Sequence[int]) -> Iterator[Cell]:
    return through_optuna(of, seeds, optuna.pruners.HyperbandPruner(1, len(seeds), 2))


RIVALS: dict[str, Order] = {
    "one epoch, then the top 3": top_after_an_epoch,
    "successive halving over seeds": successive_halving,
    "successive halving of Optuna": optuna_halving,
    "Hyperband of Optuna": optuna_hyperband,
    "cheapest first": cheapest_first,
    "random": at_random,
    "most parameters first": most_trained_first,
}


def bought(of: Recorded, order: Order, seeds: Sequence[int], most: float) -> Replayed:
    """What a rival says for at most so large a share of what everything takes."""
    mine: list[Cell] = []
    money = most * of.everything * (1 + 1e-9)  # as much as the race, but for rounding
    for cell in order(of, seeds):
        if of.spent([*mine, cell]) > money:
            break
        mine.append(cell)
    return judged(of, mine)


def judged(of: Recorded, mine: Sequence[Cell]) -> Replayed:
    """By the verdict on those that came to their end; the cheapest strategy where none did."""
    ended = [cell for cell in dict.fromkeys(mine) if cell.epoch is None]
    seeds: dict[str, list[int]] = {}
    for cell in ended or [Cell(next(iter(of.samples)), None, of.seeds[0])]:
        seeds.setdefault(cell.strategy, []).append(cell.seed)
    found: dict[str, Sample] = {n: s.only(seeds[n]) for n, s in of.samples.items() if n in seeds}
    model = crossed(found, prior=SPREAD)
    counts = {name: len(one) for name, one in seeds.items()}
    raced = Raced(best_buy(model, model.names, of.margin), counts)
    return outcome(of, raced, of.spent(mine))
