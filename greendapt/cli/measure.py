"""``greendapt measure``: any command under the meters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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
    import time

    from greendapt.accounting.grid import carbon_intensity_score, grid
    from greendapt.accounting.hourly import Hours, read_intensity
    from greendapt.meter import Meter
    from greendapt.meter.command import carbon_by_hours, run_metered
    from greendapt.meter.record_text import as_json, record_lines

    given = None if intensity is None else read_intensity(intensity)
    stated = None if isinstance(given, Hours) else given
    carbon = grid(region, stated, pue).with_machine(embodied_kg, lifetime_years)
    meter = Meter(device=device, carbon=carbon, align=True, idle_s=idle)
    begun_s = time.time()
    try:
        status, record = run_metered(command, meter, quiet_stdout=json)
        if isinstance(given, Hours):
            record["carbon_g"] = carbon_by_hours(given, begun_s, record, pue)
        source = record["carbon_g"].source if isinstance(given, Hours) else carbon.source
        facts = {**meter.facts().model_dump(mode="json"), "grid": source}
    finally:
        meter.close()
    if units is not None:
        grams = record["carbon_g"], record["embodied_g"]
        record["sci"] = carbon_intensity_score(*grams, units, unit)
    record = {"meter": facts, **record}
    if output is not None:
        output.write_text(as_json(record), encoding="utf-8")
    if json:
        typer.echo(as_json(record), nl=False)
    elif output is None:
        typer.echo("\n".join(record_lines(record)), err=True)
    raise typer.Exit(status)
