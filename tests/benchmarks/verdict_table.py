"""How often a best buy is wrong, undecided or another one when the run is repeated, on simulated
runs, by the present rule and by the one before: the tables of docs/reading-a-report.md.

    python tests/benchmarks/verdict_table.py

Eight strategies, the cheapest first. A score is that of its strategy, moved by the seed, by the
patients that all strategies share (their errors correlate by .85 between strategies and by .95
between seeds of one, as measured on the suite chestxray) and by both together. The standard error
over patients is .027 at 221 images. Coverage is of AUCs and Dice computed from simulated images.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from greendapt.stats.best_buy import best_buy, looks
from greendapt.stats.crossed import Crossed, Sample, crossed
from greendapt.stats.intervals import cluster_bootstrap, macro_auc, t_interval, weighted_macro_auc
from greendapt.stats.pareto import front_probability, pareto_front

Floats = NDArray[np.float64]

MARGIN = 0.02
GAPS: dict[str, tuple[float, ...]] = {
    "0": (0.0,) * 8,
    ".01": (0.01,) * 7 + (0.0,),
    ".02": (0.02,) * 7 + (0.0,),
    ".05": (0.05,) * 7 + (0.0,),
    "0 to .05": tuple(np.linspace(0.05, 0, 8)),
}
SPREADS = (0.01, 0.02)
IMAGES = (100, 221, 1000)
LOOKS = looks(3, 20)
_BETWEEN, _BOTH, _SE, _DRAWS = 0.85, 0.05, 0.027, 300


@dataclass(frozen=True)
class World:
    """True scores (K,); what a run of all seeds sees: values (K, S), patients drawn (K, S, B)."""

    true: Floats
    values: Floats
    draws: Floats

    def seen(self, seeds: int) -> Crossed:
        names = range(len(self.true))
        return crossed(
            {
                str(k): Sample(
                    dict(enumerate(self.values[k, :seeds])), dict(enumerate(self.draws[k, :seeds]))
                )
                for k in names
            }
        )

    def is_wrong(self, buy: int) -> bool:
        return bool(self.true.max() - self.true[buy] > MARGIN + 1e-9)


def world(draw: np.random.Generator, gaps: Sequence[float], spread: float, images: int) -> World:
    count, seeds = len(gaps), LOOKS[-1]
    error = _SE * np.sqrt(221 / images)
    shared = (1 - _BOTH) * (_BETWEEN + (1 - _BETWEEN) * np.eye(count)) * error**2
    root = np.linalg.cholesky(shared)
    own = np.sqrt(_BOTH) * error
    true = 0.8 - np.asarray(gaps)
    values = (true + root @ draw.standard_normal(count))[:, None]
    values = values + np.hypot(spread, own) * draw.standard_normal((count, seeds))
    moved = (root @ draw.standard_normal((count, _DRAWS)))[:, None, :]
    moved = moved + own * draw.standard_normal((count, seeds, _DRAWS))
    return World(true, values, values[:, :, None] + moved)


def before(seen: World, seeds: int) -> int:
    """The rule until version 1: the cheapest on the front that no other one beats by a paired t."""
    values = seen.values[:, :seeds]
    means = values.mean(axis=1)
    front = pareto_front(np.arange(len(means)), means)
    for k in np.flatnonzero(front):
        highs = [t_interval(values[k] - other).high for other in values]
        if not any(high is not None and high < 0 for high in highs):
            return int(k)
    raise AssertionError("the best one is never beaten")


def judged(seen: World, seeds: int) -> tuple[int | None, bool]:
    """The best buy, and whether a run that may take more seeds ends with it."""
    names = [str(k) for k in range(len(seen.true))]
    choice = best_buy(seen.seen(seeds), names, MARGIN)
    return None if choice.buy is None else int(choice.buy), choice.is_settled


@dataclass(frozen=True)
class Row:
    """Shares of the runs; ``agree`` of pairs of runs that both decide: the same name, and the same
    within the margin. ``seeds``: how many it took."""

    cell: tuple[str, float, int]
    old_wrong: float
    wrong: float
    undecided: float
    late_wrong: float
    late_undecided: float
    same: float
    agree: float
    seeds: float


def rows(trials: int = 300, cells: Sequence[tuple[str, float, int]] = ()) -> Iterator[Row]:
    """Every cell on draws of its own."""
    every = [(gap, sd, n) for gap in GAPS for sd in SPREADS for n in IMAGES]
    for cell in cells or every:
        gap, sd, images = cell
        draw = np.random.default_rng(0)
        old, first, late, taken = 0, Counter[str](), Counter[str](), []
        buys: list[tuple[int, float]] = []
        for _ in range(trials):
            seen = world(draw, GAPS[gap], sd, images)
            old += seen.is_wrong(before(seen, LOOKS[0]))
            for seeds in LOOKS:
                buy, is_settled = judged(seen, seeds)
                if seeds == LOOKS[0]:
                    first[_outcome(seen, buy)] += 1
                if is_settled:
                    break
            buys += [] if buy is None else [(buy, seen.true[buy])]
            late[_outcome(seen, buy)] += 1
            taken.append(seeds)
        same, agree = _agreement(buys)
        yield Row(
            cell,
            old / trials,
            first["wrong"] / trials,
            first["undecided"] / trials,
            late["wrong"] / trials,
            late["undecided"] / trials,
            same,
            agree,
            float(np.mean(taken)),
        )


def _outcome(seen: World, buy: int | None) -> str:
    return "undecided" if buy is None else "wrong" if seen.is_wrong(buy) else "right"


def _agreement(buys: Sequence[tuple[int, float]]) -> tuple[float, float]:
    names, scores = np.array([b for b, _ in buys]), np.array([s for _, s in buys])
    pairs = ~np.eye(len(buys), dtype=bool)
    if not pairs.any():
        return np.nan, np.nan
    near = np.abs(scores[:, None] - scores) <= MARGIN + 1e-9
    return float((names[:, None] == names)[pairs].mean()), float(near[pairs].mean())


def table(found: Sequence[Row]) -> str:
    """Markdown."""
    heads = [
        *("gaps", "seed SD", "images", "old rule wrong", "wrong", "undecided"),
        *("3..20: wrong", "undecided", "seeds", "same name", "same within .02"),
    ]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for row in found:
        gap, sd, images = row.cell
        shares = [row.old_wrong, row.wrong, row.undecided, row.late_wrong, row.late_undecided]
        told = [f"{share:.1%}" for share in shares]
        ends = [f"{row.seeds:.1f}", *(_share(one) for one in (row.same, row.agree))]
        lines.append([gap, f"{sd:.2f}", f"{images:,}", *told, *ends])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _share(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.0%}"


# --- coverage ---------------------------------------------------------------------------------

_COVERED = [
    ("AUC", patients, level) for patients in (40, 100, 300) for level in (0.6, 0.8, 0.9, 0.97)
]
_COVERED += [("Dice", patients, level) for patients in (40, 100, 300) for level in (0.6, 0.9, 0.97)]


def covered(
    trials: int = 300, cells: Sequence[tuple[str, int, float]] = (), seeds: int = 3
) -> Iterator[tuple[str, int, float, float, float]]:
    """Share of 95% intervals that hold the truth: of a score, of a difference; three strategies,
    the third worse by .03, seed SD .015."""
    for metric, patients, level in cells or _COVERED:
        draw, hits = np.random.default_rng(0), ([], [])
        for _ in range(trials):
            true, model = _MADE[metric](draw, patients, level, seeds)
            for k, name in enumerate(model.names):
                hits[0].append(_holds(model.interval(name), true[k]))
            for one, other in ((0, 1), (0, 2)):
                gap = model.difference(str(one), str(other))
                hits[1].append(_holds(gap, true[one] - true[other]))
        yield metric, patients, level, float(np.mean(hits[0])), float(np.mean(hits[1]))


def _holds(interval: tuple[float, float | None, float | None], true: float) -> bool:
    _, low, high = interval
    return low is not None and high is not None and low <= true <= high


_NODES = np.linspace(-4, 4, 81)
_WEIGHTS = norm.pdf(_NODES) / norm.pdf(_NODES).sum()
_LEVELS = (0.0, 0.0, 0.03)
_SD = 0.015


def _aucs(
    draw: np.random.Generator, patients: int, level: float, seeds: int
) -> tuple[list[float], Crossed]:
    """Binormal scores, two in five ill; most of a patient's difficulty is the same for all."""
    ill = draw.permutation(patients) < round(0.4 * patients)
    slope = norm.pdf(norm.ppf(level)) / np.sqrt(2)
    base = np.sqrt(0.85) * draw.standard_normal(patients)
    true, samples = [], {}
    for k, worse in enumerate(_LEVELS):
        centre = np.sqrt(2) * norm.ppf(level - worse)
        own = base + np.sqrt(0.10) * draw.standard_normal(patients)
        values, draws = {}, {}
        for seed in range(seeds):
            apart = centre + _SD / slope * draw.standard_normal()
            scores = own + np.sqrt(0.05) * draw.standard_normal(patients) + apart * ill
            statistic = weighted_macro_auc(ill.astype(int), scores)
            values[seed] = macro_auc(ill.astype(int), scores)
            draws[seed] = cluster_bootstrap(statistic, np.arange(patients), _DRAWS)
        true.append(float(norm.cdf((centre + _SD / slope * _NODES) / np.sqrt(2)) @ _WEIGHTS))
        samples[str(k)] = Sample(values, draws, patients)
    return true, crossed(samples)


