"""What a plug meter told of a machine: a line from what is counted in it to the wall."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

Part = str
"""Of the headline: ``gpu``, ``cpu``, ``dram``."""


class WallFit(BaseModel):
    """W at the wall = ``slope`` x W of the headline + ``base_w``.

    ``readings``: W of the headline and W at the wall, from rest to full load. ``residual_w``: how
    far the line is from the worst of them. ``parts``: what the headline held then; ``modelled``:
    its CPU was estimated from CPU-seconds.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    slope: float
    base_w: float
    residual_w: float
    readings: tuple[tuple[float, float], ...]
    taken_on: str
    parts: tuple[Part, ...]
    modelled: bool = False

    @property
    def line(self) -> str:
        """As reports say it."""
        return (
            f"{self.slope:.3g} x the energy + {self.base_w:.3g} W x time, a line through "
            f"{len(self.readings)} readings of a plug meter on {self.taken_on}"
        )
