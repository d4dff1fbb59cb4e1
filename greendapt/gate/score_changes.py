"""How much scores changed between two states of the code: on the same test images, other seeds.

The images are part of what is compared, so that patients are no error here: the question is what
the change did to training, whose chance the seeds show. Their variance is moderated over cells
(`greendapt.stats.crossed`): three seeds of one cell alone say little of it.
"""

from __future__ import annotations

from collections.abc import Mapping

from greendapt.gate.facts import SCORES, Cell, Name
from greendapt.stats.crossed import Sample, crossed
from greendapt.stats.intervals import Interval

Changes = Mapping[tuple[Name, str], Interval]
"""Head minus base of a cell's score, over the seeds both have; no bounds where one seed is all."""


def score_changes(base: Mapping[Name, Cell], head: Mapping[Name, Cell]) -> Changes:
    changes: dict[tuple[Name, str], Interval] = {}
    for score in SCORES:
        differences = {
            "/".join(name): (name, by_seed)
            for name in base.keys() & head.keys()
            if (by_seed := _differences(base[name], head[name], score))
        }
        changes |= {(name, score): Interval(0.0, 0.0, 0.0) for name, _ in differences.values()}
        moved = {key: Sample(d) for key, (_, d) in differences.items() if any(d.values())}
        if moved:
            model = crossed(moved, -1.0, 1.0)
            changes |= {(differences[key][0], score): model.interval(key) for key in moved}
    return changes


def _differences(base: Cell, head: Cell, score: str) -> dict[int, float]:
    was, now = base.scores.get(score, {}), head.scores.get(score, {})
    return {seed: now[seed] - was[seed] for seed in sorted(was.keys() & now.keys())}
