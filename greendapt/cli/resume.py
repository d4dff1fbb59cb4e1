"""``greendapt resume``: go on with a run that was stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greendapt.cli.options import (
    BudgetText,
    ExecutorName,
    Json,
    Quiet,
    SlurmSettings,
    Trust,
    Workers,
)


def resume(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(help="A run folder, such as runs/chestxray-...")],
    budget: BudgetText = None,
    executor: ExecutorName = None,
    workers: Workers = None,
    slurm: SlurmSettings = None,
    trust: Trust = False,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Go on with a run that was stopped, saying why each stage runs or is reused.

    A --budget is what this command may take, whatever the run took before: so much more.
    """
    from greendapt import api
    from greendapt.cli.running import budget_of, show_run
    from greendapt.run.workers.choose import executor as executor_of
    from greendapt.store.run import RunFolder
    from greendapt.suite import own_code

    (own_code.trust if trust else own_code.require)(RunFolder(run).read().suite)

    finished = api.resume(
        run,
        executor=executor_of(executor, workers, slurm or []),
        progress=not quiet,
        budget=budget_of(budget),
        debug=bool(context.obj),
    )
    show_run(finished, json=json, quiet=quiet)
