"""TensorBoard: a folder of events a cell, with its settings in the tab HParams."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote

from greendapt.report.trackers.cell_logs import LOSS, CellLog, RunLog


def write(log: RunLog, folder: Path) -> str:
    for cell in log.cells:
        _write_cell(cell, log.started_s, folder / re.sub(r"[^\w.@:=-]+", "-", cell.name))
    return f"tensorboard --logdir {quote(str(folder))}"


def _write_cell(cell: CellLog, started_s: float, folder: Path) -> None:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(folder))

    def add(summary: object, step: int) -> None:
        writer.add_event(Event(wall_time=started_s, step=step, summary=summary))

    add(hparams_pb(dict(cell.settings), trial_id=cell.name, start_time_secs=started_s), 0)
    for name, value in cell.metrics.items():
        add(Summary(value=[Summary.Value(tag=name, simple_value=value)]), 0)
    for epoch, loss in enumerate(cell.losses, 1):
        add(Summary(value=[Summary.Value(tag=LOSS, simple_value=loss)]), epoch)
    writer.close()
