"""``greendapt cite``: what to cite."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from greendapt.core.terminal import show


def cite(
    run: Annotated[
        Path | None,
        typer.Argument(help="A run: its version, and the papers its suite is of."),
    ] = None,
) -> None:
    """Print what to cite, as BibTeX: greendapt, and the papers whose methods it runs."""
    from greendapt.report.citations import bibtex
    from greendapt.report.report_files import run_folder

    show(bibtex(None if run is None else run_folder(run).read()), end="")
