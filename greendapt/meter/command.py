"""Any command under the meters, like ``time`` for energy."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from greendapt.accounting.hourly import Hours, Spell, grid_of_hours
from greendapt.core.errors import MeterError, SuiteError
from greendapt.core.figures import Figure, Quality
from greendapt.meter.memory import lifetime_peak_bytes
from greendapt.meter.window import Meter


def run_metered(
    command: Sequence[str], meter: Meter, *, quiet_stdout: bool = False
) -> tuple[int, dict[str, Any]]:
    """Runs ``command``; returns its exit status as a shell tells it, and the record of its window.

    ``quiet_stdout``: the command's standard output goes to standard error. A signal n is status
    128 + n, a command that is not found 127, one that may not run 126. Peak memory is that of the
    command's largest process. Raises MeterError for an empty command.
    """
    if not command:
        raise MeterError("there is no command to measure: greendapt measure -- COMMAND ...")
    with meter.window() as window:
        status = _run(command, quiet_stdout)
    return status, {**window.record, "peak_memory_bytes": _peak_memory()}


def carbon_by_hours(hours: Hours, begun_s: float, record: dict[str, Any], pue: float) -> Figure:
    """Grams of a record that began then (of the Unix clock); unavailable where ``hours`` lack some:
    the command has run, and what is known of it is told."""
    energy: Figure = record["energy_j"]["total"]
    spell = Spell(begun_s, record["wall_s"].value, energy.value or 0.0)
    try:
        return grid_of_hours(hours, [spell], pue).carbon(energy)
    except SuiteError as error:
        return Figure.unavailable("g", str(error))


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


def _run(command: Sequence[str], quiet_stdout: bool) -> int:
    try:
        process = subprocess.Popen(command, stdout=sys.stderr.fileno() if quiet_stdout else None)
    except FileNotFoundError:
        print(f"greendapt: {command[0]}: command not found", file=sys.stderr)
        return 127
    except OSError as error:
        print(f"greendapt: {command[0]}: {error.strerror}", file=sys.stderr)
        return 126
    while True:
        try:
            status = process.wait()
        except KeyboardInterrupt:
            continue  # the command got the same Ctrl-C: its answer to it is measured too
        return 128 - status if status < 0 else status
