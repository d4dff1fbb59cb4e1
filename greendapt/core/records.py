"""What a finished stage leaves behind, and what a run says in the end (schema 1)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from greendapt.core.figures import Figure

SCHEMA = 1

Role = Literal["sunk", "adaptation", "transfer", "evaluation"]
"""Who pays: sunk (generic pre-training, shown apart), adaptation (DAPT), transfer, evaluation."""

COST_UNITS = {
    "wall_s": "s",
    "energy_gpu_j": "J",
    "energy_cpu_j": "J",
    "energy_dram_j": "J",
    "energy_ram_j": "J",
    "energy_j": "J",
    "energy_above_idle_j": "J",
    "energy_green_algorithms_j": "J",
    "carbon_g": "g",
    "embodied_g": "g",
    "training_flops": "FLOP",
    "peak_memory_bytes": "byte",
}
"""The figures of every record. ``energy_j`` is the headline: GPU + CPU + DRAM, as measured or
estimated; modelled RAM power (``energy_ram_j``) stays apart. Beside it, and never part of it:
``energy_above_idle_j``, without the power at rest; ``energy_green_algorithms_j``, a second estimate
from rated power and memory; ``embodied_g``, a share of the hardware's making."""


class Record(BaseModel):
    """One finished (or failed) stage. Append-only: a stage that runs again adds a record."""

    model_config = ConfigDict(extra="forbid")

    schema_version: int = Field(SCHEMA, alias="schema")
    key: str
    kind: str
    role: Role
    label: str
    status: Literal["done", "failed"] = "done"
    error: str | None = None
    reused: bool = False
    """Taken over from an earlier run: charged to its cells, but not spent by this run."""
    parents: list[str] = []
    started_at: str
    figures: dict[str, Figure] = {}
    metrics: dict[str, Any] = {}
    details: dict[str, Any] = {}


class CellName(BaseModel):
    """Which cell: ``shots`` is images per class or ``"full"``."""

    model_config = ConfigDict(extra="forbid")

    strategy: str
    backbone: str
    seed: int
    transfer: str
    shots: int | Literal["full"]


class Row(CellName):
    """One cell of the summary: what it reached and what it cost, as if it had run alone.

    The cost figures are adaptation + transfer; ``parts`` holds them by role (sunk and evaluation
    apart).
    """

    metrics: dict[str, Any]
    wall_s: Figure
    energy_j: Figure
    carbon_g: Figure
    training_flops: Figure
    peak_memory_bytes: Figure
    energy_above_idle_j: Figure | None = None
    energy_green_algorithms_j: Figure | None = None
    embodied_g: Figure | None = None
    sci_image_g: Figure | None = None
    """Software Carbon Intensity: grams an image trained on, each time it is."""
    sci_auc_point_g: Figure | None = None
    """Grams a point (0.01) of development AUC gained over ``none`` of the same seed."""
    on_front: bool = False
    parts: dict[str, dict[str, Figure]] = {}
    stages: list[str] = []
    trainable_params: int = 0
    counts: dict[str, int] = {}
    """Exact and the same on every machine: ``params`` of the network that is judged, and over
    adaptation and transfer ``optimizer_steps``, ``samples`` (trained on) and ``cached_bytes``."""


class Failure(CellName):
    """A cell that did not finish, and why."""

    stage: str
    error: str


class Summary(BaseModel):
    """``summary.json``: every cell of a run."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    schema_version: int = Field(SCHEMA, alias="schema")
    synthetic: bool
    suite: str
    profile: str
    rows: list[Row]
    failures: list[Failure] = []
    sunk: dict[str, Figure] = {}
    spent: dict[str, Figure] = {}
    notes: list[str] = []
