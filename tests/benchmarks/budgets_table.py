"""Random budgets on small runs, by how much they are exceeded: the table of docs/plan.md.

    python tests/benchmarks/budgets_table.py [BUDGETS]

A run gets one random budget after the other (grams, joules or seconds in turn) until it is
finished; then the next run begins. Every stop is read, reported and gone on with, and every
finished run must have the metrics of one without a budget. Prints a line a unit; fails where a
budget was exceeded by more than a tenth of what was predicted for the stage that exceeded it.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import greendapt
from greendapt.core.console import Console
from greendapt.core.records import Record, Summary
from greendapt.core.terminal import say
from greendapt.core.text import markdown_table
from greendapt.forecast.budgeting import terms_of
from greendapt.run.allowance import Allowance, Standing
from greendapt.run.budget import Budget, Unit
from greendapt.run.prepare import prepare_session
from greendapt.run.progress import TerminalReporter
from greendapt.run.session import Session
from greendapt.store.run import RunFolder
from greendapt.suite.models import Suite

UNITS: tuple[Unit, ...] = ("g", "J", "s")
FIGURES = {"g": "carbon_g", "J": "energy_j", "s": "wall_s"}
LEAST, MOST = 0.1, 0.9
"""Shares of what a whole run takes: the budgets are spread evenly over their logarithms."""
CHANGES = {
    "data.pool": {"source": "phantom", "images": 120, "seed": 1},
    "data.development": {"source": "phantom", "images": 120, "seed": 2},
    "phase.adapt": {"epochs": 3},
    "transfer.probe": {"epochs": 20},
    "run.seeds": 2,
}
"""What makes stages of the tests' tiny suite long enough to be timed."""


@dataclass(frozen=True)
class Watched(Allowance):
    """``begun``: what was predicted of each stage that it let begin."""

    begun: list[float] = field(default_factory=list)

    def allows(self, key: str, records: Sequence[Record], held: Iterable[str] = ()) -> bool:
        fits = super().allows(key, records, held)
        if fits:
            self.begun.append(self.rest([key], records))
        return fits


@dataclass(frozen=True)
class Try:
    """A budget and what came of it; ``last``: what was predicted of the last stage it let begin."""

    standing: Standing
    last: float | None

    @property
    def excess(self) -> float:
        """Of the last stage's prediction; 0 where the budget was kept."""
        over = self.standing.spent - self.standing.budget.limit
        return over / self.last if over > 0 and self.last else 0.0

    @property
    def used(self) -> float:
        return self.standing.spent / self.standing.budget.limit


def tries(suite: Suite, out: Path, budgets: int, seed: int = 0) -> Iterator[Try]:
    """So many budgets on as many runs as it takes. AssertionError for a stop that is no whole run,
    or a finished run with other metrics than one without a budget has."""
    session, draw = prepare_session(suite, lambda _line: None), random.Random(seed)
    plain = RunFolder.create(out, suite.name)
    plain.write(session.info())
    summary = session.run(plain, _quiet()).summary
    assert summary is not None
    folder: RunFolder | None = None
    for number in range(budgets):
        unit = UNITS[number % len(UNITS)]
        whole = summary.spent[FIGURES[unit]].value
        assert whole is not None, f"nothing here knows {FIGURES[unit]}"
        limit = whole * LEAST * (MOST / LEAST) ** draw.random()
        if folder is None:
            folder = RunFolder.create(out, suite.name)
            folder.write(session.info())
        one, is_finished = _one(session, folder, Budget(limit, unit), summary)
        yield one
        folder = None if is_finished else folder


def _one(session: Session, folder: RunFolder, budget: Budget, plain: Summary) -> tuple[Try, bool]:
    terms = terms_of(session, budget, folder.path.parent, folder.records(), lambda _line: None)
    watched = Watched(terms, session.grid.of_work)
    ending = replace(session, allowance=watched).run(folder, _quiet())
    standing = ending.standing
    assert standing is not None
    if standing.done:
        run = greendapt.read_run(folder.path)
        assert run.finished == (ending.summary is not None)
        assert len(run.summary.rows) == standing.done
        assert run.report(("md",))
    if ending.summary is not None:
        assert _metrics(ending.summary) == _metrics(plain)
    return Try(standing, watched.begun[-1] if watched.begun else None), ending.summary is not None


def _metrics(summary: Summary) -> str:
    return json.dumps([row.metrics for row in summary.rows])


def _quiet() -> TerminalReporter:
    return TerminalReporter(Console(quiet=True), explain=False)


def table(of: Sequence[Try]) -> list[str]:
    """Markdown, a line a unit."""
    heads = ("budget", "tried", "stopped the run", "exceeded", "by, of a stage", "used, median")
    rows = []
    for unit, name in zip(UNITS, ("grams", "energy", "time"), strict=True):
        ours = [one for one in of if one.standing.budget.unit == unit]
        used = [one.used for one in ours if one.last is not None]
        stopped = sum(one.standing.stopped_before is not None for one in ours)
        rows.append(
            (
                name,
                str(len(ours)),
                str(stopped),
                str(sum(one.excess > 0 for one in ours)),
                f"{max(one.excess for one in ours):.0%}",
                f"{median(used):.0%}" if used else "",
            )
        )
    return markdown_table(heads, rows)


def main(budgets: int) -> int:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from conftest import TINY

    with TemporaryDirectory() as name:
        os.environ["GREENDAPT_CACHE"] = str(Path(name) / "cache")
        file = Path(name) / "tiny.toml"
        file.write_text(TINY, encoding="utf-8")
        suite = greendapt.load_suite(file, changes=CHANGES)
        done = []
        for one in tries(suite, Path(name) / "runs", budgets):
            done.append(one)
            say(f"{one.standing.budget}: {one.used:.0%} used, {one.excess:.0%} of a stage over")
    sys.stdout.write("\n".join(table(done)) + "\n")
    return int(any(one.excess > 0.1 for one in done))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100))
