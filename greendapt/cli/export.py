"""``greendapt export RUN``: an adapted backbone for timm, or the run for a tracker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greendapt.core.terminal import show


def export(
    run: Annotated[Path, typer.Argument(help="The folder of a run: runs/<suite>-<time>.")],
    strategy: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose adapted backbone.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="TRACKER",
            help="Instead of a backbone: every cell with its settings, scores and costs, for "
            "mlflow, tensorboard, trackio or wandb.",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of this seed; the first without it.")] = None,
    setting: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS", help="Where there are several: the backbone, or the transfer."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder to write; in the run's exports/ without it."),
    ] = None,
    push_to_hub: Annotated[
        str | None,
        typer.Option(
            metavar="OWNER/NAME",
            help="Also upload it to this repository of the Hugging Face hub, made private if new.",
        ),
    ] = None,
) -> None:
    """Write the adapted backbone of a run as a folder that timm loads (--strategy), or all its
    cells for an experiment tracker (--to), and print how to use it.

    With a backbone's weights go the scaling, padding and image size that it was adapted with, and a
    model card. A backbone that was cut is none of timm's: the lines build it with greendapt.
    """
    from greendapt import api
    from greendapt.core.errors import RunError

    if (strategy is None) == (to is None):
        raise RunError("export: give --strategy NAME (its backbone) or --to TRACKER (the run)")
    asked = api.read_run(run)
    if to is not None:
        if (seed, setting, push_to_hub) != (None, None, None):
            raise RunError("export --to: --seed, --setting and --push-to-hub are of --strategy")
        tracked = asked.track(to, out)
        show(f"# {tracked.folder}\n{tracked.next_step}")
        return
    assert strategy is not None
    done = asked.export(strategy, seed=seed, setting=setting, out=out, push_to_hub=push_to_hub)
    show(f"# {done.folder}\n{done.loading}", end="")
    if done.address:
        show(f"# {done.address}")
