"""What a device draws at rest: measured before the windows, and believed if it was one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from greendapt.core.figures import total
from greendapt.core.meter_facts import DISTURBING, Conditions
from greendapt.core.units import percent
from greendapt.meter.share import Plate, Share
from greendapt.meter.sources.base import PartMeter


def plate_of(meters: Sequence[PartMeter]) -> Plate:
    """What the meters of one device or host know of it."""
    counted = [meter.idle_w for meter in meters if meter.part != "ram"]
    idle_w = [watts for watts in counted if watts is not None]
    return Plate(
        idle_w=sum(idle_w) if idle_w and len(idle_w) == len(counted) else None,
        rated_w=next((meter.rated_w for meter in meters if meter.rated_w is not None), None),
        memory_gb=sum(meter.memory_gb for meter in meters),
    )


def at_rest(plates: Mapping[str, Plate], rest: Share) -> dict[str, Plate]:
    """With the power that each device drew in a window in which nothing was done."""
    energies = {key: figure.value for key, figure in rest.gpus.items()}
    for host, parts in rest.nodes.items():
        if host not in rest.modelled:
            energies[host] = total({part: parts[part] for part in ("cpu", "dram")}).value
    seen = dict(plates)
    for key, joules in energies.items():
        why = _why_none(rest.ran_under, of_gpu=key in rest.gpus)
        if why:
            seen[key] = replace(plates[key], idle_w=None, why_no_idle=why)
        elif joules is not None and rest.wall_s.value:
            seen[key] = replace(plates[key], idle_w=joules / rest.wall_s.value)
    return seen


def _why_none(seen: Conditions | None, *, of_gpu: bool) -> str:
    """Why it was no rest; empty for one that was."""
    if seen is None:
        return ""
    if of_gpu:
        busy = any(gpu.other_processes for gpu in seen.gpus)
        return "another process was on the GPU before the work: it was not at rest" if busy else ""
    if seen.load * seen.threads <= min(1.0, DISTURBING * seen.threads):
        return ""
    return f"the machine was {percent(seen.load)} busy before the work: it was not at rest"
