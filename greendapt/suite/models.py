"""What a suite may say. Every table refuses unknown keys; `suite.suite_files` reads the files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from greendapt.core.hints import did_you_mean
from greendapt.core.registry import Registry
from greendapt.core.units import MOST_G_PER_KWH, MOST_PUE
from greendapt.suite.consistency import inconsistencies
from greendapt.suite.datasets import Classes, Data, Images, Seed, Table
from greendapt.suite.own_code import OwnCode, OwnName
from greendapt.suite.recipes import (
    BatchSize,
    EpochCount,
    Phase,
    Segment,
    Transfer,
    Use,
)

Shots = Annotated[int, Field(ge=1, le=10_000_000)] | Literal["full"]


class FractalPretraining(Table):
    """Generic pre-training on formula-made images: done once a machine, then cached."""

    classes: Classes = 96
    images: Images = 3840
    epochs: EpochCount = 12
    batch_size: Annotated[BatchSize, Field(ge=2)] = 64
    learning_rate: PositiveFloat = 0.2
    seed: Seed = 0


class Model(Table):
    backbones: Annotated[tuple[str, ...], Field(min_length=1)]
    image_size: Annotated[int, Field(ge=16, le=1024)] = 224
    weights: str = "fractal"
    """``fractal``, ``timm``, ``none``, or the path of a file (.safetensors, .pth, ...)."""


class Strategy(Table):
    """How DAPT is done: a backbone transform and a list of phases (none: generic weights only)."""

    about: str = ""
    base: str | None = None
    """Another strategy whose phases run first."""
    cut: PositiveInt | None = None
    """Keep the backbone up to and with this stage (the stem is stage 0)."""
    pool: str | None = None
    """Of ``data.pools``; None: that of the base, else ``data.pool``."""
    phases: tuple[str | Use, ...] = ()


CORRUPTION_NAMES: Registry[object] = Registry(
    "greendapt.corruptions",
    "corruption",
    {
        name: f"greendapt.data.corruptions:{name.upper()}"
        for name in ("noise", "blur", "contrast", "gamma", "jpeg", "pixelate")
    },
)
"""The names alone; `greendapt.data.corruptions.CORRUPTIONS` says what a plug-in gives."""


def _corruption(name: str) -> str:
    if name not in CORRUPTION_NAMES:
        names = CORRUPTION_NAMES.names()
        hint = did_you_mean(name, names) or f"there is: {', '.join(names)}"
        raise ValueError(f"no corruption has that name; {hint}")
    return name


_Probability = Annotated[float, Field(gt=0, lt=1)]


class Evaluation(Table):
    corruptions: tuple[Annotated[str, AfterValidator(_corruption)], ...] = tuple(
        CORRUPTION_NAMES.builtin
    )
    severities: tuple[Annotated[int, Field(ge=1, le=5)], ...] = (3,)
    bootstrap: Annotated[int, Field(ge=100, le=1_000_000)] = 1000
    sensitivity: Annotated[float, Field(gt=0, le=1)] | None = None
    """What thresholds are to reach on validation; None: the most sensitivity + specificity."""
    net_benefit: tuple[_Probability, _Probability] | None = None
    """From which probability to which an image may be acted on: decision curves; None: none."""

    @model_validator(mode="after")
    def _is_a_range(self) -> Evaluation:
        if self.net_benefit is not None and self.net_benefit[0] >= self.net_benefit[1]:
            raise ValueError("net_benefit goes from a lower probability to a higher: [0.05, 0.5]")
        return self


_PLACE = "^([A-Z]{3}(-[A-Z0-9]{2,3})?|EU|UK|US|WORLD|[A-Z][a-z].*|[a-z]+:.+)$"
"""What a place looks like, or a name near one: `greendapt.accounting.regions` knows which it is."""


def _intensity(value: object) -> object:
    """A number of gCO2e/kWh, also one in quotes; any other text names a file."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return value
    if value is None:
        return value
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value <= MOST_G_PER_KWH
    ):
        raise ValueError(
            "should be 0 or more gCO2e/kWh, or a CSV file of hours; at most "
            f"{MOST_G_PER_KWH:,.0f} in either"
        )
    return float(value)


class Carbon(Table):
    """Grid and building, applied once. Never looked up by location."""

    region: Annotated[str, Field(pattern=_PLACE)] | None = None
    """A country (FRA), a region below it (USA-CA), a cloud's (gcp:us-west1), EU or WORLD."""
    intensity_g_per_kwh: Annotated[float | str | None, BeforeValidator(_intensity)] = None
    """A number, or a CSV file of hours: `greendapt.accounting.hourly` reads it."""
    pue: Annotated[float, Field(ge=1, le=MOST_PUE)] = 1.0
    embodied_kg: Annotated[float, Field(ge=0, le=1e9)] | None = None
    """kgCO2e of making this machine; each stage is charged its share of the lifetime."""
    lifetime_years: Annotated[float, Field(ge=0.01, le=1000)] = 4.0


