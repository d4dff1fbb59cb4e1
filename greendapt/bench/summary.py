"""From records to ``summary.json``: what each cell reached and what it cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import fmean

from greendapt.bench.plan import Cell
from greendapt.core.figures import Figure, add
from greendapt.core.records import COST_UNITS, SCHEMA, Failure, Record, Role, Row, Summary
from greendapt.core.suite import Suite
from greendapt.stats.pareto import pareto_front

_SUMMED = [name for name in COST_UNITS if name != "peak_memory_bytes"]
_PAID: tuple[Role, ...] = ("adaptation", "transfer")
"""Whose cost is a strategy's: generic pre-training is sunk, judging is not part of using it."""


def summarize(
    suite: Suite,
    cells: list[Cell],
    records: Mapping[str, Record],
    *,
    synthetic: bool,
    notes: list[str],
) -> Summary:
    """One row a finished cell, one failure a cell that did not finish."""
    rows, failures = [], []
    for cell in cells:
        chain = [records[stage.key] for stage in cell.stages if stage.key in records]
        broken = next((record for record in chain if record.status == "failed"), None)
        if broken is None and len(chain) == len(cell.stages):
            rows.append(_row(cell, chain))
        elif broken is not None:
            failures.append(_failure(cell, broken))
    done = [record for record in records.values() if record.status == "done"]
    here = [record for record in done if not record.reused]
    return Summary(
        schema=SCHEMA,
        synthetic=synthetic,
        suite=suite.name,
        profile=suite.profile,
        rows=_with_front(rows),
        failures=failures,
        sunk=costs(record for record in done if record.role == "sunk"),
        spent=costs(record for record in here if record.role != "sunk"),
        notes=notes,
    )


def costs(records: Iterable[Record]) -> dict[str, Figure]:
    """The sum of each figure over stages (the maximum for memory); empty for no stage."""
    figures = [record.figures for record in records]
    if not figures:
        return {}
    said = {name: add(f[name] for f in figures) for name in _SUMMED}
    return said | {"peak_memory_bytes": _largest(f["peak_memory_bytes"] for f in figures)}


def _row(cell: Cell, chain: list[Record]) -> Row:
    by_role: dict[str, list[Record]] = defaultdict(list)
    for record in chain:
        by_role[record.role].append(record)
    paid = costs(record for record in chain if record.role in _PAID)
    trained = [record.details.get("trainable_params", 0) for record in by_role["adaptation"]]
    return Row(
        strategy=cell.strategy,
        backbone=cell.backbone,
        seed=cell.seed,
        transfer=cell.transfer,
        shots=cell.shots,
        metrics=chain[-1].metrics,
        wall_s=paid["wall_s"],
        energy_j=paid["energy_j"],
        carbon_g=paid["carbon_g"],
        training_flops=paid["training_flops"],
        peak_memory_bytes=paid["peak_memory_bytes"],
        parts={role: costs(of) for role, of in by_role.items()},
        stages=[stage.key for stage in cell.stages],
        trainable_params=max(trained, default=0),
    )


def _failure(cell: Cell, record: Record) -> Failure:
    return Failure(
        strategy=cell.strategy,
        backbone=cell.backbone,
        seed=cell.seed,
        transfer=cell.transfer,
        shots=cell.shots,
        stage=record.label,
        error=record.error or "",
    )


def _with_front(rows: list[Row]) -> list[Row]:
    """Mark the strategies on the front of mean carbon against mean development AUC."""
    groups: dict[tuple[str, str], dict[tuple[str, str], list[Row]]]
    groups = defaultdict(lambda: defaultdict(list))
    for row in rows:
        groups[(row.transfer, str(row.shots))][(row.strategy, row.backbone)].append(row)
    best: set[tuple[str, str, str, str]] = set()
    for where, strategies in groups.items():
        points = {who: point for who, of in strategies.items() if (point := _point(of))}
        if points:
            front = pareto_front([p[0] for p in points.values()], [p[1] for p in points.values()])
            best |= {(*where, *who) for who, on in zip(points, front, strict=True) if on}
    return [
        row.model_copy(
            update={"on_front": (row.transfer, str(row.shots), row.strategy, row.backbone) in best}
        )
        for row in rows
    ]


def _point(rows: list[Row]) -> tuple[float, float] | None:
    costs = [row.carbon_g.value for row in rows if row.carbon_g.value is not None]
    values = [a for row in rows if (a := row.metrics["development"]["auc"]) is not None]
    return (fmean(costs), fmean(values)) if costs and values else None


def _largest(figures: Iterable[Figure]) -> Figure:
    known = [figure for figure in figures if figure.value is not None]
    if not known:
        return Figure.unavailable("byte", "peak memory could not be read")
    return max(known, key=lambda figure: figure.value or 0.0)
