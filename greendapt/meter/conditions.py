"""What a window ran under, from what was read at its edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from greendapt.core.meter_facts import Conditions, GpuConditions
from greendapt.meter.cpu_time import CpuEdge, used
from greendapt.meter.heat import CpuHeat
from greendapt.meter.sources.base import PartMeter, State


@dataclass(frozen=True)
class Around:
    """At one edge: the state of each GPU, the processor's heat, and CPU-seconds so far."""

    states: Sequence[State]
    heat: CpuHeat
    cpu: CpuEdge


def conditions(gpus: Sequence[PartMeter], before: Around, after: Around) -> Conditions:
    """Of a window between two edges."""
    begun, ended = before.heat.slowdowns, after.heat.slowdowns
    update = {
        "cpu_temperature_c": (before.heat.celsius, after.heat.celsius),
        "cpu_slowdowns": None if begun is None or ended is None else max(0, ended - begun),
        "gpus": tuple(map(_gpu, gpus, before.states, after.states)),
    }
    return used(before.cpu, after.cpu).model_copy(update=update)


def _gpu(gpu: PartMeter, before: State, after: State) -> GpuConditions:
    slowed = dict.fromkeys((*(before.slowed_by or ()), *(after.slowed_by or ())))
    others = [one.other_processes for one in (before, after) if one.other_processes is not None]
    return GpuConditions(
        name=gpu.name,
        slowed_by=tuple(slowed),
        other_processes=max(others, default=None),
        temperature_c=(before.temperature_c, after.temperature_c),
    )
