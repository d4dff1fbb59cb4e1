"""``greendapt baseline RUN --out FILE``: what later runs are checked against."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greendapt.cli.options import Tiers
from greendapt.core.terminal import show


def baseline(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="RUN...",
            help="Finished runs of one suite on one machine.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The baseline: commit it.")
    ] = None,
    tiers: Tiers = None,
    merge: Annotated[
        tuple[Path, Path, Path] | None,
        typer.Option(
            metavar="BASE OURS THEIRS",
            help="Instead: merge two baselines that grew from BASE into OURS (git's %O %A %B).",
        ),
    ] = None,
) -> None:
    """Write what each cell of a run costs and reaches, as a small file to review and commit.

    Figures of other machines that FILE already has stay, for cells whose exact costs are the same.
    """
    from greendapt.core.errors import RunError
    from greendapt.gate import facts, tiers_of
    from greendapt.store.baseline_merge import merge_files
    from greendapt.store.baselines import read_baseline, write_baseline

    if merge is not None:
        if runs or out or tiers:
            raise RunError("baseline --merge takes three files, and no RUN, --out or --tiers")
        merge_files(*merge)
        return
    if not runs or out is None:
        raise RunError("baseline: give the RUN to keep, and --out FILE")
    kept = read_baseline(out) if out.exists() else None
    made = facts.only(facts.as_baseline([facts.of_run(run) for run in runs], kept), tiers_of(tiers))
    write_baseline(out, made)
    show(f"{out}: cells {len(made.cells)}, machines {len(made.machines)}")
