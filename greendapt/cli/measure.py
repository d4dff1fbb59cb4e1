"""``greendapt measure``: any command under the meters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greendapt.core.errors import GreendaptError
from greendapt.core.terminal import say

if TYPE_CHECKING:
    from greendapt.meter import Meter
    from greendapt.meter.record_file import RecordFile


# a parameter an option: typer reads them from here
def measure(
    command: Annotated[list[str], typer.Argument(help="The command, after --.")],
    json: Annotated[
        bool,
        typer.Option(
            "--json",
            help="Print the record as JSON, alone on stdout (the command's stdout goes to stderr).",
        ),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(help="Write the record as JSON to this file; the command's streams are left."),
    ] = None,
    device: Annotated[
        str, typer.Option(help="Which GPUs count: auto (all visible), cpu (none), cuda:N.")
    ] = "auto",
    region: Annotated[
        str | None, typer.Option(help="Where the grid is: FRA, USA-CA, gcp:us-west1, EU, ...")
    ] = None,
    intensity: Annotated[
        str | None,
        typer.Option(
            metavar="G_PER_KWH|FILE.csv",
            help="The grid's gCO2e/kWh, or a file of hours, instead of a year's average.",
        ),
    ] = None,
    pue: Annotated[
        float, typer.Option(help="The building's power usage effectiveness (>= 1).")
    ] = 1.0,
    embodied_kg: Annotated[
        float | None, typer.Option(min=0, help="kgCO2e of making this machine, to charge a share.")
    ] = None,
    lifetime_years: Annotated[
        float, typer.Option(min=0.1, help="Years over which --embodied-kg is spread.")
    ] = 4.0,
    idle: Annotated[
        float, typer.Option(min=0, help="Measure this machine at rest for so many seconds first.")
    ] = 0.0,
    units: Annotated[
        float | None,
        typer.Option(help="Work done, for the Software Carbon Intensity (gCO2e each)."),
    ] = None,
    unit: Annotated[str, typer.Option(help="What --units counts.")] = "unit",
) -> None:
    """Run COMMAND and say what it took: time, energy, carbon. Exit status is the command's.

    Example: greendapt measure --json -- python train.py --epochs 3
    """
    from contextlib import closing, nullcontext
    from time import time

    from greendapt.accounting.grid import carbon_intensity_score, grid
    from greendapt.accounting.hourly import Hours, read_intensity
    from greendapt.meter import Meter
    from greendapt.meter.command import carbon_by_hours, run_metered
    from greendapt.meter.job import Job
    from greendapt.meter.record_file import RecordFile

    given = None if intensity is None else read_intensity(intensity)
    stated = None if isinstance(given, Hours) else given
    carbon = grid(region, stated, pue).with_machine(embodied_kg, lifetime_years)
    job = Job(command, quiet_stdout=json)

    def run(meter: Meter) -> dict[str, Any]:
        begun_s = time()
        record = run_metered(job, meter)
        source = carbon.source
        if isinstance(given, Hours):
            record["carbon_g"] = carbon_by_hours(given, begun_s, record, pue)
            source = record["carbon_g"].source
        if units is not None:
            grams = record["carbon_g"], record["embodied_g"]
            record["sci"] = carbon_intensity_score(*grams, units, unit)
        return {"meter": {**meter.facts().model_dump(mode="json"), "grid": source}, **record}

    with nullcontext() if output is None else RecordFile(output) as file:
        meter = Meter(device=device, carbon=carbon, align=True, idle_s=idle)
        with closing(meter), job:
            try:
                _deliver(run(meter), json, file)
            except Exception as error:
                if job.status is None:
                    raise
                say(f"greendapt: the command ran, but its record is lost: {error}")
    raise typer.Exit(job.status or 0)


def _deliver(record: dict[str, Any], json: bool, file: RecordFile | None) -> None:
    """To everywhere it was asked for; a place that cannot take it is said, and the record shown."""
    from greendapt.core.terminal import show_json
    from greendapt.meter.record_text import as_json, record_lines

    lines = "\n".join(record_lines(record))
    lost = []
    if file is not None:
        try:
            file.write(as_json(record))
        except OSError as error:
            lost.append(f"{file.path}: {error.strerror}")
    if json:
        try:
            show_json(as_json(record))
        except (BrokenPipeError, GreendaptError) as error:
            lost.append(f"stdout: {error}")
    if lost:
        say(f"greendapt: the record cannot be written to {' and '.join(lost)}; it says:")
    if lost or not (json or file):
        say(lines)
