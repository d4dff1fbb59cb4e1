"""``greendapt report RUN``: builds the report of a run again, or of a part of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greendapt.cli.options import Metric
from greendapt.core.terminal import say, show


# a parameter an option: typer reads them from here
def report(
    run: Annotated[Path, typer.Argument(help="The folder of a run: runs/<suite>-<time>.")],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAMES",
            help="html, md, csv, json, parquet, latex, modelcard, annexxi (of the EU's AI Act), "
            "emissions (CodeCarbon's columns), card or badge (the verdict as a picture), terminal "
            "(printed); joined by commas. Without it: html and md.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The file to write; with one --format.")
    ] = None,
    strategies: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Judge these alone, joined by commas.")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="SEEDS", help="Judge these alone: 0..2 or 0,3,5 or 4.")
    ] = None,
    setting: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help="Judge these alone: backbones, transfers, shots, such as resnet50,10,full. "
            "Words of one kind are alternatives; every kind named must match.",
        ),
    ] = None,
    margin: Annotated[
        float | None, typer.Option(help="Judge with this one: so much worse is as good.")
    ] = None,
    metric: Metric = None,
    predictions: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="Costs are of adaptation, transfer and so many predictions.",
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(help="Grams for the grid of this place: FRA, USA-CA, gcp:us-west1, EU, ..."),
    ] = None,
    intensity: Annotated[
        str | None,
        typer.Option(
            metavar="G_PER_KWH|FILE.csv",
            help="Grams for a grid of so many gCO2e/kWh, or of the hours in this file.",
        ),
    ] = None,
    pue: Annotated[
        float | None, typer.Option(help="Grams for a building of this power usage effectiveness.")
    ] = None,
) -> None:
    """Rebuild report.html, report.md and report.svg of a run, or write it in other formats.

    Grams are for the grid that the run was made for, or for another one: greendapt report RUN
    --region FRA --pue 1.3

    Of a run that is not finished, the cells that are done are judged, and the report says so.

    A part (--strategies, --seeds, --setting) is printed, or written with --out FILE: the files in
    the folder stay those of the whole run.
    """
    from greendapt import api
    from greendapt.accounting.hourly import read_intensity
    from greendapt.core.errors import RunError
    from greendapt.report.formats import table, terminal
    from greendapt.report.report_files import other_grid

    is_part = any(one is not None for one in (strategies, seeds, setting))
    usual = ("terminal",) if is_part and out is None else table.USUAL
    names = usual if form is None else table.parse(form)
    given = None if intensity is None else read_intensity(intensity)
    made = api.read_run(run, other_grid(run, region, given, pue), margin, metric, predictions)
    if is_part:
        made = made.part(strategies, seeds, setting)
    if out is not None and form is not None and len(names) > 1:
        raise RunError("--out names one file: give one --format with it")
    files = names[:1] if out is not None else [name for name in names if name != "terminal"]
    written = made.report(files, out) if files else []
    if out is None and "terminal" in names:
        terminal.show(made.view)
    else:
        for caution in made.view.cautions:
            say(f"note: {caution}")
    for path in written:
        show(str(path))
