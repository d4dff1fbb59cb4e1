"""What would make a race decide more often, on recorded runs: a table of docs/recommend.md.

    python tests/benchmarks/race_settings.py

Settings of the race are changed one by one; what they learn, they learn on the other datasets.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import fmean, variance
from unittest.mock import patch

from replay_table import MARGIN, questions

from greendapt.stats import best_buy, race_replay, racing
from greendapt.stats.crossed import Crossed
from greendapt.stats.race_replay import Recorded, Replayed, orders, replayed, shares
from greendapt.stats.seed_spread import Prior

RACES = 20


@dataclass(frozen=True)
class Setting:
    """``error``: under which a best buy is named. ``gives_up``: from which it is not looked for
    any longer, where all seeds would leave it. ``learnt``: the prior of the spread over seeds is
    that of other datasets. ``shrunken``: means are drawn towards one another."""

    error: float = best_buy.ERROR
    gives_up: float = best_buy.ERROR
    learnt: bool = False
    shrunken: bool = False


SETTINGS = {
    "as it is": Setting(),
    "gives up from 20%": Setting(gives_up=0.2),
    "gives up from 25%": Setting(gives_up=0.25),
    "gives up from 30%": Setting(gives_up=0.3),
    "never gives up": Setting(gives_up=1.1),
    "names from 80% on": Setting(error=0.2, gives_up=0.2),
    "names from 70% on": Setting(error=0.3, gives_up=0.3),
    "seed SD of other datasets": Setting(learnt=True),
    "means drawn together": Setting(shrunken=True),
}


@contextmanager
def changed(setting: Setting, of: Recorded, every: Sequence[Recorded]) -> Iterator[None]:
    joint = Crossed.joint

    def drawn(model: Crossed) -> object:
        return joint(model) if len(model.names) < 4 else model.shrunken()

    spread = Prior(seed_sd(of, every), racing.SPREAD.freedom) if setting.learnt else racing.SPREAD

    def race(*asked: object, affords: Callable[..., bool]) -> racing.Raced:
        return racing.race(*asked, spread, affords)  # type: ignore[arg-type]

    with (
        patch.object(best_buy, "ERROR", setting.error),
        patch.object(racing, "ERROR", setting.gives_up),
        patch.object(racing, "_ENDS", 0.8 * setting.error),
        patch.object(race_replay, "race", race),
        patch.object(Crossed, "joint", drawn if setting.shrunken else joint),
    ):
        yield


def seed_sd(of: Recorded, every: Sequence[Recorded]) -> float:
    """Over seeds on other datasets, in the middle of the range (`Prior`)."""
    found = []
    for other in every:
        if other.question.dataset.split()[0] != of.question.dataset.split()[0]:
            for sample in other.samples.values():
                values = [*sample.values.values()]
                found.append(variance(values) / (4 * fmean(values) * (1 - fmean(values)) + 1e-4))
    return fmean(found) ** 0.5


def raced(setting: Setting, every: Sequence[Recorded]) -> list[Replayed]:
    gone = []
    for of in every:
        assert of.verdict  # everything's, as it is, before anything is changed
        with changed(setting, of, every):
            gone += [replayed(of, order) for order in orders(of.seeds, RACES)]
    return gone


def _right(races: Sequence[Replayed]) -> str:
    return f"{fmean(race.short <= MARGIN for race in races):.0%}" if races else "-"


def main() -> None:
    heads = ("setting", "cost, median", "90th percentile", "regret", "wrong", "undecided")
    sys.stdout.write(f"| {' | '.join((*heads, 'named: right', 'said 90% or more: right'))} |\n")
    sys.stdout.write(f"| --- |{' ---: |' * 7}\n")
    every = questions()
    for name, setting in SETTINGS.items():
        gone = raced(setting, every)
        of = shares(gone, MARGIN)
        figures = [*(f"{cost:.0%}" for cost in of.cost), f"{of.regret:.4f}"]
        figures += [f"{share:.1%}" for share in (of.wrong, of.undecided)]
        figures.append(_right([race for race in gone if race.is_sure]))
        figures.append(_right([race for race in gone if race.probability >= 0.9]))
        sys.stdout.write(f"| {name} | {' | '.join(figures)} |\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
