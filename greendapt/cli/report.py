"""``greendapt report RUN``: builds the report of a finished run again."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    HTML = "html"
    MD = "md"
    TERMINAL = "terminal"


def report(
    run: Annotated[Path, typer.Argument(help="The folder of a run: runs/<suite>-<time>.")],
    form: Annotated[
        Format | None,
        typer.Option("--format", help="One format only; without it, all files are written."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The file to write, instead of the run's own.")
    ] = None,
) -> None:
    """Rebuild report.html, report.md and report.svg of a run, or print its verdict and tables."""
    from greendapt.report import build, terminal
    from greendapt.report.view import view

    seen = view(build.load_run(run))
    if form is Format.TERMINAL and out is None:
        terminal.show(seen)
        return
    if form is Format.TERMINAL and out is not None:
        written = [build.write_text(out, terminal.plain(seen))]
    elif form is Format.MD:
        written = build.write_markdown(seen, out or run / "report.md")
    elif form is Format.HTML or out is not None:
        written = build.write_html(seen, out or run / "report.html")
    else:
        written = build.write_reports(run)
    for path in written:
        typer.echo(path)
