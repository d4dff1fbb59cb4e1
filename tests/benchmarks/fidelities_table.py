"""What one seed at less than its price tells of strategies: a table of docs/recommend.md.

    python tests/benchmarks/fidelities_table.py

Of each recording with all labels: what one seed of every strategy costs with 20 labels, and after
one epoch, in shares of what it costs at its end; and Spearman's rank correlation of its scores with
the truth (all seeds, more patients, all labels), mean over seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from statistics import fmean

from race_rivals import early, score
from replay_table import questions
from scipy.stats import spearmanr

from greendapt.stats.race_replay import Cell, Recorded

Buys = Callable[[str, int], Cell]
FEW = "20"


def table(every: Sequence[Recorded]) -> str:
    heads = ["data, network", "whole", "20 labels", "cost", "one epoch", "cost"]
    lines = [f"| {' | '.join(heads)} |", f"| --- |{' ---: |' * (len(heads) - 1)}"]
    few = {one.question[:2]: one for one in every if one.question.shots == FEW}
    for of in every:
        if of.question.shots != FEW:
            cells = [_agrees(of, of, _ended)]
            for seen, buys in ((few[of.question[:2]], _ended), (of, partial(early, of))):
                cells += [_agrees(of, seen, buys), f"{_cost(seen, buys) / _cost(of, _ended):.0%}"]
            lines.append(f"| {', '.join(of.question[:2])} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _ended(strategy: str, seed: int) -> Cell:
    return Cell(strategy, None, seed)


def _agrees(of: Recorded, seen: Recorded, buys: Buys) -> str:
    true = [of.true[name] for name in of.samples]
    found = [
        spearmanr([score(seen, buys(name, seed)) for name in of.samples], true).statistic
        for seed in of.seeds
    ]
    return f"{fmean(found):.2f}"


def _cost(of: Recorded, buys: Buys) -> float:
    return of.spent(buys(name, of.seeds[0]) for name in of.samples)


if __name__ == "__main__":
    sys.stdout.write(table(questions()))
