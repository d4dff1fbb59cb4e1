"""Time, energy, memory, FLOPs and carbon, each with its quality and source."""

from greendapt.meter.window import Meter, Window

__all__ = ["Meter", "Window"]
