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
        str | None, typer.Option(help="Country of the grid, ISO 3166-1 alpha-3 (FRA, IND, ...).")
    ] = None,
    intensity: Annotated[
        float | None, typer.Option(help="The grid's gCO2e/kWh, instead of a country's average.")
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
    from greendapt.accounting.grid import carbon_intensity_score, grid
    from greendapt.meter import Meter
    from greendapt.meter.command import run_metered
    from greendapt.meter.record_text import as_json, record_lines

    carbon = grid(region, intensity, pue).with_machine(embodied_kg, lifetime_years)
    meter = Meter(device=device, carbon=carbon, align=True, idle_s=idle)
    try:
        status, record = run_metered(command, meter, quiet_stdout=json)
        facts = {**meter.facts().model_dump(mode="json"), "grid": carbon.source}
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
