"""The race of a run whose seeds were added look by look: who was in, what it cost, why it left."""

from __future__ import annotations

from collections.abc import Mapping

from greendapt.core.text import listed
from greendapt.core.units import percent
from greendapt.report import words
from greendapt.report.view.model import Section, Setting
from greendapt.report.view.spending import totals
from greendapt.report.view.verdict import Question
from greendapt.stats.best_buy import looks
from greendapt.store.runinfo import RunData

_EXPLANATION = (
    "After each number of seeds the strategies were judged, and those went on that could still be "
    "the best buy. The percentage is the probability, at the end, to be worse than the best one by "
    "more than the margin. The energy is what the new cells took, stages that several share once."
)


def rounds(run: RunData, questions: Mapping[Setting, Question]) -> Section | None:
    """A line a look and setting; None for a run with a fixed number of seeds."""
    first, most = run.info.suite.run.seed_range
    if first == most or not questions:
        return None
    rows = [row for setting, one in questions.items() for row in _of(run, setting, one)]
    heads = ("question", "seeds", "in the race", "energy", "left then")
    return Section("race", "The race", _EXPLANATION, ((heads, *rows),))


def _of(run: RunData, setting: Setting, question: Question) -> list[tuple[str, ...]]:
    taken = {entry.name: len(entry.seeds) for entry in question.scored}
    counts = [
        n for n in looks(*run.info.suite.run.seed_range) if n <= max(taken.values(), default=0)
    ]
    rows: list[tuple[str, ...]] = []
    before = 0
    for count in counts:
        within = [name for name, seeds in taken.items() if seeds >= count]
        gone = [name for name in within if taken[name] == count < counts[-1]]
        told = [f"{name} ({percent(question.choice.regret[name])})" for name in gone]
        spent = words.amount("energy_j", _energy_j(run, setting, range(before, count)))
        rows.append((words.setting(setting), str(count), listed(within), spent, ", ".join(told)))
        before = count
    return rows


def _energy_j(run: RunData, setting: Setting, seeds: range) -> float | None:
    """Of the stages that cells of these seeds needed first; None where one is not known."""
    base, own, earlier = run.info.suite.run.base_seed, set[str](), set[str]()
    for row in run.summary.rows:
        here = (row.backbone, row.transfer, row.shots) == setting
        if here and row.seed - base < seeds.stop:
            (own if row.seed - base in seeds else earlier).update(row.stages)
    new = [one for one in run.records if one.key in own - earlier and one.role != "sunk"]
    return totals(new)["energy_j"].value if new else 0.0
