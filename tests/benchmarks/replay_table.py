"""Races replayed on recorded runs of everything, and their rivals: the tables of docs/recommend.md.

    python tests/benchmarks/replay_table.py

Tables that record_races.py made. Seeds come in orders of chance; the truth is what all seeds reach
on more patients than a race sees.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from race_rivals import RIVALS, bought, judged, score
from scipy.stats import norm

from greendapt.stats.best_buy import EARLY
from greendapt.stats.race_replay import (
    Cell,
    Recorded,
    Replayed,
    cells,
    orders,
    outcome,
    replayed,
    shares,
)
from greendapt.stats.racing import race, waves
from greendapt.store.race_tables import read_race_table

REPLAY = Path(__file__).parents[1] / "replay"
MARGIN, RACES = 0.02, 80
RACE, EVERYTHING, SCREENED = "the race", "everything", "the race, screened after an epoch"
_SAID = ((0.0, 0.6), (0.6, 0.8), (0.8, 0.9), (0.9, 0.95), (0.95, 1.01))


@dataclass(frozen=True)
class Gone:
    """How each way to answer a question went, in the same orders of seeds."""

    of: Recorded
    ways: Mapping[str, Sequence[Replayed]]


def questions() -> list[Recorded]:
    return [one for path in sorted(REPLAY.glob("*.csv")) for one in read_race_table(path, MARGIN)]


def gone(of: Recorded, every: Sequence[Recorded], races: int = RACES) -> Gone:
    """On one of the questions; the others say what an epoch tells."""
    ways: dict[str, list[Replayed]] = {}
    whole = judged(of, cells(of.samples, of.seeds))
    gain = gains(of, every)
    for seeds in orders(of.seeds, races):
        raced = replayed(of, seeds)
        here = {EVERYTHING: whole, RACE: raced}
        here |= {n: bought(of, order, seeds, raced.cost) for n, order in RIVALS.items()}
        here[SCREENED] = screened(of, seeds, gain)
        for name, one in here.items():
            ways.setdefault(name, []).append(one)
    return Gone(of, ways)


def gains(of: Recorded, every: Iterable[Recorded]) -> tuple[float, float]:
    """What scores gain from their first epoch to their end on other datasets: mean and SD."""
    found = [
        other.samples[cell.strategy].values[cell.seed] - early
        for other in every
        if other.question.dataset.split()[0] != of.question.dataset.split()[0]
        for cell, early in other.early.items()
    ]
    return fmean(found), stdev(found)


def screened(of: Recorded, seeds: Sequence[int], gain: tuple[float, float]) -> Replayed:
    """A race that a strategy enters only if its first epoch says that its end may be better than
    the best end so far by more than the margin."""
    tried: list[Cell] = []
    best, entering = 0.0, []
    for name in of.samples:
        early, end = Cell(name, 1, seeds[0]), Cell(name, None, seeds[0])
        if early in of.early:
            tried.append(early)
            hope = norm.sf(best + MARGIN, score(of, early) + gain[0], gain[1])
            if hope < EARLY:
                continue
        entering.append(name)
        best = max(best, score(of, end))
    samples = {name: of.samples[name].only(seeds) for name in entering}
    raced = race(samples, waves({name: of.costs[name] for name in entering}), MARGIN)
    ran = [Cell(n, None, seed) for n, count in raced.seeds.items() for seed in seeds[:count]]
    return outcome(of, raced, of.spent([*tried, *ran]))


def by_question(every: Sequence[Gone]) -> str:
    """Markdown: a line a question."""
    heads = ["data, network, labels", "everything says", "races take", "cost, median"]
    heads += ["90th percentile", "regret", "wrong", "undecided"]
    lines = []
    for one in every:
        of, mine = one.of, shares(one.ways[RACE], MARGIN)
        dataset, backbone, _, shots = of.question
        takes = ", ".join(f"{n} {k / mine.races:.0%}" for n, k in [*mine.takes.items()][:2])
        lines.append(
            [
                f"{dataset}, {backbone}, {shots}",
                of.verdict.buy or "undecided",
                *(takes, *(f"{cost:.0%}" for cost in mine.cost), f"{mine.regret:.4f}"),
                *(f"{share:.0%}" for share in (mine.wrong, mine.undecided)),
            ]
        )
    return _markdown(heads, lines, 3)


def by_way(every: Sequence[Gone]) -> str:
    """Markdown: a line for the race and each of its rivals."""
    heads = ["way", "cost, median", "90th percentile", "regret", "wrong", "undecided"]
    heads += ["an adaptation costs"]
    lines = []
    for name in every[0].ways:
        of = shares([race for one in every for race in one.ways[name]], MARGIN)
        then = fmean(
            one.of.costs[race.take] / max(one.of.costs.values())
            for one in every
            for race in one.ways[name]
        )
        lines.append(
            [
                name,
                *(f"{cost:.0%}" for cost in of.cost),
                f"{of.regret:.4f}",
                *(f"{share:.1%}" for share in (of.wrong, of.undecided)),
                f"{then:.0%}",
            ]
        )
    return _markdown(heads, lines, 1)


def by_said(every: Sequence[Gone]) -> str:
    """Markdown: how often races were right that said so."""
    races = [race for one in every for race in one.ways[RACE]]
    lines = []
    for low, high in _SAID:
        here = [race for race in races if low <= race.probability < high]
        if here:
            said, right = (fmean(one.probability for one in here), _right(here))
            top = min(high, 1.0)
            lines.append(
                [f"{low:.0%} to {top:.0%}", f"{len(here):,}", f"{said:.0%}", f"{right:.0%}"]
            )
    return _markdown(["said", "races", "mean", "right"], lines, 1)


def _right(races: Sequence[Replayed]) -> float:
    return fmean(race.short <= MARGIN for race in races)


def _markdown(heads: Sequence[str], lines: Iterable[Sequence[str]], texts: int) -> str:
    rule = [*["---"] * texts, *["---:"] * (len(heads) - texts)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rule, *lines)) + "\n"


if __name__ == "__main__":
    asked = questions()
    done = [gone(one, asked) for one in asked]
    sys.stdout.write("\n".join(table(done) for table in (by_way, by_said, by_question)))
