"""Learning curves of adaptation over the energy spent, from the losses of every epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from statistics import fmean

from greendapt.core.records import AdaptDetails, Record, Row, TrainingDetails
from greendapt.report.view.model import Curve, Learning
from greendapt.store.runinfo import RunData

Points = list[tuple[float, float]]
"""Energy so far (J) and validation loss, one an epoch."""


def learning(run: RunData, marks: Mapping[str, int]) -> tuple[Learning, ...]:
    """One set of curves a backbone and objective: losses of two objectives do not compare.

    A strategy takes part when each of its adaptation stages has an energy and validation losses.
    """
    records = {record.key: record for record in run.records}
    chains = {(row.backbone, row.strategy, row.seed): row for row in run.summary.rows}
    groups: dict[tuple[str, str], dict[str, list[Points]]] = {}
    for (backbone, strategy, _), row in chains.items():
        phases = run.info.suite.phases(strategy)
        objectives = {str(phase.objective) for phase in phases}
        points = _points(row, records)
        whole = all(phase.until is None for phase in phases)  # a checkpoint lies on another's curve
        if whole and points and len(objectives) == 1:
            group = groups.setdefault((backbone, objectives.pop()), {})
            group.setdefault(strategy, []).append(points)
    return tuple(
        Learning(
            f"{backbone}, {objective}" if len(groups) > 1 else "",
            tuple(_curve(name, marks[name], seeds) for name, seeds in group.items()),
        )
        for (backbone, objective), group in groups.items()
    )


def _points(row: Row, records: Mapping[str, Record]) -> Points:
    """The chain's epochs, phase after phase; empty where a stage lacks energy or losses."""
    stages = [records[key] for key in row.stages if key in records]
    points: Points = []
    spent = 0.0
    for stage in (stage for stage in stages if stage.role == "adaptation"):
        energy = stage.figures.get("energy_j")
        losses = _losses(stage)
        if (
            energy is None
            or energy.value is None
            or (isinstance(stage.details, AdaptDetails) and not losses)
        ):
            return []
        shares = epoch_shares(stage, len(losses))
        points += [
            (spent + share * energy.value, float(loss))
            for share, loss in zip(shares, losses, strict=True)
        ]
        spent += energy.value
    return points


def _losses(stage: Record) -> list[float]:
    """One an epoch that this stage ran; none for one that trains nothing (a stored prefix).

    A stage that goes on from an earlier one holds the losses of both, and its own times.
    """
    details = stage.details
    if not isinstance(details, TrainingDetails):
        return []
    return list(details.val_loss[-len(details.epoch_s) :] if details.epoch_s else details.val_loss)


def epoch_shares(stage: Record, epochs: int) -> list[float]:
    """Which part of a stage had passed at the end of each epoch, by the clock.

    What lies outside the epochs (loading, a constant prefix) comes before them. Records without
    the clock's times have epochs of equal length: they do equal work.
    """
    ends = stage.details.epoch_s if isinstance(stage.details, TrainingDetails) else ()
    wall_s = stage.value("wall_s") or 0.0
    if not ends or len(ends) != epochs or ends[-1] > wall_s:
        return [(epoch + 1) / epochs for epoch in range(epochs)]
    return [1 - (ends[-1] - end) / wall_s for end in ends]


def _curve(name: str, mark: int, seeds: Sequence[Points]) -> Curve:
    """The mean over seeds at each epoch that all of them reached."""
    best = [list(accumulate((loss for _, loss in points), min)) for points in seeds]
    epochs = min(map(len, seeds))
    return Curve(
        name,
        mark,
        len(seeds),
        tuple(fmean(points[i][0] for points in seeds) for i in range(epochs)),
        tuple(fmean(losses[i] for losses in best) for i in range(epochs)),
    )
