"""What a run is expected to cost, stage by stage, before it runs (schema 1)."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field

from greendapt.core.records import SCHEMA, Role


class StageForecast(BaseModel):
    """One distinct stage. ``kept``: where it is already, so that it costs nothing (then its time
    and energy are 0); ``energy_j`` None: this machine cannot tell."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    kind: str
    role: Role
    label: str
    flops: int
    wall_s: float
    energy_j: float | None
    kept: str = ""


class Forecast(BaseModel):
    """A plan's stages on ``device``, of which ``gpus`` share the work.

    ``basis``: sentences that say what the figures rest on. Time and energy of a stage are those
    of one device; the wall time of the whole is shared by all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_version: int = Field(SCHEMA, alias="schema")
    made_at: str
    device: str
    gpus: int = 1
    basis: tuple[str, ...]
    stages: tuple[StageForecast, ...]

    def cost(self, stages: Iterable[StageForecast]) -> Expected:
        """What some of its stages take together."""
        asked = [stage for stage in stages if not stage.kept]
        joules = [stage.energy_j for stage in asked]
        known = [value for value in joules if value is not None]
        return Expected(
            stages=len(asked),
            flops=sum(stage.flops for stage in asked),
            wall_s=sum(stage.wall_s for stage in asked) / self.gpus,
            energy_j=sum(known) if len(known) == len(joules) else None,
        )


class Expected(BaseModel):
    """What so many stages are expected to take, those that cost nothing left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stages: int
    flops: int
    wall_s: float
    energy_j: float | None
