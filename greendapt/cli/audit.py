"""``greendapt data audit``: what is in datasets, and what would make a result wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from greendapt.cli.options import Json
from greendapt.core.terminal import say, show_json


def audit(
    folders: Annotated[
        list[str],
        typer.Argument(
            metavar="DIR[:COLUMN][@SPLIT][?KEY=VALUE]|FILE.npz[@SPLIT]...", show_default=False
        ),
    ],
    alias: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=OTHER,...", help="Other names of a label (repeatable)."),
    ] = None,
    names: Annotated[
        bool, typer.Option("--names", help="Name files and patients; without, counts only.")
    ] = False,
    json: Json = False,
) -> None:
    """Count labels, views, sexes and ages; find shared patients, copies, unreadable images, and how
    well a trivial model tells the sources apart.

    Exit code: 0 nothing to put right, 1 something (the list ends with it), 2 usage.
    Example: greendapt data audit xrays other_hospital --alias normal=no_finding
    """
    from greendapt.core.console import Console
    from greendapt.data import audit as auditing
    from greendapt.data.audit import audit_text
    from greendapt.suite import overrides
    from greendapt.suite.datasets import FolderData, NpzData

    result = auditing.audit(
        [
            NpzData.model_validate(table)
            if table["source"] == "npz"
            else FolderData.model_validate(table)
            for table in map(overrides.folder, folders)
        ],
        aliases=overrides.aliases(alias or []),
        say=say,
    )
    if json:
        show_json(audit_text.as_json(result, names))
    else:
        Console(width=80).print(audit_text.as_text(result, names))
    raise typer.Exit(1 if result.findings else 0)
