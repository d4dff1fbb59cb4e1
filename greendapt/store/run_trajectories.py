"""The trajectories of one's own run: what each kept checkpoint scored, cost and gave downstream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from greendapt.core.records import Record, Row, Summary
from greendapt.stats.series import Series
from greendapt.suite.checkpoints import kept_epochs
from greendapt.suite.models import Suite

_POINTS = 100.0
"""AUC and Dice in points, as in the released tables."""


def trajectories(
    suite: Suite, summary: Summary, records: Iterable[Record], development: str
) -> list[Series]:
    """A series for each strategy that keeps checkpoints, backbone, transfer, shots and seed (each
    seed is a pre-training of its own); none where fewer than two epochs finished.

    Quality is the development score in points. Costs are those of the adaptation up to the epoch.
    A series' dataset is the task its transfer names, else ``development``.
    """
    by_key = {record.key: record for record in records}
    rows: dict[tuple[object, ...], list[tuple[int, Row]]] = {}
    judged = [row for row in summary.rows if _quality(row) is not None]
    for strategy in suite.strategy:
        names = kept_epochs(suite, strategy)
        for row in (row for row in judged if row.strategy in names):
            setup = (strategy, row.backbone, row.transfer, _shots(row), f"seed {row.seed}")
            rows.setdefault(setup, []).append((names[row.strategy], row))
    return [
        _series(
            ", ".join(map(str, setup)),
            suite.transfer[found[0][1].transfer].target or development,
            sorted(found, key=lambda at: at[0]),
            by_key,
        )
        for setup, found in rows.items()
        if len(found) > 1
    ]


def _shots(row: Row) -> str:
    return "all labels" if row.shots == "full" else f"{row.shots} labels a class"


def _series(
    name: str, dataset: str, found: list[tuple[int, Row]], records: Mapping[str, Record]
) -> Series:
    epochs = [epoch for epoch, _ in found]
    scores = [_scores(row, epoch, records) for epoch, row in found]
    known = dict.fromkeys(name for one in scores for name in one)

    def spent(figure: str) -> np.ndarray:
        parts = [row.parts["adaptation"].get(figure) for _, row in found]
        return np.array([np.nan if f is None or f.value is None else f.value for f in parts])

    return Series(
        name,
        dataset,
        np.array(epochs),
        _POINTS * np.array([[_quality(row) for _, row in found]], dtype=np.float64),
        {name: np.array([one.get(name, np.nan) for one in scores]) for name in known},
        energy_j=spent("energy_j"),
        wall_s=spent("wall_s"),
    )


def _quality(row: Row) -> float | None:
    reached: dict[str, float | None] = row.metrics["development"]
    return reached["dice"] if "dice" in reached else reached["auc"]


def _scores(row: Row, epoch: int, records: Mapping[str, Record]) -> dict[str, float]:
    """What the phase said after ``epoch``, higher is better."""
    *_, last = (records[key] for key in row.stages if records[key].kind == "adapt")
    taken: dict[str, float | None] = next(
        (one for one in last.details.get("scores", []) if one["epoch"] == epoch), {}
    )
    losses = last.details.get("val_loss") or []
    found = {"val_loss": -losses[epoch - 1]} if len(losses) >= epoch else {}
    for name, value in taken.items():
        if name != "epoch" and value is not None:
            found[name.removeprefix("-")] = -value if name.startswith("-") else value
    return found
