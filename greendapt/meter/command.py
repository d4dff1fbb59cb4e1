"""Any command under the meters, like ``time`` for energy."""

from __future__ import annotations

from typing import Any

from greendapt.accounting.hourly import Hours, Spell, grid_of_known_hours
from greendapt.core.figures import Figure, Quality
from greendapt.core.terminal import say
from greendapt.core.text import listed, plural
from greendapt.meter.job import Job
from greendapt.meter.memory import lifetime_peak_bytes
from greendapt.meter.window import Meter


def run_metered(job: Job, meter: Meter) -> dict[str, Any]:
    """Runs ``job`` in a window of ``meter``; the record of it, with how the command ended.

    Peak memory is that of the command's largest process. What the command left running is counted
    until then, and said.
    """
    with meter.window() as window:
        status = job.run()
    left = job.left()
    if left:
        say(
            f"greendapt: the command ended, but {plural(len(left), 'process', 'processes')} that "
            f"it started still run: {listed(left)}; what they take from now on is not in the record"
        )
    return {
        **window.record,
        "peak_memory_bytes": _peak_memory(),
        "exit_status": status,
        "left_running": len(left),
    }


def carbon_by_hours(hours: Hours, begun_s: float, record: dict[str, Any], pue: float) -> Figure:
    """Grams of a record that began then (of the Unix clock); unavailable where ``hours`` lack
    some."""
    energy: Figure = record["energy_j"]["total"]
    spell = Spell(begun_s, record["wall_s"].value, energy.value or 0.0)
    return grid_of_known_hours(hours, [spell], pue).carbon(energy)


def _peak_memory() -> Figure:
    seen = lifetime_peak_bytes(children=True)
    own = lifetime_peak_bytes()
    if seen > own:
        source = "peak resident memory of the command's largest process (ru_maxrss)"
        return Figure.measured(seen, "byte", source)
    # a new process counts the memory of the one that started it until it runs its own program
    source = "no more than greendapt itself, which started the command"
    return Figure(
        value=seen, unit="byte", quality=Quality.ESTIMATED, source=source, low=0.0, high=own
    )
