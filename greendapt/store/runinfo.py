"""``run.json``: what was asked, on what data, with what machine and software (schema 2).

Written and read through these classes by everyone; see `greendapt.store.run`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from greendapt.accounting.grid import Grid
from greendapt.core.meter_facts import MeterFacts
from greendapt.core.records import SCHEMA, PlannedCell, Record, Summary
from greendapt.core.remarks import Remark
from greendapt.core.units import MOST_G_PER_KWH, MOST_PUE
from greendapt.store.forecasts import Forecast
from greendapt.suite.models import Suite


class DatasetInfo(BaseModel):
    """One dataset in numbers; never an image, a file name or a patient."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str = ""
    images: int | None = None
    patients: int | None = None
    classes: list[str] | int | None = None
    task: str = ""
    synthetic: bool = False
    train: int | None = None
    val: int | None = None
    test: int | None = None


class TaskInfo(BaseModel):
    """The development data of a task, and the same task from other sources."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    development: DatasetInfo = DatasetInfo()
    external: dict[str, DatasetInfo] = {}

    def sets(self, of: str = "") -> Iterator[tuple[str, DatasetInfo]]:
        yield f"development{of}", self.development
        for name, info in self.external.items():
            yield f"external {name}{of}", info


class DataInfo(TaskInfo):
    """The pools and the tasks of a run."""

    pool: DatasetInfo = DatasetInfo()
    pools: dict[str, DatasetInfo] = {}
    targets: dict[str, TaskInfo] = {}

    def named(self) -> Iterator[tuple[str, DatasetInfo]]:
        """Each dataset with the part it plays."""
        yield "pool", self.pool
        for name, info in self.pools.items():
            yield f"pool {name}", info
        yield from self.sets()
        for name, task in self.targets.items():
            yield from task.sets(f" of {name}")


Environment = dict[str, str | int | float | bool | None]
"""Names and versions of machine and software."""


GramsPerKwh = Annotated[float, Field(ge=0, le=MOST_G_PER_KWH)]


class GridInfo(BaseModel):
    """Grid intensity and PUE that were asked for; ``flagged`` when the user named neither.

    ``low_g_per_kwh``, ``high_g_per_kwh``: what the hours of the work may lie between.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    intensity_g_per_kwh: GramsPerKwh | None = None
    low_g_per_kwh: GramsPerKwh | None = None
    high_g_per_kwh: GramsPerKwh | None = None
    pue: Annotated[float, Field(ge=1, le=MOST_PUE)] = 1.0
    source: str = ""
    flagged: bool = False

    @classmethod
    def of(cls, grid: Grid) -> GridInfo:
        return cls(
            intensity_g_per_kwh=grid.intensity_g_per_kwh,
            low_g_per_kwh=grid.low_g_per_kwh,
            high_g_per_kwh=grid.high_g_per_kwh,
            pue=grid.pue,
            source=grid.source,
            flagged=grid.flagged,
        )


class StepInfo(BaseModel):
    """How a training step is done; see `greendapt.train.step`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    precision: Literal["float32", "bfloat16"] = "float32"
    layout: Literal["channels_last", "contiguous"] | None = None
    threads: int | None = None
    compiled: bool = False


class StepTrialInfo(BaseModel):
    """The step that won a trial, and the seconds that each one tried took (median)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: StepInfo
    seconds: dict[str, float] = {}


class RunInfo(BaseModel):
    """``run.json``."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    schema_version: int = Field(SCHEMA, alias="schema")
    suite: Suite
    command: str = ""
    version: str = ""
    started_at: str = ""
    environment: Environment = {}
    steps: dict[str, StepTrialInfo] = {}
    """By backbone."""
    fingerprint: str = ""
    grid: GridInfo = GridInfo()
    data: DataInfo = DataInfo()
    own: dict[str, str] = {}
    """SHA-256 of each file of the suite's own code that was run, by its name in the suite."""
    notes: list[Remark] = []
    """What was seen of the data, gravest first."""
    plan: Forecast | None = None
    meter: MeterFacts = MeterFacts()
    cells: list[PlannedCell] = []
    """By which a run that was stopped can say what of it is done; without the data, or torch."""


@dataclass(frozen=True)
class RunData:
    """A run, or what there is of it: its ``summary`` has fewer cells where ``cautions`` say so.

    ``interim``: how far a run is that did not come to its end, in a sentence. ``part``: which cells
    were asked for, in words; none for all of them.
    """

    info: RunInfo
    records: tuple[Record, ...]
    summary: Summary
    interim: str = ""
    part: tuple[str, ...] = ()

    @property
    def cautions(self) -> tuple[str, ...]:
        """What must be said before anything else that is said of it; empty for a whole run."""
        parts = "; ".join(self.part)
        shown = f"This shows a part of the run: {parts}. What was spent is of the whole."
        return tuple(sentence for sentence in (shown if parts else "", self.interim) if sentence)
