"""``greendapt recommend --replay``: how races would have gone where everything was run."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from greendapt.core.errors import SuiteError
from greendapt.core.terminal import show, show_json

if TYPE_CHECKING:
    from greendapt.stats.race_replay import Recorded, Shares

_TAKES = {"replay", "races", "cost", "margin", "json"}


def replay_races(context: typer.Context, path: Path, races: int, cost: float | None) -> None:
    """Print a line a question. Raises GreendaptError."""
    from greendapt.core.text import aligned
    from greendapt.stats.race_replay import orders, replayed, shares

    _check_options(context)
    told = []
    for one in _questions(path, context.params["margin"]):
        gone = [replayed(one, order, cost) for order in orders(one.seeds, races)]
        told.append((one, shares(gone, one.margin)))
    if context.params["json"]:
        show_json(json.dumps({"questions": [_as_table(*one) for one in told]}))
        return
    heads = ["question", "seeds", "everything says", "races take", "cost: median, 90th percentile"]
    heads += ["regret", "wrong", "undecided"]
    show("\n".join(aligned([heads, *(_row(*one) for one in told)], numbers=False)))


def _check_options(context: typer.Context) -> None:
    """Raises SuiteError for an option that means nothing here."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    given = {name for name, one in sources.items() if one and one.name == "COMMANDLINE"}
    if idle := sorted(given - _TAKES):
        names = " and ".join(
            "RUN" if n == "run" else f"--{n.strip('_').replace('_', '-')}" for n in idle
        )
        raise SuiteError(f"--replay: nothing runs that {names} could change; leave it out")


def _questions(path: Path, margin: float | None) -> list[Recorded]:
    """Of a table or a run, with that margin, else with the run's own."""
    from greendapt.report.report_files import load_run, verdict_with, with_question
    from greendapt.report.view.recorded import recorded
    from greendapt.store.race_tables import read_race_table
    from greendapt.suite.models import VerdictTable

    if path.is_dir():
        return recorded(with_question(load_run(path), margin))
    return read_race_table(path, verdict_with(VerdictTable(), margin).margin)


def _row(recorded: Recorded, of: Shares) -> list[str]:
    from greendapt.core.units import percent

    taken = ", ".join(f"{name} {percent(n / of.races)}" for name, n in of.takes.items() if name)
    median, high = map(percent, of.cost)
    asked = [", ".join(recorded.question), str(len(recorded.seeds))]
    answers = [recorded.verdict.buy or "undecided", taken or "nothing"]
    regret = f"{of.regret:.4f}"
    return [*asked, *answers, f"{median}, {high}", regret, *map(percent, (of.wrong, of.undecided))]


def _as_table(recorded: Recorded, of: Shares) -> dict[str, Any]:
    asked = {"margin": recorded.margin, "seeds": len(recorded.seeds)}
    return recorded.question._asdict() | asked | {"verdict": recorded.verdict.buy} | asdict(of)
