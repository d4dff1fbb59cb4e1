"""The processors' energy by a sampled power sensor: a rail of a board, or of a module."""

from __future__ import annotations

import socket
from typing import Any

from greendapt.core.figures import Figure
from greendapt.meter.sources.base import Span
from greendapt.meter.sources.gpu_energy import PowerMeter
from greendapt.meter.sources.gpu_reader import GpuReader


class CpuRail(PowerMeter):
    """``averaged_s``: over how long the sensor averages."""

    part = "cpu"

    def __init__(self, sensor: GpuReader, averaged_s: float = 0.0) -> None:
        """Raises Unreadable where it tells no power."""
        super().__init__(sensor)
        self.key, self._averaged_s = socket.gethostname(), averaged_s

    def figure(self, start: Any, end: Any, span: Span) -> Figure:
        """What a slow average shows of a window belongs in part to what was before it."""
        figure = super().figure(start, end, span)
        if figure.value is None or figure.low is None or figure.high is None:
            return figure
        late_j = self._averaged_s * abs(end.watts - start.watts)
        low, high = max(0.0, figure.low - late_j), figure.high + late_j
        return figure.model_copy(update={"low": low, "high": high})
