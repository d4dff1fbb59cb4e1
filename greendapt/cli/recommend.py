"""``greendapt recommend``: which strategy to take, for a part of what running everything costs."""

from __future__ import annotations

import shlex
import sys
from dataclasses import asdict
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greendapt.cli.bench import bench, suite_of
from greendapt.cli.options import Json, with_options_of
from greendapt.core.terminal import show, show_json

if TYPE_CHECKING:
    from greendapt.api import Run

_MOST = 12


# a parameter an option: typer reads them from here
@with_options_of(bench)
def recommend(
    context: typer.Context,
    run: Annotated[
        Path | None,
        typer.Argument(help="A run that is there: what it recommends, and nothing runs."),
    ] = None,
    json: Json = False,
) -> None:
    """Say which strategy to take, by a race: strategies enter with one seed, the cheapest first,
    and leave as soon as they cannot be the best buy.

    Example: greendapt recommend --suite chestxray --data pool=XRAYS --data development=LABELLED
    """
    from greendapt import api
    from greendapt.report.words import setting

    finished = api.read_run(run) if run is not None else _raced(context)
    if run is None:
        finished.report()
    answers = finished.recommendations
    if json:
        show_json(dumps({"run": str(finished.path), "recommendations": [*map(asdict, answers)]}))
        return
    for one in answers:
        heading = [f"{setting(one.setting)}:"] if len(answers) > 1 else []
        show("\n".join([*heading, *one.sentences]))
    show(f"The whole of it: greendapt report {shlex.quote(str(finished.path))}")


def _raced(context: typer.Context) -> Run:
    from greendapt import api
    from greendapt.cli.running import goes_on
    from greendapt.run.workers.choose import executor as executor_of

    given: dict[str, Any] = context.params
    return api.run(
        suite_of({**given, "seeds": given["seeds"] or f"1..{_MOST}"}),
        out=given["out"],
        reuse=given["reuse"],
        executor=executor_of(given["executor"], given["workers"], given["slurm"] or []),
        go_on=goes_on,
        command=shlex.join(["greendapt", *sys.argv[1:]]),
        debug=bool(context.obj),
    )
