"""The trajectories of one's own run: what each kept checkpoint scored, cost and gave downstream."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from greendapt.core.records import AdaptDetails, Record, Row
from greendapt.core.text import shots_text
from greendapt.stats.series import Series
from greendapt.store.runinfo import RunData
from greendapt.suite.checkpoints import kept_epochs

_POINTS = 100.0
"""AUC and Dice in points, as in the released tables."""


def trajectories(run: RunData) -> list[Series]:
    """A series for each strategy that keeps checkpoints, backbone, transfer, shots and seed (each
    seed is a pre-training of its own); none where fewer than two epochs finished.

    Quality is the development score in points. Costs are those of the adaptation up to the epoch.
    A series' dataset is the task its transfer names, else the development data.
    """
    suite, development = run.info.suite, run.info.data.development.name
    by_key = {record.key: record for record in run.records}
    rows: dict[tuple[object, ...], list[tuple[int, Row]]] = {}
    judged = [row for row in run.summary.rows if row.score is not None]
    for strategy in suite.strategy:
        names = kept_epochs(suite, strategy)
        for row in (row for row in judged if row.strategy in names):
            setup = (
                strategy,
                row.backbone,
                row.transfer,
                shots_text(row.shots),
                f"seed {row.seed}",
            )
            rows.setdefault(setup, []).append((names[row.strategy], row))
    return [
        _series(
            ", ".join(map(str, setup)),
            suite.transfer[by_epoch[0][1].transfer].target or development,
            sorted(by_epoch, key=lambda at: at[0]),
            by_key,
        )
        for setup, by_epoch in rows.items()
        if len(by_epoch) > 1
    ]


def _series(
    name: str, dataset: str, by_epoch: list[tuple[int, Row]], records: Mapping[str, Record]
) -> Series:
    epochs = [epoch for epoch, _ in by_epoch]
    scores = [_scores(row, epoch, records) for epoch, row in by_epoch]
    names = dict.fromkeys(name for one in scores for name in one)

    def spent(figure: str) -> np.ndarray:
        parts = [row.parts["adaptation"].get(figure) for _, row in by_epoch]
        return np.array([np.nan if f is None or f.value is None else f.value for f in parts])

    return Series(
        name,
        dataset,
        np.array(epochs),
        _POINTS * np.array([[row.score for _, row in by_epoch]], dtype=np.float64),
        {name: np.array([one.get(name, np.nan) for one in scores]) for name in names},
        energy_j=spent("energy_j"),
        wall_s=spent("wall_s"),
    )


def _scores(row: Row, epoch: int, records: Mapping[str, Record]) -> dict[str, float]:
    """What the phase said after ``epoch``, higher is better."""
    every = (records[key].details for key in row.stages)
    *_, last = (details for details in every if isinstance(details, AdaptDetails))
    taken = next((one.values for one in last.scores if one.epoch == epoch), {})
    losses = last.val_loss
    scores = {"val_loss": -losses[epoch - 1]} if len(losses) >= epoch else {}
    for name, value in taken.items():
        if value is not None:
            scores[name.removeprefix("-")] = -value if name.startswith("-") else value
    return scores
