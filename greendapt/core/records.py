"""What a finished stage leaves behind, and what a run says in the end (schema 2).

The one description of ``records.jsonl`` and ``summary.json``: whoever writes or reads them does it
through these classes (`greendapt.store`). Grams are no part of a record: they follow from joules
and a grid where a report is made (`greendapt.accounting`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    ValidationInfo,
    computed_field,
    field_validator,
    model_validator,
)

from greendapt.core.curves import Curves
from greendapt.core.figures import Figure
from greendapt.core.meter_facts import Conditions
from greendapt.core.metrics import Metrics

SCHEMA = 2
"""Of a run folder: ``run.json``, ``records.jsonl`` and ``summary.json`` together."""

Role = Literal["sunk", "adaptation", "transfer", "evaluation", "use"]
"""Who pays: sunk (generic pre-training, shown apart), adaptation (DAPT), transfer, evaluation, use
(measuring what a prediction takes)."""

PAID: tuple[Role, ...] = ("adaptation", "transfer")
"""Whose cost is a strategy's: generic pre-training is sunk, judging is not part of using it."""

METERED_UNITS = {
    "wall_s": "s",
    "energy_gpu_j": "J",
    "energy_cpu_j": "J",
    "energy_dram_j": "J",
    "energy_ram_j": "J",
    "energy_j": "J",
    "energy_above_idle_j": "J",
    "energy_green_algorithms_j": "J",
    "energy_process_j": "J",
    "energy_idle_share_j": "J",
    "energy_machine_j": "J",
    "cpu_s": "s",
    "training_flops": "FLOP",
    "peak_memory_bytes": "byte",
}
"""The figures of every record. ``energy_j`` is the headline: GPU + CPU + DRAM; a counted part is
all that the device drew, an estimated CPU what this process and those it started drew. Modelled
RAM power (``energy_ram_j``) stays apart. Beside the headline, and never part of it:
``energy_above_idle_j``, without the power at rest; ``energy_green_algorithms_j``, a second estimate
from rated power and memory; ``energy_process_j``, of counted parts only the share of this process;
``energy_idle_share_j``, its share of the power at rest, where that is not in the headline;
``energy_machine_j``, of the whole machine, other programs too. ``cpu_s``: CPU-seconds of this
process and those it started."""

COST_UNITS = METERED_UNITS | {"carbon_g": "g", "embodied_g": "g"}
"""With what follows from them on a grid; ``embodied_g`` is a share of the hardware's making."""

_UNITS = COST_UNITS | {
    "energy_wall_j": "J",
    "sci_image_g": "g/image",
    "sci_auc_point_g": "g/AUC point",
    "sci_prediction_g": "g/prediction",
}


def _of_its_unit(name: str, figure: Figure | None) -> Figure | None:
    """What a stranger wrote may be of any unit, and is added up by its name."""
    if figure is not None and figure.unit != (unit := _UNITS.get(name, figure.unit)):
        raise ValueError(f"{name} is in {unit}, not in {figure.unit!r}")
    return figure


def _of_their_units(figures: dict[str, Figure]) -> dict[str, Figure]:
    for name, figure in figures.items():
        _of_its_unit(name, figure)
    return figures


Figures = Annotated[dict[str, Figure], AfterValidator(_of_their_units)]
"""By name, each in the unit of that name."""


class Kind(StrEnum):
    """What a stage does."""

    PRETRAIN = "pretrain"
    PREFIX = "prefix"
    ADAPT = "adapt"
    FEATURES = "features"
    TEST_FEATURES = "test-features"
    PROBE = "probe"
    FINETUNE = "finetune"
    EVALUATE = "evaluate"
    USE = "use"


