"""How often a check of a noisy figure is right, on simulated machines: the table of docs/ci.md.

    python tests/benchmarks/noise_table.py

The logarithm of a run's time is that of the code, of the machine (sd 10% from one to another), of
its state (a random walk, sd 3% over a job and from day to day), and of the run itself (sd 2%).
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from greendapt.core.figures import Quality
from greendapt.gate import tiers
from greendapt.gate.facts import Cell, Repeats
from greendapt.stats.sequential import decide, looks
from greendapt.suite.limits import Limits

MACHINE, DRIFT, NOISE = 0.10, 0.03, 0.02
RISES = (0.0, 0.05, 0.10, 0.20)
STORED = 5
"""Repeats on either side of a stored baseline."""

Logs = NDArray[np.float64]
Judge = Callable[[np.random.Generator, float], tuple[str, int]]
"""Draws base and head, the head's cost higher by a log; the answer, and the runs it took."""


def job(draw: np.random.Generator, runs: int) -> Logs:
    """Log costs of the same work ``runs`` times in a row."""
    state = np.cumsum(draw.normal(0, DRIFT / np.sqrt(runs), runs))
    return state + draw.normal(0, NOISE, runs)


def stored(draw: np.random.Generator, rise: float, machine: float) -> tuple[Logs, Logs]:
    """A base of another day and, where ``machine`` is not 0, of another machine."""
    between = draw.normal(0, DRIFT) + draw.normal(0, machine, 2).sum()
    return job(draw, STORED), job(draw, STORED) + between + rise


def threshold(draw: np.random.Generator, rise: float) -> tuple[str, int]:
    base, head = stored(draw, rise, MACHINE)
    return "regression" if head.mean() - base.mean() > np.log1p(0.10) else "pass", STORED


def tier(machine: float, limit: float) -> Judge:
    """The noisy tier on a stored baseline."""

    def judge(draw: np.random.Generator, rise: float) -> tuple[str, int]:
        base, head = (
            Cell(noisy={"wall_s": Repeats(tuple(np.exp(logs)), Quality.MEASURED).spread()})
            for logs in stored(draw, rise, machine)
        )
        (verdict,) = tiers.noisy(("cell",), base, head, Limits({"wall_s": limit}, {}))
        return verdict.outcome.value, STORED

    return judge


def pairs(budget: int, limit: float) -> Judge:
    """Base and head in one job, A B B A."""

    def judge(draw: np.random.Generator, rise: float) -> tuple[str, int]:
        runs = job(draw, 2 * budget).reshape(budget, 2)
        runs[1::2] = runs[1::2, ::-1]
        logs = list(runs[:, 1] - runs[:, 0] + rise)
        for count in looks(budget):
            answer, _ = decide(logs[:count], limit, budget=budget)
            if answer != "more":
                return answer, 2 * count
        raise AssertionError("no answer at the budget")

    return judge


class Row(NamedTuple):
    """``calls``: by rise, the share of each answer. ``runs``: how many, where nothing changed."""

    name: str
    limit: float
    calls: dict[float, dict[str, float]]
    runs: float


METHODS: dict[str, tuple[float, Judge]] = {
    "stored, any machine: a threshold": (0.10, threshold),
    "stored, any machine: intervals": (0.10, tier(MACHINE, 0.10)),
    "stored, same machine: intervals": (0.10, tier(0, 0.10)),
    "A B B A, at most 4 pairs": (0.05, pairs(4, 0.05)),
    "A B B A, at most 8 pairs": (0.05, pairs(8, 0.05)),
    "A B B A, at most 16 pairs": (0.05, pairs(16, 0.05)),
}


def rows(trials: int = 5000, seed: int = 0) -> Iterator[Row]:
    """Every method on every rise, on the same draws."""
    for name, (limit, judge) in METHODS.items():
        calls, runs = {}, 0.0
        for rise in RISES:
            draw = np.random.default_rng(seed)
            found = [judge(draw, float(np.log1p(rise))) for _ in range(trials)]
            counts = Counter(answer for answer, _ in found)
            calls[rise] = {answer: count / trials for answer, count in counts.items()}
            runs = runs if rise else sum(taken for _, taken in found) / trials
        yield Row(name, limit, calls, runs)


def table(found: list[Row]) -> str:
    """Markdown: regressions called by the true rise; where it is 10%, what was left open."""
    heads = ["check", "limit", *(f"+{rise:.0%}" for rise in RISES), "open at +10%", "runs"]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for row in found:
        called = [f"{row.calls[rise].get('regression', 0):.1%}" for rise in RISES]
        left = f"{row.calls[0.10].get('inconclusive', 0):.1%}"
        lines.append([row.name, f"+{row.limit:.0%}", *called, left, f"{row.runs:.1f}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table(list(rows())))
