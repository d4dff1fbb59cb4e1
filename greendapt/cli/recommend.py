"""``greendapt recommend``: which strategy to take, for a part of what running everything costs."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greendapt.cli.bench import bench, started, suite_of
from greendapt.cli.options import Json, with_options_of
from greendapt.cli.replayed_races import replay_races
from greendapt.core.errors import SuiteError
from greendapt.core.terminal import show, show_json

if TYPE_CHECKING:
    from greendapt.api import Run
    from greendapt.run.budget import Budget
    from greendapt.suite.models import Suite

_MOST = 12
_RACES = 100
_UNITS = {"--carbon": "g", "--energy": "J"}


# a parameter an option: typer reads them from here
@with_options_of(bench)
def recommend(
    context: typer.Context,
    run: Annotated[
        Path | None,
        typer.Argument(help="A run that is there: what it recommends, and nothing runs."),
    ] = None,
    carbon: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Stop before more is spent: 5g.")
    ] = None,
    energy: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="The same in energy: 20Wh, 70kJ.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(help="The same in time.")] = None,
    cost: Annotated[
        float | None,
        typer.Option(
            min=0.001, max=1, metavar="FRACTION", help="The same in shares of running everything."
        ),
    ] = None,
    at_size: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="IMAGES",
            help="Of the pool that will be adapted on: costs are those of one so large.",
        ),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE|RUN",
            help="Nothing runs: how races would have gone on recorded scores, or on a run of "
            "everything; with --cost and --margin.",
        ),
    ] = None,
    races: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help="To replay, in orders of seeds by chance (100)."),
    ] = None,
    json: Json = False,
) -> None:
    """Say which strategy to take, by a race: strategies enter with one seed, the cheapest first,
    and leave as soon as they cannot be the best buy.

    Example: greendapt recommend --suite chestxray --data pool=XRAYS --data development=LABELLED
    --carbon 5g
    """
    from greendapt import api
    from greendapt.cli.running import budget_sentences, check_failures, write_reports
    from greendapt.report.at_size import check_one_pool, size_sentences

    if replay is not None:
        replay_races(context, replay, races or _RACES, cost)
        return
    if races is not None:
        raise SuiteError("--races: how many to replay; give --replay TABLE with it")
    given: dict[str, Any] = context.params
    limits = {"--carbon": carbon, "--energy": energy, "--minutes": minutes, "--cost": cost}
    limits |= {"--budget": given["budget"]}
    limits = {name: one for name, one in limits.items() if one is not None}
    if run is not None:
        if limits:
            raise SuiteError(
                f"{run}: nothing runs that {' or '.join(limits)} could end; leave it out"
            )
        finished = api.read_run(
            run,
            margin=given["margin"],
            metric=given["metric"],
            predictions=given["predictions"],
        )
    else:
        suite = suite_of({**given, "seeds": given["seeds"] or f"1..{_MOST}"})
        if at_size is not None:
            check_one_pool(suite)
        finished = started(context, suite, _budget(suite, given["out"], limits))
        write_reports(finished)
    sizes = () if at_size is None else size_sentences(finished.data, at_size)
    asked = finished if at_size is None else finished.at_size(at_size)
    if json:
        show_json(_as_json(asked, at_size))
    else:
        show("\n".join([*_answer(asked), *sizes, *budget_sentences(finished)]))
    check_failures(finished)


def _answer(run: Run) -> list[str]:
    from greendapt.report.view.bill_text import in_short
    from greendapt.report.words import setting

    answers = run.recommendations
    if not answers:
        return ["Nothing is judged yet."]
    lines = []
    for one in answers:
        lines += [f"{setting(one.setting)}:"] if len(answers) > 1 else []
        lines += one.sentences
    report = f"The whole of it: greendapt report {shlex.quote(str(run.path))}"
    return [line for line in (*lines, in_short(run.bill), report) if line]


def _as_json(run: Run, at_size: int | None) -> str:
    answers = [*map(asdict, run.recommendations)]
    told: dict[str, Any] = {"run": str(run.path), "recommendations": answers}
    told |= {} if at_size is None else {"at_size": at_size}
    return dumps(told | ({"budget": run.budget.as_table()} if run.budget else {}))


def _budget(suite: Suite, out: Path, limits: Mapping[str, Any]) -> Budget | None:
    """Of at most one of the options. Raises SuiteError."""
    from greendapt.cli.plan import forecast_of
    from greendapt.run.budget import Budget, parse_budget

    if not limits:
        return None
    if len(limits) > 1:
        raise SuiteError(f"{' and '.join(limits)}: one limit is enough")
    ((option, asked),) = limits.items()
    if option == "--cost":
        plan, _ = forecast_of(suite, out, None)
        joules = plan.cost(plan.stages).energy_j
        if joules is None:
            raise SuiteError("--cost: what everything takes is not known here; give --minutes")
        return Budget(asked * joules, "J")
    if option == "--minutes":
        return Budget(60.0 * asked, "s")
    budget = parse_budget(asked, option)
    if budget.unit != _UNITS.get(option, budget.unit):
        raise SuiteError(f"{option} {asked}: that is no amount of {option.lstrip('-')}")
    return budget
