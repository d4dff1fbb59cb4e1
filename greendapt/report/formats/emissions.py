"""``emissions.csv`` with CodeCarbon's columns: one line a stage that really ran."""

from __future__ import annotations

from greendapt.core.records import Record
from greendapt.core.units import JOULES_PER_KWH
from greendapt.report.formats.cells import as_csv
from greendapt.report.formats.table import text
from greendapt.report.view.columns import Value
from greendapt.store.runinfo import RunData

COLUMNS = (
    "timestamp", "project_name", "run_id", "experiment_id", "duration", "emissions",
    "emissions_rate", "cpu_power", "gpu_power", "ram_power", "cpu_energy", "gpu_energy",
    "ram_energy", "energy_consumed", "water_consumed", "country_name", "country_iso_code", "region",
    "cloud_provider", "cloud_region", "os", "python_version", "codecarbon_version", "cpu_count",
    "cpu_model", "gpu_count", "gpu_model", "longitude", "latitude", "ram_total_size",
    "tracking_mode", "cpu_utilization_percent", "gpu_utilization_percent",
    "ram_utilization_percent", "ram_used_gb", "on_cloud", "pue", "wue",
)  # fmt: skip
"""Of CodeCarbon 3.3. What greendapt does not know stays empty: CodeCarbon would write 0."""

_PARTS = {"cpu": "energy_cpu_j", "gpu": "energy_gpu_j", "ram": "energy_dram_j"}


def emissions_csv(run: RunData) -> str:
    """Energies in kWh before PUE, emissions in kg after it. RAM is DRAM as measured, not modelled.

    ``run_id`` is the stage's key; ``experiment_id`` the fingerprint of machine and software.
    """
    done = [r for r in run.records if r.status == "done" and not r.reused and r.role != "sunk"]
    return as_csv([_line(run, record) for record in done] or [dict.fromkeys(COLUMNS)])


def _line(run: RunData, record: Record) -> dict[str, Value]:
    info, machine = run.info, run.info.environment
    wall = record.value("wall_s")
    carbon = record.value("carbon_g")
    energy = record.value("energy_j")
    values: dict[str, Value] = {
        "timestamp": record.started_at,
        "project_name": f"{info.suite.name}: {record.label}",
        "run_id": record.key,
        "experiment_id": info.fingerprint,
        "duration": wall,
        "emissions": _ratio(carbon, 1e3),
        "emissions_rate": _ratio(_ratio(carbon, 1e3), wall),
        "energy_consumed": _ratio(energy, JOULES_PER_KWH),
        "os": machine.get("platform"),
        "python_version": machine.get("python"),
        "codecarbon_version": machine.get("codecarbon"),
        "cpu_count": machine.get("threads"),
        "cpu_model": machine.get("cpu"),
        "gpu_model": machine.get("gpu") if machine.get("gpu") != "none" else None,
        "ram_total_size": _ratio(_number(machine.get("ram_bytes")), 2.0**30),
        "tracking_mode": "machine",
        "pue": info.grid.pue,
    }
    for part, name in _PARTS.items():
        joules = record.value(name)
        values[f"{part}_energy"] = _ratio(joules, JOULES_PER_KWH)
        values[f"{part}_power"] = _ratio(joules, wall)
    return {name: values.get(name) for name in COLUMNS}


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _ratio(value: float | None, by: float | None) -> float | None:
    return None if value is None or not by else value / by


FORMAT = text("emissions.csv", lambda run, _: emissions_csv(run))
