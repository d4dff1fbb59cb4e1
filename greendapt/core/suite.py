"""What a suite may say. Every table refuses unknown keys; `bench.suites` reads the files."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from greendapt.core.errors import SuiteError
from greendapt.core.limits import from_table

Split = Literal["train", "val", "test"]
Shots = Annotated[int, Field(ge=1)] | Literal["full"]
Augmentation = Literal["none", "light", "strong"]
Optimizer = Literal["adam", "adamw", "sgd"]
BatchNorm = Literal["frozen", "affine", "train"]
"""frozen: stored statistics, no updates at all (the paper); affine: stored statistics, scale and
shift train; train: batch statistics and everything trains."""


Schedule = Literal["constant", "cosine", "poly", "staircase"]
"""poly: (1 - step / steps) ** 0.9; staircase: rising for the first fifth, then a tenth after each
further fifth but the first (BiT-HyperRule up to 20,000 images, Kolesnikov et al. 2020)."""
Select = Literal["best", "last"]
"""best: the epoch with the lowest validation loss."""
Objective = Literal["supervised", "simclr"]
Train = str | tuple[str, ...]
"""``head``, ``last:N`` (blocks), ``all``, or a list of stages such as ``["stem", "stage4"]``."""


class Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


# --- data ---------------------------------------------------------------------------------


class PhantomData(Table):
    """Synthetic chest X-rays: projected ellipsoids from one of two simulated hospitals."""

    source: Literal["phantom"]
    hospital: Literal["a", "b"] = "a"
    images: PositiveInt = 600
    task: Literal["diagnosis", "findings"] = "diagnosis"
    seed: NonNegativeInt = 0


class FractalData(Table):
    """Synthetic images of iterated function systems, one system a class."""

    source: Literal["fractal"]
    classes: Annotated[int, Field(ge=2)] = 32
    images: PositiveInt = 1600
    seed: NonNegativeInt = 0


class FolderData(Table):
    """A folder with ``labels.csv``, or one sub-folder a class (ImageFolder)."""

    source: Literal["folder"]
    path: Path
    label: str | None = None
    """A column, several joined by commas, or ``*`` for every finding column."""
    split: Split | None = None


class XrayVisionData(Table):
    """A dataset class of torchxrayvision, by name (install the ``xrv`` extra)."""

    source: Literal["torchxrayvision"]
    dataset: str
    images: Path
    """A folder; the archive, for classes that read one."""
    csv: Path | None = None
    metadata: Path | None = None
    """A second table, where the class has one (MIMIC-CXR, RSNA, Open-i)."""
    views: tuple[str, ...] = ("PA", "AP")
    """As the class names them; ``*`` takes every view."""
    findings: tuple[str, ...] = ()


class StatedData(Table):
    """A dataset of which only the size is known: enough for a plan, not for a run."""

    source: Literal["stated"]
    images: Annotated[int, Field(ge=10)]
    classes: Annotated[int, Field(ge=2)] = 2
    task: Literal["multiclass", "multilabel"] = "multiclass"


Source = Annotated[
    PhantomData | FractalData | FolderData | XrayVisionData, Field(discriminator="source")
]


class MergedData(Table):
    """Several sources as one: their labels harmonised, their patients apart, their splits kept."""

    source: Literal["merged"]
    sources: Annotated[tuple[Source, ...], Field(min_length=1)]
    labels: Literal["intersection", "union"] = "intersection"
    """union: a label that a source does not know is missing (NaN) for its images."""
    uncertain: Literal["mask", "zero", "one"] = "mask"
    """What -1 becomes: missing, no, or yes."""
    no_finding: Literal["zeros", "label", "drop"] = "zeros"
    """zeros: "No Finding" says no to every other label of its source; label: it is a label like the
    others; drop: it says nothing."""
    views: tuple[str, ...] = ()
    """Views to keep (none: all), such as PA, frontal, lateral, unknown."""
    fraction: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Share of each source's patients; a smaller one lies inside a larger one."""
    seed: NonNegativeInt = 0
    """Draws those patients."""


Dataset = Annotated[
    PhantomData | FractalData | FolderData | XrayVisionData | MergedData | StatedData,
    Field(discriminator="source"),
]


class Pool(Table):
    """DAPT data of one domain at one scale; strategies choose it by name."""

    data: Dataset
    domain: str = ""
    """Pools of one domain are one line in the report's law of error against data and compute."""


class Target(Table):
    """Another downstream task; transfers choose it by name."""

    development: Dataset
    external: dict[str, Dataset] = {}


class Data(Table):
    """The DAPT data, the downstream data, and the same task from other sources."""

    pool: Dataset
    development: Dataset
    external: dict[str, Dataset] = {}
    pools: dict[str, Pool] = {}
    targets: dict[str, Target] = {}
    aliases: dict[str, tuple[str, ...]] = {}
    """Canonical label -> the names other sources use for it."""
    pool_validation: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    """Fraction of the pool's patients kept to choose the best epoch of a phase."""


