"""``greendapt compare``: runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greendapt.cli.options import Json
from greendapt.core.terminal import show_json


def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN_A RUN_B [RUN...]", help="Finished runs.")
    ],
    markdown: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write Markdown too.")
    ] = None,
    json: Json = False,
) -> None:
    """Show what differs between runs, with intervals, and which change is beyond noise.

    Each run is compared with the first one, cell by cell. Nothing is judged: see check.

    Example: greendapt compare runs/chestxray-1 runs/chestxray-2
    """
    from greendapt.core.errors import GreendaptError
    from greendapt.disk.files import write_atomic
    from greendapt.gate import comparison_text
    from greendapt.gate.compare import compare as found_in
    from greendapt.gate.facts import of_run

    if len(runs) < 2:
        raise GreendaptError("compare RUN_A RUN_B: give two runs or more")
    comparison = found_in([of_run(run) for run in runs])
    if not comparison.differences:
        raise GreendaptError("the runs have no cell in common: there is nothing to compare")
    if markdown is not None:
        write_atomic(markdown, comparison_text.as_markdown(comparison).encode())
    if json:
        show_json(comparison_text.as_json(comparison))
    else:
        comparison_text.print_text(comparison)
