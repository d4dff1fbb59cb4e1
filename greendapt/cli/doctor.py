"""``greendapt doctor``: what this machine can measure."""

from __future__ import annotations

from typing import Annotated

import typer

from greendapt.core.terminal import show, show_json


def doctor(
    json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    device: Annotated[
        str, typer.Option(help="Which GPUs: auto (all visible), cpu (none), cuda:N.")
    ] = "auto",
    repeats: Annotated[int, typer.Option(min=3, help="Windows over which noise is measured.")] = 10,
) -> None:
    """Say what this machine can measure, why not the rest, and how fine its figures are."""
    from greendapt.meter.doctor import examine, report_lines
    from greendapt.meter.record_text import as_json

    report = examine(device=device, repeats=repeats)
    if json:
        show_json(as_json(report))
    else:
        show("\n".join(report_lines(report)))
