"""A plan as text and as JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from greendapt.accounting.grid import Grid
from greendapt.accounting.hourly import GridAsked, Spell
from greendapt.core.figures import Figure, Quality
from greendapt.core.text import aligned
from greendapt.core.units import duration, energy, grams, si
from greendapt.forecast.plan_bill import bill_sentence, planned_bill
from greendapt.run.plan import Cell
from greendapt.store.forecasts import Expected, Forecast
from greendapt.suite.models import Suite

_HEADER: tuple[str, ...] = ("if it ran alone", "stages", "FLOPs", "time", "energy", "carbon")


def by_strategy(cells: Sequence[Cell], plan: Forecast) -> dict[str, Expected]:
    """What each strategy would cost alone: shared stages are charged to all that use them, generic
    pre-training, which is sunk, to none."""
    keys: dict[str, dict[str, None]] = {}
    for cell in cells:
        keys.setdefault(cell.strategy, {}).update({stage.key: None for stage in cell.stages})
    by_key = {stage.key: stage for stage in plan.stages if stage.role != "sunk"}
    return {
        name: plan.cost(by_key[key] for key in used if key in by_key) for name, used in keys.items()
    }


def plan_text(suite: Suite, cells: Sequence[Cell], plan: Forecast) -> str:
    """Counts, a line a strategy (with the seeds of the first look), all together, the bill of the
    question, and what the figures rest on."""
    where, n = _grid(suite, plan), _counts(cells, plan)
    on = f"{plan.gpus} x {plan.device}" if plan.gpus > 1 else plan.device
    lines = [
        f"{suite.name}, profile {suite.profile}, on {on}",
        f"{n['cells']} cells of {n['stages']} stages; {n['distinct']} stages are distinct and run "
        f"once, {n['kept']} of them need not run",
        "",
    ]
    rows = [_HEADER]
    first = _first(suite, cells)
    rows += [_row(name, one, where) for name, one in by_strategy(first, plan).items()]
    least, most = suite.run.seed_range
    if least < most:
        rows.append(_row(f"all, {least} seeds", _of(first, plan), where))
        rows.append(_row(f"at most, {most} seeds", _paid(plan), where))
    else:
        rows.append(_row("all, shared stages once", _paid(plan), where))
    sunk = _sunk(plan)
    rows += [_row("generic pre-training, sunk", sunk, where)] if sunk.stages else []
    lines += [*aligned(rows), "", bill_sentence(planned_bill(suite, first, cells, plan)), ""]
    lines += [f"{one.label}: {one.kept}" for one in plan.stages if one.kept]
    return "\n".join([*lines, *plan.basis, f"carbon: {where.source}"])


def plan_json(suite: Suite, cells: Sequence[Cell], plan: Forecast) -> str:
    """The same and every stage."""
    where = _grid(suite, plan)

    def figures(one: Expected) -> dict[str, Any]:
        return {**one.model_dump(), "carbon_g": _carbon(one, where).value}

    first = _first(suite, cells)
    bill = planned_bill(suite, first, cells, plan)
    strategies = {name: figures(one) for name, one in by_strategy(first, plan).items()}
    table = {
        "suite": suite.name,
        "profile": suite.profile,
        **_counts(cells, plan),
        "strategies": strategies,
        "all": figures(_of(first, plan)),
        "most": figures(_paid(plan)),
        "sunk": figures(_sunk(plan)),
        "bill": {**vars(bill), "after": bill.after},
        "grid": where.source,
        "plan": plan.model_dump(mode="json", by_alias=True),
    }
    return json.dumps(table, indent=2)


def _counts(cells: Sequence[Cell], plan: Forecast) -> dict[str, int]:
    every = sum(len(cell.stages) for cell in cells)
    return {
        "cells": len(cells),
        "stages": every,
        "distinct": len(plan.stages),
        "shared": every - len(plan.stages),
        "kept": sum(bool(stage.kept) for stage in plan.stages),
    }


def _first(suite: Suite, cells: Sequence[Cell]) -> list[Cell]:
    """Of the first look: those that run in any case."""
    least, _ = suite.run.seed_range
    return [cell for cell in cells if cell.seed - suite.run.base_seed < least]


def _of(cells: Sequence[Cell], plan: Forecast) -> Expected:
    keys = {stage.key for cell in cells for stage in cell.stages}
    return plan.cost(s for s in plan.stages if s.role != "sunk" and s.key in keys)


def _paid(plan: Forecast) -> Expected:
    return plan.cost(stage for stage in plan.stages if stage.role != "sunk")


def _sunk(plan: Forecast) -> Expected:
    return plan.cost(stage for stage in plan.stages if stage.role == "sunk")


def _row(name: str, one: Expected, where: Grid) -> tuple[str, ...]:
    carbon_g = _carbon(one, where).value
    return (
        name,
        str(one.stages),
        si(one.flops, "FLOP"),
        duration(one.wall_s),
        "unknown" if one.energy_j is None else energy(one.energy_j),
        "unknown" if carbon_g is None else grams(carbon_g),
    )


def _carbon(one: Expected, where: Grid) -> Figure:
    if one.energy_j is None:
        return where.carbon(Figure.unavailable("J", "no meter here knows energy"))
    return where.carbon(
        Figure(value=one.energy_j, unit="J", quality=Quality.ESTIMATED, source="planned")
    )


def _grid(suite: Suite, plan: Forecast) -> Grid:
    """Of a file of hours: those of a run that starts now."""
    whole = plan.cost(plan.stages)
    return GridAsked.of(suite.carbon).of_work([Spell(time.time(), whole.wall_s, 1.0)])
