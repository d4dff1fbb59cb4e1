"""``greendapt report RUN``: builds the report of a finished run again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(help="The folder of a run: runs/<suite>-<time>.")],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAMES",
            help="html, md, csv, json, parquet, latex, modelcard, emissions (CodeCarbon's "
            "columns) or terminal (printed); joined by commas. Without it: html and md.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The file to write; with one --format.")
    ] = None,
) -> None:
    """Rebuild report.html, report.md and report.svg of a run, or write it in other formats."""
    from greendapt import api
    from greendapt.core.errors import RunError
    from greendapt.report.formats import table, terminal

    names = table.USUAL if form is None else table.parse(form)
    made = api.read_run(run)
    if out is not None and form is not None and len(names) > 1:
        raise RunError("--out names one file: give one --format with it")
    files = names[:1] if out is not None else [name for name in names if name != "terminal"]
    written = made.report(files, out) if files else []
    if out is None and "terminal" in names:
        terminal.show(made.view)
    for path in written:
        typer.echo(path)