class InUse(Table):
    """What a prediction takes is measured; ``predictions``: so many are part of every cost."""

    predictions: Annotated[int, Field(ge=0, le=10**15)] = 0
    batches: Annotated[tuple[BatchSize, ...], Field(min_length=1)] = (1, 8, 32)
    """Images at a time, and one; the cheapest counts."""

    @property
    def measured(self) -> tuple[int, ...]:
        return tuple(sorted({1, *self.batches}))


Judged = Literal[
    "auc", "auprc", "sensitivity", "specificity", "f1", "balanced_accuracy", "dice", "jaccard"
]
"""What strategies can be compared by: of 0 to 1, and more is better."""


class VerdictTable(Table):
    """What the run is asked. ``margin``: by so much AUC or Dice worse is as good. ``metric``: what
    is judged in their place."""

    margin: Annotated[float, Field(gt=0, lt=0.5)] = 0.02
    metric: Judged | None = None


class SeedRange(Table):
    """More seeds until the best buy is decided; from 1 on, a race (`greendapt.run.race`)."""

    least: Annotated[int, Field(alias="from", ge=1)]
    most: Annotated[int, Field(alias="to", le=200)]

    @model_validator(mode="after")
    def _is_a_range(self) -> SeedRange:
        if self.most <= self.least:
            raise ValueError("'to' must be more than 'from'")
        return self


class Run(Table):
    """What of the suite is run."""

    strategies: Annotated[tuple[str, ...], Field(min_length=1)]
    transfers: Annotated[tuple[str, ...], Field(min_length=1)]
    seeds: Annotated[int, Field(gt=0, le=1000)] | SeedRange = 3
    """So many, or ``{ from = 3, to = 20 }``: more, for strategies still in the race, until the best
    buy is decided. ``from = 1``: strategies enter cheapest first, with one seed each."""
    base_seed: Seed = 0
    """The first seed."""
    shots: Annotated[tuple[Shots, ...], Field(min_length=1)] = ("full",)
    device: Literal["auto", "cpu", "cuda", "xpu", "mps"] = "auto"
    pack: bool = True
    """Keep a folder's images in the user's cache, decoded and resized."""
    prefix_cache: bool = True
    """Compute what lies before the first trainable parameter once per image."""
    prefix_cache_gb: Annotated[float, Field(gt=0)] = 64.0
    """The most that one stored prefix may take on the disk; above it the plain way is taken."""
    fast_step: bool | Literal["compiled"] = True
    """Try for a moment how a training step is fastest here (layout, precision, threads, and
    torch.compile where that is asked for); else plain float32 with the threads that torch has."""
    remeasure: Annotated[float, Field(ge=0)] = 0.0
    """Seconds up to which a stage that other programs or heat disturbed runs once more."""

    @property
    def seed_range(self) -> tuple[int, int]:
        """How many seeds at least and at most."""
        seeds = self.seeds
        return (seeds, seeds) if isinstance(seeds, int) else (seeds.least, seeds.most)

    @property
    def is_race(self) -> bool:
        """Whether strategies leave after as little as one seed."""
        return not isinstance(self.seeds, int) and self.seeds.least == 1


class Suite(Table):
    """One TOML file, with one profile already laid over it."""

    schema_version: Literal[1] = Field(1, alias="schema")
    name: Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]*$")]
    title: str
    about: str = ""
    profile: str = "default"
    run: Run
    model: Model
    data: Data
    phase: dict[str, Phase] = Field(default_factory=dict)
    strategy: dict[str, Strategy]
    transfer: dict[str, Transfer]
    fractal: FractalPretraining = FractalPretraining()
    evaluation: Evaluation = Evaluation()
    carbon: Carbon = Carbon()
    verdict: VerdictTable = VerdictTable()
    use: InUse | None = None
    own: dict[OwnName, OwnCode] = Field(default_factory=dict)
    """One's own code by name; see `greendapt.suite.own_code`."""
    limits: dict[str, str | float | dict[str, str | float]] = Field(default_factory=dict)
    """What ``greendapt check`` lets a figure change by; under a strategy's name, its own."""

    @model_validator(mode="after")
    def _refers_to_what_exists(self) -> Suite:
        if problems := inconsistencies(self):
            raise ValueError("\n".join(problems))
        return self

    @property
    def segments(self) -> bool:
        """Whether the downstream task is masks rather than labels."""
        return any(isinstance(self.transfer[name], Segment) for name in self.run.transfers)

    def phases(self, strategy: str) -> tuple[Phase, ...]:
        """The strategy's phases in order, its base's first, templates filled in."""
        entry = self.strategy[strategy]
        before = self.phases(entry.base) if entry.base else ()
        return before + tuple(self._phase(item) for item in entry.phases)

    def cut(self, strategy: str) -> int | None:
        entry = self.strategy[strategy]
        return entry.cut or (self.cut(entry.base) if entry.base else None)

    def pool(self, strategy: str) -> str | None:
        entry = self.strategy[strategy]
        return entry.pool or (self.pool(entry.base) if entry.base else None)

    def _phase(self, item: str | Use) -> Phase:
        if isinstance(item, str):
            return self.phase[item]
        changes = {k: v for k, v in item if k != "use" and v is not None}
        return self.phase[item.use].model_copy(update=changes)
