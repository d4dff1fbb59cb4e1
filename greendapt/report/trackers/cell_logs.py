"""What every tracker is told of a run: a cell is a run of its own there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Protocol

from greendapt.core.records import Record, Row, TrainingDetails
from greendapt.core.text import shots_text
from greendapt.report.public import Public
from greendapt.report.view.columns import row_values
from greendapt.store.runinfo import RunData

LOSS = "adaptation/val_loss"
"""What the losses of a cell are called."""


@dataclass(frozen=True)
class CellLog:
    """``settings``: texts. ``metrics``: scores, and costs in the units of their names, known ones
    alone. ``losses``: validation losses of adaptation, one an epoch, phase after phase."""

    name: str
    settings: Mapping[str, str]
    metrics: Mapping[str, float]
    losses: tuple[float, ...]


@dataclass(frozen=True)
class RunLog:
    """``project``: the suite's name. ``started_s``: seconds since 1970."""

    project: str
    name: str
    started_s: float
    cells: tuple[CellLog, ...]


class Open(Protocol):
    """A run that Trackio or Weights & Biases has begun."""

    def log(self, values: dict[str, float]) -> object: ...
    def finish(self) -> object: ...


def log_cell(cell: CellLog, made: Open) -> None:
    """All that a cell has, and the end of it."""
    for loss in cell.losses:
        made.log({LOSS: loss})
    made.log(dict(cell.metrics))
    made.finish()


def run_log(run: RunData, name: str) -> RunLog:
    """Of the cells that are done. No path of the machine it ran on is in it."""
    run = Public.of(run).run(run)
    records = {record.key: record for record in run.records}
    started_s = datetime.fromisoformat(run.info.started_at).timestamp()
    cells = tuple(_cell(run, row, records) for row in run.summary.rows)
    return RunLog(run.info.suite.name, name, started_s, cells)


def _cell(run: RunData, row: Row, records: Mapping[str, Record]) -> CellLog:
    values = row_values(row)
    settings = {key: value for key, value in values.items() if isinstance(value, str)}
    metrics = {
        key.replace(".", "/"): float(value)  # trackers group by what stands before a slash
        for key, value in values.items()
        if isinstance(value, int | float) and isfinite(value) and key != "seed"
    }
    info = run.info
    about = {
        "seed": str(row.seed),
        "suite": info.suite.name,
        "profile": info.suite.profile,
        "grid": info.grid.source,
        "machine": info.fingerprint,
        "greendapt": info.version,
        "caution": " ".join(run.cautions),
    }
    settings |= {key: value for key, value in about.items() if value}
    name = f"{row.backbone}, {row.strategy}, {row.transfer}, {shots_text(row.shots)}"
    return CellLog(f"{name}, seed {row.seed}", settings, metrics, _losses(row, records))


def _losses(row: Row, records: Mapping[str, Record]) -> tuple[float, ...]:
    stages = [records[key] for key in row.stages if key in records]
    return tuple(
        loss
        for stage in stages
        if stage.role == "adaptation" and isinstance(stage.details, TrainingDetails)
        for loss in stage.details.val_loss
    )
