"""Records of the meters as JSON and as a few lines of text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from greendapt.core.figures import Figure, Quality
from greendapt.core.units import duration, energy, quantity

LABELS = {"gpu": "GPU", "cpu": "CPU", "dram": "DRAM", "total": "energy"}


def as_json(record: Mapping[str, Any]) -> str:
    """``record`` with its Figures as objects, indented, newline at the end."""
    return json.dumps(record, default=_plain, indent=2) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, Figure):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no place in a record")


def record_lines(record: Mapping[str, Any]) -> list[str]:
    """The record of a window: time, energy and its parts, modelled RAM apart, carbon, memory."""
    wall: Figure = record["wall_s"]
    energy: Mapping[str, Figure] = record["energy_j"]
    lines = [f"{'time':10} {duration(wall.value or 0.0)}"]
    lines += [_line("  " + LABELS[part], energy[part]) for part in ("gpu", "cpu", "dram")]
    lines.insert(1, _line("energy", energy["total"], bounds=True))
    lines += [_line("RAM apart", energy["ram"]), _line("at wall", record["energy_wall_j"])]
    lines += [_line("carbon", record["carbon_g"]), _line("memory", record["peak_memory_bytes"])]
    more = {
        "process": "energy_process_j",
        "idle share": "energy_idle_share_j",
        "machine": "energy_machine_j",
        "CPU time": "cpu_s",
        "above idle": "energy_above_idle_j",
        "by formula": "energy_green_algorithms_j",
        "embodied": "embodied_g",
        "SCI": "sci",
    }
    return lines + [
        _line(label, record[name])
        for label, name in more.items()
        if name in record and record[name].value is not None
    ]


def _line(label: str, figure: Figure, bounds: bool = False) -> str:
    if figure.value is None:
        return f"{label:10} {'-':20} unavailable: {figure.source}"
    digits = 2 if figure.quality is Quality.ESTIMATED else 3
    joules = figure.unit == "J"
    amount = energy(figure.value, digits) if joules else quantity(figure.value, figure.unit, digits)
    text = f"{label:10} {amount:20} {figure.quality.value}: {figure.source}"
    if bounds and figure.low is not None and figure.high is not None:
        low, high = (quantity(end, figure.unit, digits) for end in (figure.low, figure.high))
        text += f" [{low} to {high}]"
    return text
