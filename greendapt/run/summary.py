"""From records to ``summary.json``: what each cell reached and what it cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any

from greendapt.accounting.grams import with_grams, with_scores
from greendapt.accounting.grid import Grid
from greendapt.accounting.lifetime import use_of, with_predictions
from greendapt.core.figures import Figure, added
from greendapt.core.records import (
    COST_UNITS,
    METERED_UNITS,
    PAID,
    SCHEMA,
    Failure,
    PlannedCell,
    Record,
    Role,
    Row,
    Summary,
    TrainingDetails,
)
from greendapt.stats.pareto import pareto_front
from greendapt.store.checkpoints import adapted_backbone
from greendapt.suite.models import Suite

_SUMMED = {name: unit for name, unit in METERED_UNITS.items() if name != "peak_memory_bytes"}
_IN_ROW = [name for name in COST_UNITS if name in Row.model_fields]


def summarize(
    suite: Suite,
    cells: Sequence[PlannedCell],
    records: Mapping[str, Record],
    grid: Grid,
    *,
    synthetic: bool,
    notes: list[str],
) -> Summary:
    """One row a finished cell, one failure a cell that did not finish; grams are of ``grid``."""
    rows, failures = [], []
    for cell in cells:
        chain = [records[key] for key in cell.stages if key in records]
        broken = next((record for record in chain if record.status == "failed"), None)
        if broken is None and len(chain) == len(cell.stages):
            rows.append(_row(cell, chain, grid))
        elif broken is not None:
            failures.append(_failure(cell, broken))
    done = [record for record in records.values() if record.status == "done"]
    here = [record for record in done if not record.reused]
    return Summary(
        schema=SCHEMA,
        synthetic=synthetic,
        suite=suite.name,
        profile=suite.profile,
        rows=_with_front(
            [_in_use(row, records, suite, grid) for row in with_scores(rows, suite)],
            suite.verdict.metric,
        ),
        failures=failures,
        sunk=costs((record for record in done if record.role == "sunk"), grid),
        spent=costs((record for record in here if record.role != "sunk"), grid),
        notes=notes,
    )


def costs(records: Iterable[Record], grid: Grid) -> dict[str, Figure]:
    """The sum of each figure over stages (the maximum for memory), with the grams of ``grid``;
    empty for no stage."""
    figures = [record.figures for record in records]
    if not figures:
        return {}
    sums = added(figures, _SUMMED)
    peak = _largest(f["peak_memory_bytes"] for f in figures)
    return with_grams({**sums, "peak_memory_bytes": peak}, grid)


def _row(cell: PlannedCell, chain: list[Record], grid: Grid) -> Row:
    by_role: dict[str, list[Record]] = defaultdict(list)
    for record in chain:
        by_role[record.role].append(record)
    paid = costs((record for record in chain if record.role in PAID), grid)
    trained = [d.trainable_params for d in _trainings(chain, "adaptation")]
    in_row: dict[str, Any] = {name: paid[name] for name in _IN_ROW}
    return Row(
        **cell.model_dump(),
        metrics=chain[-1].metrics,
        **in_row,
        parts={role: costs(of, grid) for role, of in by_role.items()},
        checkpoint=adapted_backbone(cell.stages, {record.key: record for record in chain}),
        trainable_params=max(trained, default=0),
        counts=_counts(chain),
    )


def _in_use(row: Row, records: Mapping[str, Record], suite: Suite, grid: Grid) -> Row:
    """With as many predictions as the suite asks for."""
    predictions = suite.use.predictions if suite.use else 0
    return with_predictions(row, use_of(row, records), predictions, grid)


def _counts(chain: list[Record]) -> dict[str, int]:
    """See `Row.counts`."""
    paid = _trainings(chain, *PAID)
    parts = [record.details.params for record in chain if record.role == "transfer"]
    return {
        "params": sum(parts),
        "optimizer_steps": sum(details.steps for details in paid),
        "samples": sum(details.samples for details in paid),
        "cached_bytes": sum(r.details.cached_bytes for r in chain if r.role in PAID),
    }


def _trainings(chain: list[Record], *roles: Role) -> list[TrainingDetails]:
    of = [record.details for record in chain if record.role in roles]
    return [details for details in of if isinstance(details, TrainingDetails)]


def _failure(cell: PlannedCell, record: Record) -> Failure:
    return Failure(
        **cell.model_dump(exclude={"stages"}),
        stage=record.label,
        error=record.error or "",
    )


def _with_front(rows: list[Row], metric: str | None) -> list[Row]:
    """Mark the strategies on the front of mean carbon against the mean development score."""
    groups: dict[tuple[str, str], dict[tuple[str, str], list[Row]]]
    groups = defaultdict(lambda: defaultdict(list))
    for row in rows:
        groups[(row.transfer, str(row.shots))][(row.strategy, row.backbone)].append(row)
    best: set[tuple[str, str, str, str]] = set()
    for where, strategies in groups.items():
        points = {who: point for who, of in strategies.items() if (point := _point(of, metric))}
        if points:
            front = pareto_front([p[0] for p in points.values()], [p[1] for p in points.values()])
            best |= {(*where, *who) for who, on in zip(points, front, strict=True) if on}
    return [
        row.model_copy(
            update={"on_front": (row.transfer, str(row.shots), row.strategy, row.backbone) in best}
        )
        for row in rows
    ]


def _point(rows: list[Row], metric: str | None) -> tuple[float, float] | None:
    costs = [row.carbon_g.value for row in rows if row.carbon_g.value is not None]
    values = [
        value for row in rows if (value := row.reached(metric) if metric else row.score) is not None
    ]
    return (fmean(costs), fmean(values)) if costs and values else None


def _largest(figures: Iterable[Figure]) -> Figure:
    readable = [figure for figure in figures if figure.value is not None]
    if not readable:
        return Figure.unavailable("byte", "peak memory could not be read")
    return max(readable, key=lambda figure: figure.value or 0.0)
