"""``greendapt resume``: go on with a run that was stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greendapt.cli.options import ExecutorName, Json, SlurmSettings, Workers


def resume(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="A run folder, such as runs/chestxray-...")],
    executor: ExecutorName = None,
    workers: Workers = None,
    slurm: SlurmSettings = None,
    json: Json = False,
) -> None:
    """Go on with a run that was stopped, saying why each stage runs or is reused."""
    from greendapt import api
    from greendapt.cli.running import show_run
    from greendapt.run.workers.choose import executor as executor_of

    workers_of_it = executor_of(executor, workers, slurm or [])
    show_run(api.resume(run, executor=workers_of_it, debug=bool(context.obj)), json=json)
