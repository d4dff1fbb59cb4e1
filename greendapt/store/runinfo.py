"""What a run folder holds, as the report reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from greendapt.core.records import Record, Summary
from greendapt.store.forecasts import Forecast
from greendapt.suite.models import Suite


class DatasetInfo(BaseModel):
    """One dataset in numbers; never an image, a file name or a patient."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = ""
    images: int | None = None
    classes: Any = None
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


class GridInfo(BaseModel):
    """Grid intensity and PUE, applied once; ``flagged`` when the user named neither."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    intensity_g_per_kwh: float | None = None
    pue: float = 1.0
    source: str = ""
    flagged: bool = False


class RunInfo(BaseModel):
    """``run.json``."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    schema_version: int = Field(1, alias="schema")
    suite: Suite
    command: str = ""
    version: str = ""
    started_at: str = ""
    environment: dict[str, str | int | float | bool | None] = {}
    fingerprint: str = ""
    grid: GridInfo = GridInfo()
    data: DataInfo = DataInfo()
    notes: list[str] = []
    plan: Forecast | None = None


@dataclass(frozen=True)
class RunData:
    """A finished run."""

    info: RunInfo
    records: tuple[Record, ...]
    summary: Summary
