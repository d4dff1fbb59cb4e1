"""A memory meter that reads 2 W, whatever happens: made up, to show the interface."""

import time

from greendapt.core.figures import Figure, Quality
from greendapt.meter.sources.base import EnergySource, Opened, PartMeter


class TwoWatts(PartMeter):
    part = "dram"
    key = "sample"
    name = "sample memory"
    how = "made up"

    def read(self):
        return time.monotonic()

    def figure(self, start, end, span):
        del span
        joules = 2.0 * (end - start)
        return Figure(value=joules, unit="J", quality=Quality.ESTIMATED, source="2 W, made up")


def _open(request):
    del request
    return Opened((TwoWatts(),))


two_watts = EnergySource(("dram",), 1, _open)