def _dices(
    draw: np.random.Generator, patients: int, level: float, seeds: int
) -> tuple[list[float], Crossed]:
    """Means of beta-like values: normal ones through the logistic curve."""

    def dice(logits: Floats) -> Floats:
        return 1 / (1 + np.exp(-logits))

    base = draw.standard_normal(patients)
    grid = np.sqrt(1.15) * 0.6 * _NODES
    slope = level * (1 - level)
    true, samples = [], {}
    for k, worse in enumerate(_LEVELS):
        centre = np.log((level - worse) / (1 - level + worse))
        own = base + np.sqrt(0.10) * draw.standard_normal(patients)
        values, draws = {}, {}
        for seed in range(seeds):
            at = centre + _SD / slope * draw.standard_normal()
            of = dice(at + 0.6 * (own + np.sqrt(0.05) * draw.standard_normal(patients)))
            values[seed] = float(of.mean())
            draws[seed] = cluster_bootstrap(
                lambda w, of=of: w @ of / w.sum(axis=1), np.arange(patients), _DRAWS
            )
        moved = centre + _SD / slope * _NODES[:, None] + grid
        true.append(float(_WEIGHTS @ dice(moved) @ _WEIGHTS))
        samples[str(k)] = Sample(values, draws, patients)
    return true, crossed(samples)


