"""What a run is expected to cost, stage by stage, before it runs (schema 1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pydantic import BaseModel, ConfigDict, Field

from greendapt.core.records import Kind, Role

SCHEMA = 1


class StageForecast(BaseModel):
    """One distinct stage. ``kept``: where it is already, so that it costs nothing (then its time
    and energy are 0); ``energy_j`` None: this machine cannot tell."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: str
    kind: Kind
    role: Role
    label: str
    parents: tuple[str, ...] = ()
    flops: int
    wall_s: float
    energy_j: float | None
    kept: str = ""


class Forecast(BaseModel):
    """A plan's stages on ``gpus`` times ``device``, ``ranks`` of them together in a stage.

    ``basis``: sentences that say what the figures rest on.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    schema_version: int = Field(SCHEMA, alias="schema")
    made_at: str
    device: str
    gpus: int = 1
    ranks: int = 1
    basis: tuple[str, ...]
    stages: tuple[StageForecast, ...]

    def cost(self, stages: Iterable[StageForecast]) -> Expected:
        """What some of its stages take together, as many at a time as there are devices for,
        each after those it reads."""
        paid = [stage for stage in stages if not stage.kept]
        joules = [stage.energy_j for stage in paid]
        present = [value for value in joules if value is not None]
        return Expected(
            stages=len(paid),
            flops=sum(stage.flops for stage in paid),
            wall_s=max(
                sum(stage.wall_s for stage in paid) / (self.gpus // self.ranks), _longest_s(paid)
            ),
            energy_j=sum(present) if len(present) == len(joules) else None,
        )


def _longest_s(stages: Sequence[StageForecast]) -> float:
    """Seconds of the longest chain among stages, of which parents come first."""
    ends_s: dict[str, float] = {}
    for stage in stages:
        before_s = max((ends_s.get(key, 0.0) for key in stage.parents), default=0.0)
        ends_s[stage.key] = before_s + stage.wall_s
    return max(ends_s.values(), default=0.0)


class Expected(BaseModel):
    """What so many stages are expected to take, those that cost nothing left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stages: int
    flops: int
    wall_s: float
    energy_j: float | None
