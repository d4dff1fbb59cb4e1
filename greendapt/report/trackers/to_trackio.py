"""Trackio: a database in the folder, which ``trackio show`` reads."""

from __future__ import annotations

import os
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from shlex import quote

from greendapt.core.errors import RunError
from greendapt.report.trackers.cell_logs import RunLog, log_cell


def write(log: RunLog, folder: Path) -> str:
    os.environ["TRACKIO_DIR"] = str(folder)  # read when trackio is imported
    import trackio
    from trackio.utils import TRACKIO_DIR

    if folder != TRACKIO_DIR:
        raise RunError(
            "--to trackio: this program has imported trackio before, which writes to "
            f"{TRACKIO_DIR} alone; export from another one"
        )

    for cell in log.cells:
        with redirect_stdout(StringIO()):  # it prints how to look at it, once a cell
            made = trackio.init(
                project=log.project,
                name=cell.name,
                group=log.name,
                config=dict(cell.settings),
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
            log_cell(cell, made)
    return f"TRACKIO_DIR={quote(str(folder))} trackio show --project {quote(log.project)}"
