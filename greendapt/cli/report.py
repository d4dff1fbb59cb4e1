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
    from greendapt.core.errors import RunError
    from greendapt.report.formats import table, terminal
    from greendapt.report.report_files import load_run
    from greendapt.report.view.from_run import view

    names = table.USUAL if form is None else table.parse(form)
    loaded = load_run(run)
    seen = view(loaded)
    if out is not None:
        if form is not None and len(names) > 1:
            raise RunError("--out names one file: give one --format with it")
        written = table.write_to(loaded, seen, names[0], out)
    else:
        written = table.write(loaded, seen, [n for n in names if n != "terminal"], run)
        if "terminal" in names:
            terminal.show(seen)
    for path in written:
        typer.echo(path)
