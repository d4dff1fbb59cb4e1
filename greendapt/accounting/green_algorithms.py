"""The Green Algorithms formula, for comparison with papers that used its calculator."""

from __future__ import annotations

from greendapt.core.errors import MeterError
from greendapt.core.figures import Figure, Quality

MEMORY_W_PER_GB = 0.3725
WORLD_PUE = 1.67
"""Both: Lannelongue, Grealey, Inouye, Advanced Science 2021, doi:10.1002/advs.202100707."""


def green_algorithms(
    hours: float,
    device_power_w: float,
    memory_gb: float,
    *,
    usage: float = 1.0,
    pue: float = WORLD_PUE,
) -> Figure:
    """Energy in kWh: hours x (device power x usage + memory x 0.3725 W/GB) x PUE / 1000.

    ``device_power_w`` is the sum of the TDPs of all devices, ``memory_gb`` the memory reserved,
    ``usage`` the devices' mean utilisation. Nothing is measured: the figure is an estimate.
    """
    if min(hours, device_power_w, memory_gb, usage) < 0 or pue < 1:
        raise MeterError("the Green Algorithms formula needs non-negative numbers and a PUE >= 1")
    watts = device_power_w * usage + memory_gb * MEMORY_W_PER_GB
    source = f"Green Algorithms: {device_power_w:g} W x {usage:g} + {memory_gb:g} GB, PUE {pue:g}"
    return Figure(
        value=hours * watts * pue / 1000, unit="kWh", quality=Quality.ESTIMATED, source=source
    )
