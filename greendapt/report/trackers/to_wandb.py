"""Weights & Biases, offline: ``wandb sync`` sends it when its user says so."""

from __future__ import annotations

import os
from pathlib import Path
from shlex import quote

from greendapt.report.trackers.cell_logs import RunLog, log_cell


def write(log: RunLog, folder: Path) -> str:
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb

    settings = wandb.Settings(
        silent=True,
        console="off",
        disable_code=True,
        disable_git=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )
    for cell in log.cells:
        made = wandb.init(
            mode="offline",
            dir=str(folder),
            project=log.project,
            group=log.name,
            name=cell.name,
            config=dict(cell.settings),
            settings=settings,
        )
        log_cell(cell, made)
    return f"wandb sync {quote(str(folder / 'wandb'))}/offline-run-*"
