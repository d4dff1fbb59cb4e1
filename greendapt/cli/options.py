"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, nothing else there.")]

Tiers = Annotated[
    str | None,
    typer.Option(metavar="NAMES", help="exact, noisy, accuracy, joined by commas; all without."),
]