class Details(BaseModel):
    """What a stage of any kind says of itself beside figures and metrics.

    ``images``: what it went through, each counted once. ``params``: of the network that is judged
    behind it. ``beside``: other workers on the machine meanwhile.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: int = 0
    params: int = 0
    cached_bytes: int = 0
    warning: str | None = None
    beside: int = 0


class PrefixDetails(Details):
    """``stored`` False: there was no room, its phases run the plain way."""

    stored: bool = True


class TrainingDetails(Details):
    """Losses, ``epoch_s`` (seconds from the first step to each epoch's end) and, where a rule
    freezes, ``frozen_units`` (from the image on): one an epoch."""

    steps: int = 0
    samples: int = 0
    best_epoch: int = 0
    train_loss: tuple[float, ...] = ()
    val_loss: tuple[float, ...] = ()
    epoch_s: tuple[float, ...] = ()
    trainable_params: int = 0
    uncounted: tuple[str, ...] = ()
    frozen_units: tuple[int, ...] = ()


class LookDetails(BaseModel):
    """One look of a stop rule after ``epoch``; ``score`` None: it could not be had."""

    model_config = ConfigDict(extra="allow", frozen=True)

    epoch: int


class EpochScores(BaseModel):
    """Scores tracked after ``epoch``; a minus before the name of one of which lower is better."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epoch: int
    values: dict[str, float | None]


class AdaptDetails(TrainingDetails):
    looks: tuple[LookDetails, ...] = ()
    scores: tuple[EpochScores, ...] = ()


class EvaluateDetails(Details):
    """``draws``: by set of images (``development``, ``external:NAME``, ``corrupted:KIND``) and
    metric, the metric on patients drawn anew, packed (`greendapt.core.packed`). All networks
    that are judged on a set draw the same patients. Of a single patient it tells nothing.
    ``curves``: by set of images, where labels are judged; of no corrupted copies."""

    draws: dict[str, dict[str, str]] = {}
    curves: dict[str, Curves] = {}


class Pace(BaseModel):
    """So many images at a time: ``median_ms`` and ``p95_ms`` of a pass; ``wall_s`` and ``energy_j``
    (with the spread of rounds in its bounds) of one image."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch: int
    passes: int
    median_ms: float
    p95_ms: float
    wall_s: float
    energy_j: Figure

    @property
    def price(self) -> tuple[bool, float]:
        """Orders paces: energy where it is known, else time."""
        joules = self.energy_j.value
        return (True, self.wall_s) if joules is None else (False, joules)


class UseDetails(Details):
    """Of a network in use: ``flops`` of one image, ``bytes`` of its weights as they run. ``paces``:
    of decoded images; ``from_files``: read, decoded and resized first, where the data are files."""

    flops: int = 0
    bytes: int = 0
    paces: tuple[Pace, ...] = ()
    from_files: Pace | None = None

    @property
    def cheapest(self) -> Pace:
        return min(self.paces, key=lambda pace: pace.price)


DETAILS: dict[Kind, type[Details]] = {
    Kind.PRETRAIN: TrainingDetails,
    Kind.PREFIX: PrefixDetails,
    Kind.ADAPT: AdaptDetails,
    Kind.FEATURES: Details,
    Kind.TEST_FEATURES: Details,
    Kind.PROBE: TrainingDetails,
    Kind.FINETUNE: TrainingDetails,
    Kind.EVALUATE: EvaluateDetails,
    Kind.USE: UseDetails,
}


class Record(BaseModel):
    """One finished (or failed) stage. Append-only: a stage that runs again adds a record.

    ``title`` says what it did, the same for every seed; ``seed`` None: one for all seeds. Both
    together are its ``label``, for people: nothing reads it.
    """

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    schema_version: int = Field(SCHEMA, alias="schema")
    key: str
    kind: Kind
    role: Role
    title: str
    seed: int | None = None
    status: Literal["done", "failed"] = "done"
    error: str | None = None
    reused: bool = False
    """Taken over from an earlier run: charged to its cells, but not spent by this run."""
    parents: list[str] = []
    started_at: str
    figures: Figures = {}
    metrics: Metrics = {}
    details: SerializeAsAny[Details] = Details()
    files: dict[str, str] = {}
    """Digests of the files that it left in its checkpoint: they are believed by these alone."""
    conditions: Conditions | None = None
    """What it ran under; None: not known when it ran."""

    @model_validator(mode="before")
    @classmethod
    def _details_of_its_kind(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        table = {name: value for name, value in data.items() if name != "label"}
        details = table.get("details") or {}
        if table.get("kind") in [*Kind] and isinstance(details, dict):
            table["details"] = DETAILS[Kind(table["kind"])].model_validate(details)
        return table

    @computed_field  # type: ignore[prop-decorator]
    @property
    def label(self) -> str:
        return self.title if self.seed is None else f"{self.title}, seed {self.seed}"

    def value(self, figure: str) -> float | None:
        """Of one of its figures; None where it is unavailable, or is none of this record's."""
        present = self.figures.get(figure)
        return None if present is None else present.value


class CellName(BaseModel):
    """Which cell: ``shots`` is images per class or ``"full"``."""

    model_config = ConfigDict(extra="forbid")

    strategy: str
    backbone: str
    seed: int
    transfer: str
    shots: int | Literal["full"]

    @property
    def identity(self) -> tuple[str, str, int, str, int | str]:
        return self.strategy, self.backbone, self.seed, self.transfer, self.shots


class PlannedCell(CellName):
    """A cell before it is done: the keys of its ``stages`` in order."""

    stages: list[str]


class Row(CellName):
    """One cell of the summary: what it reached and what it cost, as if it had run alone.

    The cost figures are adaptation + transfer; ``parts`` holds them by role (sunk and evaluation
    apart). What is in grams holds for the grid of the run; a report may be for another one.
    """

    metrics: Metrics
    wall_s: Figure
    energy_j: Figure
    carbon_g: Figure
    training_flops: Figure
    peak_memory_bytes: Figure
    energy_above_idle_j: Figure | None = None
    energy_green_algorithms_j: Figure | None = None
    energy_process_j: Figure | None = None
    energy_idle_share_j: Figure | None = None
    energy_machine_j: Figure | None = None
    energy_wall_j: Figure | None = None
    """At the wall; None where no plug meter was read. Made where a report is, as grams are."""
    cpu_s: Figure | None = None
    embodied_g: Figure | None = None
    sci_image_g: Figure | None = None
    """Software Carbon Intensity: grams an image trained on, each time it is."""
    sci_auc_point_g: Figure | None = None
    """Grams a point (0.01) of development AUC gained over no DAPT of the same seed."""
    sci_prediction_g: Figure | None = None
    """Grams a prediction, at the cheapest batch; None where use was not measured."""
    on_front: bool = False
    parts: dict[str, Figures] = {}
    stages: list[str] = []
    checkpoint: str | None = None
    """The adapted backbone, from the run's folder on; None where the strategy adapts nothing, and
    in runs of before this was written down."""
    trainable_params: int = 0
    counts: dict[str, int] = {}
    """Exact and the same on every machine: ``params`` of the network that is judged, and over
    adaptation and transfer ``optimizer_steps``, ``samples`` (trained on) and ``cached_bytes``."""

    @field_validator(*_UNITS, check_fields=False)
    @classmethod
    def _in_its_unit(cls, figure: Figure | None, info: ValidationInfo) -> Figure | None:
        return _of_its_unit(info.field_name or "", figure)

    @property
    def score(self) -> float | None:
        """Development AUC, or Dice where the task is masks."""
        return self.reached("dice" if "dice" in self.metrics.get("development", {}) else "auc")

    def reached(self, score: str) -> float | None:
        """Of that name on the development test part; None where it was not taken."""
        value = self.metrics.get("development", {}).get(score)
        return value if isinstance(value, int | float) else None


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
    sunk: Figures = {}
    spent: Figures = {}
    notes: list[str] = []
