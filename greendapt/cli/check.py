"""``greendapt check``: a run against a baseline, or this state of the code against another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greendapt.cli.options import Json, Tiers


def check(
    run: Annotated[
        Path | None,
        typer.Argument(metavar="[RUN]", help="A finished run.", show_default=False),
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What greendapt baseline wrote.")
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[CELL/]FIGURE=VALUE",
            help="What may change: training_flops=0%, energy=5%, auc=-0.01 (repeatable).",
        ),
    ] = None,
    tiers: Tiers = None,
    json: Json = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="Write JUnit XML too.")] = None,
    markdown: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Append Markdown to it: $GITHUB_STEP_SUMMARY."),
    ] = None,
) -> None:
    """Judge a run: exact costs, noisy ones, accuracy. Exit code: 0 pass, 1 regression,
    2 usage, 3 inconclusive, 4 a cell failed, 5 void (nothing to compare); the worst counts.

    Example: greendapt check runs/chestxray-... --baseline baseline.toml --limit auc=-0.02
    """
    from greendapt.core import limits
    from greendapt.core.errors import GreendaptError
    from greendapt.gate import check as gate
    from greendapt.gate import outputs, tiers_of

    asked = limits.from_options(limit or [])
    if run is None or baseline is None:
        raise GreendaptError("check RUN --baseline FILE: give both")
    found = gate.run_against_baseline(run, baseline, asked, tiers_of(tiers))
    outputs.write(found, junit, markdown)
    typer.echo(outputs.as_json(found) if json else outputs.as_text(found), nl=not json)
    raise typer.Exit(found.outcome.exit_code)