# --- models and strategies ----------------------------------------------------------------


class FractalPretraining(Table):
    """Generic pre-training on formula-made images: done once a machine, then cached."""

    classes: Annotated[int, Field(ge=2)] = 96
    images: PositiveInt = 3840
    epochs: PositiveInt = 12
    batch_size: Annotated[int, Field(ge=2)] = 64
    learning_rate: PositiveFloat = 0.2
    seed: NonNegativeInt = 0


class Model(Table):
    backbones: Annotated[tuple[str, ...], Field(min_length=1)]
    image_size: Annotated[int, Field(ge=16, le=1024)] = 224
    weights: str = "fractal"
    """``fractal``, ``timm``, ``none``, or the path of a .safetensors file."""


class Recipe(Table):
    """How one thing is trained; every trained thing of a suite has these."""

    epochs: PositiveInt
    learning_rate: PositiveFloat
    optimizer: Optimizer = "adam"
    batch_size: PositiveInt = 16
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Schedule = "constant"
    augmentation: Augmentation = "none"
    select: Select = "best"
    min_steps: NonNegativeInt = 0
    """Few-shot sets are small: go over them again until so many steps are done."""

    def epochs_on(self, images: int) -> int:
        """How often ``images`` are gone over."""
        steps = math.ceil(images / self.batch_size)
        return max(self.epochs, math.ceil(self.min_steps / max(1, steps)))


class _Looks(Table):
    """A look at the training every so many epochs; its cost is the phase's."""

    every: PositiveInt = 1
    on: str = "val_loss"
    """``val_loss``, or a transferability score on development's training images (``robustness``,
    which sees no label, ``probe``, ...)."""
    images: Annotated[int, Field(ge=2)] = 200
    """How many images a score takes at most."""


class Patience(_Looks):
    """Stop after ``looks`` in a row that are not better than the best by ``least``."""

    rule: Literal["patience"]
    looks: PositiveInt = 2
    least: Annotated[float, Field(ge=0)] = 0.0


class Gain(_Looks):
    """Stop when the line through the last ``window`` looks over log(epoch) promises less than
    ``least`` by the phase's last epoch."""

    rule: Literal["gain"]
    least: float = 0.0
    window: Annotated[int, Field(ge=2)] = 4


class Budget(_Looks):
    """Stop before the next look would spend more than this."""

    rule: Literal["budget"]
    energy_j: PositiveFloat | None = None
    minutes: PositiveFloat | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> Budget:
        if self.energy_j is None and self.minutes is None:
            raise ValueError("a budget needs energy_j or minutes")
        return self


Stop = Annotated[Patience | Gain | Budget, Field(discriminator="rule")]
"""When a phase ends before its epochs are over."""


class Watch(Table):
    """Scores taken along a phase, whether or not a rule looks at them; their cost is the phase's.

    Taken where a phase ends or keeps a checkpoint, and every so many epochs where ``every`` is set.
    """

    on: Annotated[tuple[str, ...], Field(min_length=1)]
    """``val_loss`` and transferability scores, as a stop rule's ``on``."""
    every: PositiveInt | None = None
    images: Annotated[int, Field(ge=2)] = 200


Epochs = PositiveInt | tuple[PositiveInt, ...]
"""Every so many epochs, or these."""


class Phase(Recipe):
    """Which parameters train, and how. A template by name, used and varied by strategies."""

    train: Train
    batch_norm: BatchNorm = "frozen"
    objective: Objective = "supervised"
    bank: NonNegativeInt = 0
    """Augment each image so many times once, and draw from these, instead of anew each epoch: the
    constant prefix of the views can then be stored. Other results than fresh views give."""
    stop: Stop | None = None
    """None: after ``epochs``, and no look but the validation loss that ``select`` asks for."""
    watch: Watch | None = None
    keep_checkpoints: Epochs = ()
    """After these epochs the weights (with ``select = "best"`` the best so far) are results of
    their own: strategies ``NAME@EPOCH``, see `greendapt.core.checkpoints`."""
    until: PositiveInt | None = None
    """End after so many of ``epochs``; a schedule goes on as if all were to come."""

    @property
    def length(self) -> int:
        """The epochs after which it ends, where no rule stops it before."""
        return min(self.epochs, self.until or self.epochs)

    @property
    def in_parts(self) -> bool:
        """Whether its first epochs are what a phase of fewer epochs does."""
        return self.schedule == "constant" and self.watch is None

    def up_to(self, epochs: int) -> Phase:
        """Its first so many epochs, and nothing that does not decide what they give."""
        if self.in_parts:
            said: dict[str, object] = {"epochs": epochs, "until": None}
        else:
            said = {"until": epochs if epochs < self.epochs else None}
        return self.model_copy(update={**said, "keep_checkpoints": ()})

    @property
    def needs_val_loss(self) -> bool:
        return self.select == "best" or (self.watch is not None and "val_loss" in self.watch.on)

    @property
    def development_scores(self) -> tuple[str, ...]:
        """The scores it takes on development's training images."""
        named = (*((self.stop.on,) if self.stop else ()), *(self.watch.on if self.watch else ()))
        return tuple(dict.fromkeys(name for name in named if name != "val_loss"))

    @property
    def constant(self) -> bool:
        """Whether what lies before the first trainable unit gives the same for an image always."""
        return self.objective == "supervised" and (self.augmentation == "none" or self.bank > 0)


