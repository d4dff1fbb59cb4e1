"""Which cells are due: more seeds only where the best buy is still open.

A suite with ``seeds = { from = 3, to = 20 }`` is judged after 3, 5, 8, 13 and 20 seeds. Where a
question is decided it ends; else those of its strategies go on that may still be the best buy, or
the best. What is due follows from the records alone: a resumed run goes on as it would have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from greendapt.core.records import SCHEMA, Record, Summary
from greendapt.report.view.from_run import judged
from greendapt.run.plan import Cell
from greendapt.stats.best_buy import looks
from greendapt.store.runinfo import RunData, RunInfo
from greendapt.suite.models import Suite

Task = tuple[str, str, str]
"""Backbone, transfer, shots: one question."""


def due(
    suite: Suite,
    possible: list[Cell],
    records: Mapping[str, Record],
    summary_of: Callable[[list[Cell]], Summary],
) -> list[Cell]:
    """Of all cells that the suite may ask for, those of the looks that came and of the next one."""
    seeds = suite.run.seed_range
    chosen: dict[int, Cell] = {}
    racing: Mapping[Task, Iterable[str]] | None = None
    for count in looks(*seeds):
        for place, cell in enumerate(possible):
            is_in = racing is None or cell.strategy in racing.get(_task(cell), ())
            if cell.seed - suite.run.base_seed < count and is_in:
                chosen[place] = cell
        cells = [chosen[place] for place in sorted(chosen)]
        if count == seeds[1] or not all(_is_over(cell, records) for cell in cells):
            return cells
        run = RunData(RunInfo(schema=SCHEMA, suite=suite), (*records.values(),), summary_of(cells))
        racing = _racing(run)
        if not racing:
            return cells
    raise AssertionError("the last look returns")


def _task(cell: Cell) -> Task:
    return cell.backbone, cell.transfer, str(cell.shots)


def _is_over(cell: Cell, records: Mapping[str, Record]) -> bool:
    """Finished, or failed."""
    of = [records[stage.key] for stage in cell.stages if stage.key in records]
    return len(of) == len(cell.stages) or any(record.status == "failed" for record in of)


def _racing(run: RunData) -> dict[Task, tuple[str, ...]]:
    """The strategies that go on, of each question that is open."""
    open_ones = {}
    for setting, question in judged(run).items():
        if len(question.scored) > 1 and question.cost_key and not question.choice.is_settled:
            backbone, transfer, shots = setting
            open_ones[backbone, transfer, str(shots)] = question.choice.racing
    return open_ones
