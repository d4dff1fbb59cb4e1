"""What the verdict of a few seeds of a finished run would have been, over all choices of them: the
tables of docs/reading-a-report.md.

    python tests/benchmarks/subsets_table.py RUN [SEEDS]

Wrong is a best buy whose score over all seeds is below the best strategy's by more than the margin.
"""

from __future__ import annotations

import sys
from collections import Counter
from itertools import combinations

from greendapt.api import read_run
from greendapt.report.part import part_of
from greendapt.report.view.from_run import judged
from greendapt.report.view.verdict import Question

UNDECIDED = "undecided"


def named(question: Question) -> str:
    return question.choice.buy or UNDECIDED


def main(folder: str, few: int = 3) -> None:
    run = read_run(folder).data
    every = sorted({row.seed for row in run.summary.rows})
    for setting, whole in judged(run).items():
        scores = {entry.name: whole.score(entry) for entry in whole.scored}
        best = max(scores.values())
        names = Counter(
            named(judged(part_of(run, seeds=seeds))[setting]) for seeds in combinations(every, few)
        )
        wrong = sum(
            count
            for name, count in names.items()
            if name != UNDECIDED and scores[name] < best - whole.margin
        )
        print(f"{setting}: {len(every)} seeds say {named(whole)}; a choice of {few} of them says")
        for name, count in names.most_common():
            print(f"  {name:20} {count:4} of {names.total()}")
        print(
            f"  wrong {wrong / names.total():.1%}, undecided {names[UNDECIDED] / names.total():.1%}"
        )
        for name, score in scores.items():
            print(f"  {name:20} {score:.3f}")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
