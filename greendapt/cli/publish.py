"""``greendapt publish RUN... --to reports/``: a small static site of reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greendapt.core.terminal import say, show


def publish(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN...",
            help="Folders of finished runs; none: the index alone. With --check: the site.",
            show_default=False,
        ),
    ] = None,
    to: Annotated[Path, typer.Option("--to", help="The folder of the site.")] = Path("reports"),
    name: Annotated[
        str | None,
        typer.Option(help="The run's place on the site (one RUN), instead of its folder's name."),
    ] = None,
    check: Annotated[
        bool,
        typer.Option(
            "--check",
            help="Write nothing: say what is wrong with a site (exit code 2), or nothing.",
        ),
    ] = False,
) -> None:
    """Publish reports as a static site: results only, an index, the trend of each cell over time.

    It needs no server (GitHub Pages shows it as it is). Paths of this machine are left out, and
    files that did not change are not rewritten.

    Example: greendapt publish --check reports
    """
    from greendapt.report import site, site_check

    if check:
        found = [one for folder in runs or [to] for one in site_check.problems(folder)]
        for problem in found:
            say(f"greendapt: {problem}")
        if found:
            raise typer.Exit(2)
        say("nothing is wrong")
        return
    done = site.publish(runs or [], to, name)
    for path in done.changed:
        show(str(path))
    say(f"{len(done.changed)} files written, {done.same} unchanged")
