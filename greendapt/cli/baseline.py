"""``greendapt baseline RUN --out FILE``: what later runs are checked against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greendapt.cli.options import Tiers
from greendapt.core.terminal import show


def baseline(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Finished runs of one suite on one machine."),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The baseline: commit it.")],
    tiers: Tiers = None,
) -> None:
    """Write what each cell of a run costs and reaches, as a small file to review and commit.

    Figures of other machines that FILE already has stay, for cells whose exact costs are the same.
    """
    from greendapt.gate import facts, tiers_of
    from greendapt.store.baselines import read_baseline, write_baseline

    kept = read_baseline(out) if out.exists() else None
    made = facts.only(facts.as_baseline([facts.of_run(run) for run in runs], kept), tiers_of(tiers))
    write_baseline(out, made)
    show(f"{out}: cells {len(made.cells)}, machines {len(made.machines)}")
