"""Rules beside each other on recorded trajectories. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from greendapt.core.errors import DataError
from greendapt.stats.intervals import Interval
from greendapt.stats.rule_replay import (
    Replayed,
    Totals,
    agreement,
    leave_one_dataset_out,
    replay,
    spearman,
    totals,
    weighted_kendall,
)
from greendapt.stats.rules import Fixed, lengths, named
from greendapt.stats.series import Series
from greendapt.suite.stop_rules import Rule


@dataclass(frozen=True)
class Row:
    """One rule over all series. ``settings``: what was chosen for each dataset on the others;
    empty where nothing was to choose."""

    rule: str
    totals: Totals
    settings: Mapping[str, str]


@dataclass(frozen=True)
class Agreement:
    """How a score ranks the epochs of a series, against how they did downstream."""

    score: str
    spearman: Interval
    weighted_kendall: Interval


@dataclass(frozen=True)
class Terms:
    """What the comparison holds to.

    budget_share
        Of full length: what a chosen setting may pay on the datasets it is chosen on.
    tie
        Differences in quality up to that are none.
    transfer_epochs
        What one transfer costs, in epochs of pre-training.
    """

    budget_share: float = 0.5
    tie: float = 0.1
    transfer_epochs: float = 1.0
    seed: int = 0


def compare(series: Sequence[Series], rules: Sequence[str], terms: Terms) -> list[Row]:
    """Replay each of ``rules`` (see `greendapt.stats.rules.named`, and ``random``) on all series.

    Where a rule leaves settings open, or its score is a pattern, they are chosen for each dataset
    on the other datasets: least regret within the budget. Raises DataError where a score is
    missing or nothing can be chosen.
    """
    full = float(np.mean([one.epochs[-1] for one in series]))
    rows = []
    for rule in rules:
        candidates = _random(series) if rule == "random" else _candidates(series, rule, terms)
        settings: dict[str, str] = {}
        replayed: Sequence[Replayed] = next(iter(candidates.values()))
        if len(candidates) > 1:
            replayed, settings = _chosen(candidates, terms.budget_share * full)
        rows.append(Row(rule, totals(series, replayed, tie=terms.tie, seed=terms.seed), settings))
    return rows


def usual(series: Sequence[Series]) -> list[str]:
    """What is compared where nothing is asked for: fixed lengths, a random epoch, rules on the
    scores that all series have, and transfers."""
    horizon = _horizon(series)
    rules = [*fixed_lengths(series), "random"]
    several = len({one.dataset for one in series}) > 1
    for score in common_scores(series):
        rules.append(f"best:{horizon}@{score}")
        rules += [f"patience:{looks}@{score}" for looks in (1, 2, 3)]
        rules += [] if several else [f"gain:0@{score}"]
    if several and "robustness" in common_scores(series):
        rules += ["patience@robustness*", "gain@robustness*"]
    seeds = min(len(one.quality) for one in series)
    if seeds > 1:
        rules += [f"patience:{looks}@transfer:1" for looks in (1, 2, 3)]
    if several:
        rules += [f"gain@transfer:{k}" for k in (1, 2) if k < seeds]
    return rules


def fixed_lengths(series: Sequence[Series]) -> list[str]:
    """A rule for each of the recorded epochs that are nearest to sixths of full length."""
    recorded = np.array(sorted({int(epoch) for one in series for epoch in one.epochs}))
    nearest = {int(recorded[np.abs(recorded - n).argmin()]) for n in lengths(_horizon(series))}
    return [f"fixed:{epochs}" for epochs in sorted(nearest)]


def common_scores(series: Sequence[Series]) -> list[str]:
    """The scores that all series have, variants (``robustness:l2:...``) left out."""
    common = set.intersection(*(set(one.scores) for one in series))
    return sorted(name for name in common if ":" not in name)


def _horizon(series: Sequence[Series]) -> int:
    return max(int(one.epochs[-1]) for one in series)


def agreements(series: Sequence[Series], scores: Sequence[str], seed: int = 0) -> list[Agreement]:
    """Of each score; DataError for one that some series does not have."""
    for score in scores:
        without = next((one.name for one in series if score not in one.scores), None)
        if without is not None:
            raise DataError(f"{without} has no score '{score}'")
    return [
        Agreement(
            score,
            agreement(series, score, spearman, seed),
            agreement(series, score, weighted_kendall, seed),
        )
        for score in scores
    ]


def _chosen(
    candidates: Mapping[str, Sequence[Replayed]], budget: float
) -> tuple[list[Replayed], dict[str, str]]:
    try:
        return leave_one_dataset_out(candidates, budget)
    except ValueError as error:
        raise DataError(f"{error}; say the rule's settings, as in gain:0.3:4@SCORE") from error


def _candidates(series: Sequence[Series], rule: str, terms: Terms) -> dict[str, list[Replayed]]:
    """Every setting and score that ``rule`` leaves open."""
    choice = named(rule, _horizon(series))
    replayed = {}
    for score in _scores(series, choice.score):
        for name, one in choice.rules.items():
            full_name = name if score is None else f"{name}@{score}"
            replayed[full_name] = _each(series, one, score, terms)
    return replayed


def _each(series: Sequence[Series], rule: Rule, score: str | None, terms: Terms) -> list[Replayed]:
    try:
        return [replay(s, rule, score, transfer_epochs=terms.transfer_epochs) for s in series]
    except ValueError as error:
        raise DataError(str(error)) from error


def _scores(series: Sequence[Series], pattern: str | None) -> list[str | None]:
    if pattern is None or "*" not in pattern:
        return [pattern]
    every = set.intersection(*(set(one.scores) for one in series))
    fitting = sorted(name for name in every if fnmatchcase(name, pattern))
    if not fitting:
        raise DataError(f"no score of all series is called {pattern}")
    return [*fitting]


def _random(series: Sequence[Series]) -> dict[str, list[Replayed]]:
    """An epoch of the series drawn at random, in the mean."""
    return {"random": [_average([replay(s, Fixed(int(e))) for e in s.epochs]) for s in series]}


def _average(replayed: Sequence[Replayed]) -> Replayed:
    def mean(field: str) -> float:
        return float(np.mean([getattr(one, field) for one in replayed]))

    first = replayed[0]
    return Replayed(
        first.series,
        first.dataset,
        regret=mean("regret"),
        paid=mean("paid"),
        kept=mean("kept"),
        looks=mean("looks"),
        versus_full=mean("versus_full"),
    )