class Use(Table):
    """A phase by the name of its template, with what differs here."""

    use: str
    train: Train | None = None
    epochs: PositiveInt | None = None
    learning_rate: PositiveFloat | None = None
    optimizer: Optimizer | None = None
    batch_size: PositiveInt | None = None
    batch_norm: BatchNorm | None = None
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    schedule: Schedule | None = None
    augmentation: Augmentation | None = None
    objective: Objective | None = None
    select: Select | None = None
    bank: NonNegativeInt | None = None
    stop: Stop | None = None
    min_steps: NonNegativeInt | None = None
    watch: Watch | None = None
    keep_checkpoints: Epochs | None = None
    until: PositiveInt | None = None


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


class Downstream(Recipe):
    """What an adapted backbone is used for."""

    target: str | None = None
    """Of ``data.targets``; None: ``data.development``."""


class Probe(Downstream):
    """An MLP head on frozen, globally pooled features."""

    kind: Literal["probe"]
    hidden: tuple[PositiveInt, ...] = ()
    standardize: bool = True
    """Centre and scale the features by those of the training images."""


class FineTune(Downstream):
    """Head and backbone trained together on the development data."""

    kind: Literal["finetune"]
    train: Train = "all"
    batch_norm: BatchNorm = "frozen"


class Segment(Downstream):
    """A U-Net on masks: the decoder and what ``train`` says of the backbone (``head``: nothing)."""

    kind: Literal["segment"]
    train: Train = "all"
    batch_norm: BatchNorm = "train"


Transfer = Annotated[Probe | FineTune | Segment, Field(discriminator="kind")]

Corruption = Literal["noise", "blur", "contrast", "gamma", "jpeg", "pixelate"]


class Evaluation(Table):
    corruptions: tuple[Corruption, ...] = (
        "noise",
        "blur",
        "contrast",
        "gamma",
        "jpeg",
        "pixelate",
    )
    severities: tuple[Annotated[int, Field(ge=1, le=5)], ...] = (3,)
    bootstrap: Annotated[int, Field(ge=100)] = 1000


class Carbon(Table):
    """Grid and building, applied once. Never looked up by location."""

    region: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    intensity_g_per_kwh: Annotated[float, Field(ge=0)] | None = None
    pue: Annotated[float, Field(ge=1)] = 1.0
    embodied_kg: Annotated[float, Field(ge=0)] | None = None
    """kgCO2e of making this machine; each stage is charged its share of the lifetime."""
    lifetime_years: Annotated[float, Field(gt=0)] = 4.0


class Run(Table):
    """What of the suite is run."""

    strategies: Annotated[tuple[str, ...], Field(min_length=1)]
    transfers: Annotated[tuple[str, ...], Field(min_length=1)]
    seeds: PositiveInt = 3
    shots: Annotated[tuple[Shots, ...], Field(min_length=1)] = ("full",)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    pack: bool = True
    """Keep a folder's images in the user's cache, decoded and resized."""
    prefix_cache: bool = True
    """Compute what lies before the first trainable parameter once per image."""
    prefix_cache_gb: Annotated[float, Field(gt=0)] = 64.0
    """The most that one stored prefix may take on the disk; above it the plain way is taken."""
    fast_step: bool = True
    """Try for a moment how a training step is fastest here (layout, precision, threads); else
    plain float32 with the threads that torch has."""


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
    phase: dict[str, Phase] = {}
    strategy: dict[str, Strategy]
    transfer: dict[str, Transfer]
    fractal: FractalPretraining = FractalPretraining()
    evaluation: Evaluation = Evaluation()
    carbon: Carbon = Carbon()
    limits: dict[str, str | float | dict[str, str | float]] = {}
    """What ``greendapt check`` lets a figure change by; under a strategy's name, its own."""

    @model_validator(mode="after")
    def _refers_to_what_exists(self) -> Suite:
        problems = [*_unknown_names(self), *_bad_phases(self), *_blind_stops(self)]
        problems += [*_bad_segments(self), *_bad_limits(self)]
        problems += [] if problems else _bad_banks(self)
        if problems:
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
        said = {k: v for k, v in item if k != "use" and v is not None}
        return self.phase[item.use].model_copy(update=said)


