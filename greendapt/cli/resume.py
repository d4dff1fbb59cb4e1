"""``greendapt resume``: go on with a run that was stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greendapt.cli.options import Json


def resume(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="A run folder, such as runs/chestxray-...")],
    json: Json = False,
) -> None:
    """Go on with a run that was stopped, saying why each stage runs or is reused."""
    from greendapt.cli.running import run_again

    run_again(run, json=json, debug=bool(context.obj))
