"""``greendapt reproduce REPORT``: run a published report's command again, and compare."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from greendapt.cli.options import Quiet
from greendapt.core.terminal import say, show


def reproduce(
    report: Annotated[
        Path, typer.Argument(metavar="REPORT", help="Of a site, such as reports/chestxray-nih.")
    ],
    data_in: Annotated[
        Path,
        typer.Option(
            "--data-in", metavar="DIR", help="Where the data, weights and suite of its command lie."
        ),
    ] = Path(),
    run: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Compare with this run; nothing is run.", show_default=""),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Where the run's folder goes.")
    ] = Path("runs"),
    quiet: Quiet = False,
) -> None:
    """Run the command of a published report again: are verdicts and FLOPs the same?

    Exit code 1: they are not. Energy and time are this machine's, and are not compared; for
    scores, costs and their intervals see compare.

    Example: greendapt reproduce reports/chestxray-least-work
    """
    from greendapt.api import read_run
    from greendapt.report import reproduction
    from greendapt.report.site import record_of

    published = record_of(report)
    if run is None:
        asked = reproduction.command(published, data_in)
        name = f"{published.name}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
        run = out / name
        words = [*asked, "--out", str(out), "--name", name, *(["--quiet"] if quiet else [])]
        done = subprocess.run([sys.executable, "-m", "greendapt", *words], check=False)
        if done.returncode:
            raise typer.Exit(done.returncode)
    found = list(reproduction.differences(published, read_run(run).view))
    for difference in found:
        show(difference)
    if found:
        raise typer.Exit(1)
    say(f"{run} has the verdicts and the training FLOPs of {report}")