_MADE = {"AUC": _aucs, "Dice": _dices}


def coverage_table(found: Sequence[tuple[str, int, float, float, float]]) -> str:
    """Markdown."""
    heads = ["metric", "patients", "level", "score held", "difference held"]
    lines = [heads, ["---", *["---:"] * 4]]
    for metric, patients, level, score, gap in found:
        lines.append([metric, str(patients), f"{level:g}", f"{score:.1%}", f"{gap:.1%}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


# --- the front --------------------------------------------------------------------------------


def front(trials: int = 1600) -> list[tuple[float, float, int]]:
    """Said and true share on the front, and how many, by tenths of what is said: eight strategies
    of rising cost, true scores drawn anew for each run, 3 seeds, seed SD .02, 221 images."""
    draw, said, true = np.random.default_rng(0), [], []
    for _ in range(trials):
        gaps = np.abs(draw.normal(0, 0.03, 8))
        seen = world(draw, tuple(gaps), 0.02, 221)
        scores = seen.seen(3).shrunken()
        costs = np.broadcast_to(np.arange(8.0), scores.shape)
        said += front_probability(costs, scores).tolist()
        true += pareto_front(np.arange(8.0), seen.true).tolist()
    tenth = np.minimum((np.array(said) * 10).astype(int), 9)
    return [
        (float(np.array(said)[at].mean()), float(np.array(true)[at].mean()), int(at.sum()))
        for at in (tenth == k for k in range(10))
        if at.any()
    ]


def front_table(found: Sequence[tuple[float, float, int]]) -> str:
    """Markdown."""
    lines = [["said", "true", "strategies"], ["---:"] * 3]
    lines += [[f"{said:.0%}", f"{true:.0%}", str(count)] for said, true, count in found]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table(list(rows())) + "\n")
    sys.stdout.write(coverage_table(list(covered())) + "\n")
    sys.stdout.write(front_table(front()))
