"""What a race costs and how often it errs, on simulated runs: the table of docs/recommend.md.

    python tests/benchmarks/race_table.py

Eight strategies as in verdict_table.py, each costing 1.6 times the one before.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from verdict_table import GAPS, IMAGES, MARGIN, SPREADS, World, world

from greendapt.stats.crossed import Sample
from greendapt.stats.racing import race, waves

MOST = 12


@dataclass(frozen=True)
class Row:
    """Shares of the races; ``cost``: median and 90th percentile, of running everything; ``cells``:
    how many a race took."""

    name: str
    wrong: float
    undecided: float
    cost: tuple[float, float]
    cells: float


def simulated(trials: int = 300, cells: Sequence[tuple[str, float, int]] = ()) -> Iterator[Row]:
    every = [(gap, sd, n) for gap in GAPS for sd in SPREADS for n in IMAGES]
    costs = {str(k): 1.6**k for k in range(8)}
    for gap, sd, images in cells or every:
        draw, races = np.random.default_rng(0), []
        for _ in range(trials):
            seen = world(draw, GAPS[gap], sd, images)
            said = race(_samples(seen), waves(costs), MARGIN)
            spent = sum(costs[name] * count for name, count in said.seeds.items())
            buy = None if said.choice.buy is None else float(seen.true[int(said.choice.buy)])
            short = None if buy is None else float(seen.true.max() - buy)
            races.append((short, spent / MOST / sum(costs.values()), sum(said.seeds.values())))
        yield _row(f"gaps {gap}, seed SD {sd:.2f}, {images:,} images", races)


def _samples(seen: World) -> dict[str, Sample]:
    return {
        str(k): Sample(dict(enumerate(seen.values[k, :MOST])), dict(enumerate(seen.draws[k])))
        for k in range(len(seen.true))
    }


def _row(name: str, races: Sequence[tuple[float | None, float, int]]) -> Row:
    short = np.array([one for one, _, _ in races if one is not None])
    costs, cells = (np.array([one[k] for one in races]) for k in (1, 2))
    return Row(
        name,
        float((short > MARGIN + 1e-9).sum() / len(races)),
        1 - len(short) / len(races),
        (float(np.median(costs)), float(np.quantile(costs, 0.9))),
        float(cells.mean()),
    )


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    heads = ["runs", "wrong", "undecided", "cost, median", "90th percentile", "cells"]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for row in rows:
        shares = [f"{one:.1%}" for one in (row.wrong, row.undecided, *row.cost)]
        lines.append([row.name, *shares, f"{row.cells:.1f}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table(list(simulated())) + "\n")
