"""What the figures of a run rest on: the devices under its meter, and what disturbed them."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict


class DeviceFacts(BaseModel):
    """One device under the meter, and how its energy was read; ``troubles``: what disturbed it.

    ``counter_over_integrated``: the counter against sampled power, None until a second was seen.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    meter: str
    refresh_s: float | None = None
    counter_over_integrated: float | None = None
    troubles: tuple[str, ...] = ()


class MeterFacts(BaseModel):
    """What the figures of a run rest on; ``idle_w``: power at rest, None where not measured."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    device: str = ""
    gpus: tuple[DeviceFacts, ...] = ()
    idle_w: float | None = None

    def with_disturbed(self, others: Iterable[MeterFacts]) -> MeterFacts:
        """The same, and the devices of ``others`` that something disturbed."""
        disturbed = [gpu for one in others for gpu in one.gpus if gpu.troubles]
        return self.model_copy(update={"gpus": tuple(dict.fromkeys([*self.gpus, *disturbed]))})
