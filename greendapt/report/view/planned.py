"""What a run was expected to take, against what it took, by kind of stage."""

from __future__ import annotations

import json
from collections.abc import Sequence

from greendapt.core.records import Kind, Record
from greendapt.report import words
from greendapt.report.view.model import Planned
from greendapt.store.forecasts import Forecast

_TITLES = {
    Kind.PRETRAIN: "Generic pre-training",
    Kind.PREFIX: "Stored prefixes",
    Kind.ADAPT: "Adaptation (DAPT)",
    Kind.FEATURES: "Features",
    Kind.PROBE: "Heads",
    Kind.FINETUNE: "Fine-tuning",
    Kind.TEST_FEATURES: "Test features",
    Kind.EVALUATE: "Tests",
    Kind.USE: "Use",
}


HEADER = (
    *("Stages", "Count", "Time planned", "Time", "Ratio"),
    *("Energy planned", "Energy", "Ratio"),
)


def planned(forecast: Forecast | None, records: Sequence[Record]) -> tuple[Planned, ...]:
    """One line a kind, then all; empty without a plan. A stage that ran twice counts twice on
    neither side: its last record does."""
    if forecast is None:
        return ()
    ran = {r.key: r for r in records if r.status == "done" and not r.reused}
    here = [stage for stage in forecast.stages if stage.key in ran and not stage.kept]
    kinds = list(dict.fromkeys(stage.kind for stage in here))
    groups = {_TITLES[k]: [one for one in here if one.kind == k] for k in kinds}
    groups["All"] = here
    lines = []
    for title, stages in groups.items():
        of = [ran[stage.key] for stage in stages]
        joules = [record.value("energy_j") for record in of]
        available = [value for value in joules if value is not None]
        lines.append(
            Planned(
                title,
                forecast.cost(stages),
                sum(record.value("wall_s") or 0.0 for record in of),
                sum(available) if len(available) == len(joules) else None,
            )
        )
    return tuple(lines) if here else ()


def cells(row: Planned) -> tuple[str, ...]:
    """A line under `HEADER`."""
    return (
        row.title,
        str(row.expected.stages),
        words.amount("wall_s", row.expected.wall_s),
        words.amount("wall_s", row.wall_s),
        _ratio(row.wall_ratio),
        words.amount("energy_j", row.expected.energy_j),
        words.amount("energy_j", row.energy_j),
        _ratio(row.energy_ratio),
    )


def as_json(rows: Sequence[Planned]) -> str:
    """Every line with its ratios, predicted over measured."""
    lines = [
        {
            "kind": row.title,
            "predicted": row.expected.model_dump(),
            "wall_s": row.wall_s,
            "energy_j": row.energy_j,
            "wall_ratio": row.wall_ratio,
            "energy_ratio": row.energy_ratio,
        }
        for row in rows
    ]
    return json.dumps(lines, indent=2)


def _ratio(value: float | None) -> str:
    return words.MISSING if value is None else f"{value:.2f}"
