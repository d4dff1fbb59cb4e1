"""``greendapt bench``: run a suite."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from greendapt.cli.options import (
    BudgetText,
    ExecutorName,
    Json,
    Metric,
    Quiet,
    SlurmSettings,
    Trust,
    Verbose,
    Workers,
)
from greendapt.cli.running import announce, goes_on

if TYPE_CHECKING:
    from greendapt.api import Run
    from greendapt.run.budget import Budget
    from greendapt.suite.models import Suite


# a parameter an option: typer reads them from here
def bench(
    context: typer.Context,
    suite: Annotated[
        str,
        typer.Option(
            "--suite",
            "-s",
            metavar="NAME|FILE",
            help="A suite that comes with greendapt, or a TOML file of your own.",
        ),
    ] = "chestxray",
    profile: Annotated[
        str,
        typer.Option(
            "--profile",
            "-p",
            metavar="NAME",
            help="smoke, default, paper, or another of the suite's.",
        ),
    ] = "default",
    data: Annotated[
        list[str] | None,
        typer.Option(
            "--data",
            "-d",
            metavar="ROLE=DIR[:COLUMN][@SPLIT][?KEY=VALUE&...][+DIR...]",
            help="Your data as pool, development or external (repeatable); + joins folders.",
        ),
    ] = None,
    allow_leaks: Annotated[
        bool,
        typer.Option(
            "--allow-leaks", help="Go on where test images were trained on; the verdict says so."
        ),
    ] = False,
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|FILE", help="fractal, timm, none, or a file (.safetensors, .pth, ...)."
        ),
    ] = None,
    backbone: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="timm models or hf-hub:ORG/NAME, joined by commas."),
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(metavar="PIXELS", help="Of each side of an image.")
    ] = None,
    strategies: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Those to run, joined by commas; all without."),
    ] = None,
    transfers: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Likewise: how backbones are used.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Of every phase of adaptation.")
    ] = None,
    lr: Annotated[
        float | None, typer.Option(metavar="X", help="Likewise: the learning rate.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Likewise: images a step.")
    ] = None,
    shots: Annotated[
        str | None, typer.Option(metavar="N,...", help="Images per class, such as 5,20,full.")
    ] = None,
    seeds: Annotated[
        str | None,
        typer.Option(
            "--seeds",
            "-n",
            metavar="N|N..M",
            help="How many; 3..20: more until the best buy is decided; 1..12: a race.",
        ),
    ] = None,
    margin: Annotated[
        float | None,
        typer.Option(metavar="X", help="So much worse in AUC or Dice is as good (0.02)."),
    ] = None,
    metric: Metric = None,
    predictions: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=0,
            help="Costs are of adaptation, transfer and so many predictions, which are measured.",
        ),
    ] = None,
    sensitivity: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="Thresholds reach this on validation (0.95); without it the most sensitivity + "
            "specificity.",
        ),
    ] = None,
    device: Annotated[
        str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda (ROCm too), xpu, mps.")
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            metavar="PLACE", help="The grid of a place: DEU, USA-CA, gcp:us-west1, EU, ..."
        ),
    ] = None,
    intensity: Annotated[
        str | None,
        typer.Option(
            metavar="G_PER_KWH|FILE.csv", help="Grid intensity in g CO2e/kWh, or a file of hours."
        ),
    ] = None,
    pue: Annotated[
        float | None, typer.Option(metavar="X", help="Energy of the building over that of IT.")
    ] = None,
    prefix_cache: Annotated[
        bool | None,
        typer.Option(
            "--prefix-cache/--no-prefix-cache", help="Compute constant prefixes once per image."
        ),
    ] = None,
    fast_step: Annotated[
        bool | None,
        typer.Option(
            "--fast-step/--no-fast-step",
            help="Try how a step is fastest here; or plain float32.",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any key of the suite (repeatable)."),
    ] = None,
    trust: Trust = False,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Where run folders go.")
    ] = Path("runs"),
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of the run's folder; the suite and the time without."),
    ] = None,
    reuse: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Take over from that run the stages that are the same."),
    ] = None,
    budget: BudgetText = None,
    executor: ExecutorName = None,
    workers: Workers = None,
    slurm: SlurmSettings = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    json: Json = False,
) -> None:
    """Run a suite: every strategy metered, judged, and put into a report.

    Example: greendapt bench --suite chestxray --data pool=XRAYS --data development=LABELLED
    """
    from greendapt.cli.running import budget_of, show_run

    asked = suite_of(context.params)
    show_run(started(context, asked, budget_of(budget)), json=json, quiet=quiet)


def started(context: typer.Context, suite: Suite, budget: Budget | None) -> Run:
    """A run of ``suite`` as the options of the command say, to its end."""
    given: dict[str, Any] = context.params
    if not given["quiet"]:
        announce(suite)
    from greendapt import api
    from greendapt.run.workers.choose import executor

    return api.run(
        suite,
        out=given["out"],
        reuse=given["reuse"],
        executor=executor(given["executor"], given["workers"], given["slurm"] or []),
        progress=not given["quiet"],
        explain=given["verbose"],
        go_on=goes_on,
        budget=budget,
        name=given["name"],
        command=shlex.join(["greendapt", *sys.argv[1:]]),
        debug=bool(context.obj),
    )


def suite_of(given: Mapping[str, Any]) -> Suite:
    """The suite that options of these names ask for, its own code run if that is trusted."""
    from greendapt.cli.running import note
    from greendapt.suite import overrides, own_code, suite_files

    change = overrides.clean(
        {
            "run": {
                "seeds": overrides.seeds(given["seeds"]),
                "strategies": overrides.names(given["strategies"]),
                "transfers": overrides.names(given["transfers"]),
                "shots": overrides.shots(given["shots"]),
                "device": given["device"],
                "prefix_cache": given["prefix_cache"],
                "fast_step": given["fast_step"],
            },
            "model": {
                "backbones": overrides.names(given["backbone"]),
                "image_size": given["image_size"],
                "weights": overrides.weights(given["weights"]),
            },
            "verdict": {"margin": given["margin"], "metric": given["metric"]},
            "use": {"predictions": given["predictions"]},
            "evaluation": {"sensitivity": given["sensitivity"]},
            "carbon": {
                "region": given["region"],
                "intensity_g_per_kwh": given["intensity"],
                "pue": given["pue"],
            },
            "data": {
                **overrides.datasets(given["data"] or []),
                "allow_leaks": given["allow_leaks"] or None,
            },
        }
    )
    changes: list[dict[str, Any]] = [change, *map(suite_files.setting, given["set_"] or [])]
    adaptation = overrides.clean(
        {
            "epochs": given["epochs"],
            "learning_rate": given["lr"],
            "batch_size": given["batch_size"],
        }
    )
    path = suite_files.find(given["suite"])
    suite = suite_files.load(path, given["profile"], changes, note, adaptation)
    (own_code.trust if given["trust"] else own_code.require)(suite)
    return suite
