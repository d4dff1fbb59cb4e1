"""``greendapt export RUN --strategy S``: an adapted backbone as a folder that timm loads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greendapt.core.terminal import show


def export(
    run: Annotated[Path, typer.Argument(help="The folder of a run: runs/<suite>-<time>.")],
    strategy: Annotated[str, typer.Option(metavar="NAME", help="Whose adapted backbone.")],
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
    """Write the adapted backbone of a run as a folder that timm loads, and print how.

    With its weights go the scaling, padding and image size that it was adapted with, and a model
    card. A backbone that was cut is none of timm's: the lines build it with greendapt.
    """
    from greendapt import api

    done = api.read_run(run).export(
        strategy, seed=seed, setting=setting, out=out, push_to_hub=push_to_hub
    )
    show(f"# {done.folder}\n{done.loading}", end="")
    if done.address:
        show(f"# {done.address}")
