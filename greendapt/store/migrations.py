"""Run folders of earlier versions, brought up to what is read today (`core.records.SCHEMA`).

Files stay as they are: what is read is lifted in memory, one schema at a time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from greendapt.core.errors import RunError
from greendapt.core.records import SCHEMA

Tables = dict[str, Any]
_SEED = re.compile(r"^(?P<before>.*), seed (?P<seed>\d+)(?P<behind>.*)$", re.DOTALL)


def schema_of(table: object, where: str) -> int:
    """Of what a file holds. RunError for a newer one than this greendapt reads, ValueError for none
    at all."""
    schema = table.get("schema") if isinstance(table, Mapping) else None
    if isinstance(schema, int) and not isinstance(schema, bool) and schema > SCHEMA:
        raise RunError(
            f"{where} was written by a newer greendapt, schema {schema}; this one reads up to "
            f"{SCHEMA}: upgrade greendapt"
        )
    if not isinstance(schema, int) or schema < 1:
        raise ValueError(f"schema: is {schema!r}, should be a number from 1 to {SCHEMA}")
    return schema


def record(table: Tables, where: str, pue: float) -> Tables:
    """A line of ``records.jsonl``. ``pue``: of the run's grid."""
    return _record_2(table, pue) if schema_of(table, where) == 1 else table


def whole_file(table: Tables, where: str) -> Tables:
    """``run.json`` or ``summary.json``: of schema 1 both had the same keys."""
    schema_of(table, where)
    return {**table, "schema": SCHEMA}


def _record_2(table: Tables, pue: float) -> Tables:
    """Schema 1 had a label for title and seed, grams, and a PUE in one figure."""
    lifted = {name: value for name, value in table.items() if name != "label"}
    label = table.get("label")
    parts = _SEED.match(label) if isinstance(label, str) else None
    lifted["title"] = parts["before"] + parts["behind"] if parts else label
    lifted["seed"] = int(parts["seed"]) if parts else None
    figures = _without_pue(table.get("figures"), pue)
    if isinstance(figures, dict):
        figures = {name: one for name, one in figures.items() if not name.endswith("_g")}
        lifted["figures"] = figures
    details = table.get("details")
    if isinstance(details, dict) and isinstance(details.get("scores"), list):
        lifted["details"] = {**details, "scores": [*map(_epoch_scores, details["scores"])]}
    return {**lifted, "schema": 2}


def _epoch_scores(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    return {"epoch": entry.get("epoch"), "values": {k: v for k, v in entry.items() if k != "epoch"}}


_FORMULA = "energy_green_algorithms_j"


def _without_pue(figures: Any, pue: float) -> Any:
    """The formula's figure as it is before the building's share: that is put on by a report."""
    figure = figures.get(_FORMULA) if isinstance(figures, dict) else None
    if not isinstance(figure, dict) or not isinstance(figure.get("value"), int | float):
        return figures
    lowered = {
        k: v / pue for k in ("value", "low", "high") if isinstance(v := figure.get(k), float)
    }
    return {**figures, _FORMULA: {**figure, **lowered}}
