"""MLflow: a database in the folder, or the server that MLFLOW_TRACKING_URI names."""

from __future__ import annotations

import os
import re
from pathlib import Path
from shlex import quote

from greendapt.report.trackers.cell_logs import LOSS, RunLog


def write(log: RunLog, folder: Path) -> str:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    server = os.environ.get("MLFLOW_TRACKING_URI")
    address = server or f"sqlite:///{folder}/mlflow.db"
    client = MlflowClient(tracking_uri=address)
    at_ms = int(1000 * log.started_s)
    known = client.get_experiment_by_name(log.project)
    files = None if server else (folder / "artifacts").as_uri()
    experiment = known.experiment_id if known else client.create_experiment(log.project, files)
    for cell in log.cells:
        tags = {"mlflow.runName": cell.name, "greendapt.run": log.name}
        made = client.create_run(experiment, start_time=at_ms, tags=tags).info.run_id
        metrics = [Metric(_name(k), value, at_ms, 0) for k, value in cell.metrics.items()]
        metrics += [Metric(LOSS, loss, at_ms, epoch) for epoch, loss in enumerate(cell.losses, 1)]
        for start in range(0, len(metrics), 1000):  # as many as one request takes
            client.log_batch(made, metrics=metrics[start : start + 1000])
        client.log_batch(made, params=[Param(_name(k), v) for k, v in cell.settings.items()])
        client.set_terminated(made)
    return f"mlflow ui --backend-store-uri {quote(address)}"


def _name(text: str) -> str:
    """With the letters that MLflow takes."""
    return re.sub(r"[^\w./ -]", "_", text)
