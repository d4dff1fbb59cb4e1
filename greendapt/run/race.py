"""Which cells are due: more seeds only where the best buy is still open.

A suite with ``seeds = { from = 3, to = 20 }`` is judged after 3, 5, 8, 13 and 20 seeds. Where a
question is decided it ends; else those of its strategies go on that may still be the best buy, or
the best. With ``from = 1`` strategies enter in waves, the cheapest first, and none enters where no
score could be better by more than the margin. What is due follows from the records alone: a resumed
run goes on as it would have.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from greendapt.core.records import SCHEMA, Record, Summary
from greendapt.report.view.from_run import judged
from greendapt.report.view.model import Setting
from greendapt.run.plan import Cell
from greendapt.stats.best_buy import looks
from greendapt.stats.racing import going_on, nothing_better
from greendapt.store.runinfo import RunData, RunInfo
from greendapt.suite.models import Suite

Racing = Mapping[Setting, Collection[str]]
"""Who is in, of each question."""


def due(
    suite: Suite,
    possible: list[Cell],
    records: Mapping[str, Record],
    summary_of: Callable[[list[Cell]], Summary],
    entering: Sequence[Collection[str]],
) -> list[Cell]:
    """Of all cells that the suite may ask for, those of the looks that came and of the next one.

    ``entering``: waves of strategies; one of all where they enter together.
    """
    first, *later = looks(*suite.run.seed_range)
    steps = [(first, wave) for wave in entering]
    steps += [(count, suite.run.strategies) for count in later]
    chosen: dict[int, Cell] = {}
    racing: Racing = dict.fromkeys(map(_task, possible), suite.run.strategies)
    for number, (count, wave) in enumerate(steps, start=1):
        for place, cell in enumerate(possible):
            is_in = cell.strategy in wave and cell.strategy in racing.get(_task(cell), ())
            if is_in and cell.seed - suite.run.base_seed < count:
                chosen[place] = cell
        cells = [chosen[place] for place in sorted(chosen)]
        if number == len(steps) or not all(_is_over(cell, records) for cell in cells):
            return cells
        run = RunData(RunInfo(schema=SCHEMA, suite=suite), (*records.values(),), summary_of(cells))
        if number < len(entering):
            racing = _open(run, map(_task, possible))
        elif not (racing := _racing(run, count)):
            return cells
    raise AssertionError("the last step returns")


def _task(cell: Cell) -> Setting:
    return cell.backbone, cell.transfer, cell.shots


def _is_over(cell: Cell, records: Mapping[str, Record]) -> bool:
    """Finished, or failed."""
    of = [records[stage.key] for stage in cell.stages if stage.key in records]
    return len(of) == len(cell.stages) or any(record.status == "failed" for record in of)


def _open(run: RunData, tasks: Iterable[Setting]) -> Racing:
    """All strategies of each question in which one that has not entered could be better."""
    closed = {
        task
        for task, question in judged(run).items()
        if question.scored and nothing_better(question.model, question.margin)
    }
    return {task: run.info.suite.run.strategies for task in tasks if task not in closed}


def _racing(run: RunData, count: int) -> Racing:
    """The strategies that go on after so many seeds, of each question that is open."""
    asked, open_ones = run.info.suite.run, {}
    for task, question in judged(run).items():
        if len(question.scored) < 2 or question.cost_key is None:
            continue
        choice = question.choice
        if asked.is_race:
            left = asked.seed_range[1] / count
            racing = going_on(question.model, choice, question.margin, left)
        else:
            racing = () if choice.is_settled else choice.racing
        if racing:
            open_ones[task] = racing
    return open_ones