def _unknown_names(suite: Suite) -> list[str]:
    def check(key: str, names: tuple[str, ...], known: Mapping[str, object]) -> list[str]:
        return [
            f"{key}: there is no '{name}' (there is: {', '.join(known) or 'nothing'})"
            for name in names
            if name not in known
        ]

    problems = check("run.strategies", suite.run.strategies, suite.strategy)
    problems += check("run.transfers", suite.run.transfers, suite.transfer)
    for name, strategy in suite.strategy.items():
        used = tuple(i if isinstance(i, str) else i.use for i in strategy.phases)
        problems += check(f"strategy.{name}.phases", used, suite.phase)
        if strategy.base:
            problems += check(f"strategy.{name}.base", (strategy.base,), suite.strategy)
            problems += _cycle(suite, name)
        if strategy.pool:
            problems += check(f"strategy.{name}.pool", (strategy.pool,), suite.data.pools)
    for name, transfer in suite.transfer.items():
        if transfer.target:
            problems += check(f"transfer.{name}.target", (transfer.target,), suite.data.targets)
    return problems


def _bad_banks(suite: Suite) -> list[str]:
    """A bank of views is what a stored prefix holds: without one there is nothing to draw from."""
    problems = {}
    for name in suite.strategy:
        for phase in suite.phases(name):
            where = f"strategy.{name}: bank = {phase.bank}"
            if phase.bank and phase.augmentation == "none":
                problems[where] = "needs an augmentation to draw views from"
            elif phase.bank and (phase.train == "all" or phase.objective != "supervised"):
                problems[where] = "needs a supervised phase with frozen units before what trains"
            elif phase.bank and not suite.run.prefix_cache:
                problems[where] = "needs run.prefix_cache: the views are kept in it"
    return [f"{where} {what}" for where, what in problems.items()]


def _bad_limits(suite: Suite) -> list[str]:
    try:
        found = from_table(suite.limits)
    except SuiteError as error:
        return [str(error)]
    lost = [cell for cell in found.cells() if cell.partition("/")[0] not in suite.strategy]
    return [f"limits: there is no strategy '{cell}'" for cell in lost]


def _cycle(suite: Suite, name: str) -> list[str]:
    seen = [name]
    base = suite.strategy[name].base
    while base is not None and base in suite.strategy:
        if base in seen:
            return [f"strategy.{name}.base: a cycle, {' -> '.join([*seen, base])}"]
        seen.append(base)
        base = suite.strategy[base].base
    return []


def _bad_phases(suite: Suite) -> list[str]:
    problems = []
    named = [(f"phase.{name}.train", phase.train) for name, phase in suite.phase.items()]
    for name, strategy in suite.strategy.items():
        named += [
            (f"strategy.{name}.phases[{i}].train", item.train)
            for i, item in enumerate(strategy.phases)
            if not isinstance(item, str) and item.train is not None
        ]
    named += [
        (f"transfer.{name}.train", transfer.train)
        for name, transfer in suite.transfer.items()
        if isinstance(transfer, FineTune | Segment)
    ]
    for key, train in named:
        if isinstance(train, str):
            if re.fullmatch(r"head|all|last:0*[1-9][0-9]*", train) is None:
                problems.append(
                    f"{key}: '{train}' is not 'head', 'last:N', 'all' or a list of stages"
                )
        elif not train:
            problems.append(f"{key}: an empty list trains the head alone; say 'head'")
    return problems


def _blind_stops(suite: Suite) -> list[str]:
    """Rules that wait for a validation loss which ``select = "last"`` does not compute."""
    if _unknown_names(suite):
        return []
    return [
        f"strategy.{name}: stop on val_loss needs select = 'best', or on = a score"
        for name in suite.run.strategies
        for phase in suite.phases(name)
        if phase.stop is not None
        and phase.stop.rule != "budget"
        and phase.stop.on == "val_loss"
        and not phase.needs_val_loss
    ]


def _bad_segments(suite: Suite) -> list[str]:
    if _unknown_names(suite) or not suite.segments:
        return []
    problems = [
        f"run.transfers: '{name}' takes labels, others take masks; run them apart"
        for name in suite.run.transfers
        if not isinstance(suite.transfer[name], Segment)
    ]
    if suite.run.shots != ("full",):
        problems.append("run.shots: segmentation takes 'full' only, masks have no classes to draw")
    problems += [
        f"transfer.{name}.augmentation: it would move the images and not their masks; say 'none'"
        for name in suite.run.transfers
        if suite.transfer[name].augmentation != "none"
    ]
    return problems
