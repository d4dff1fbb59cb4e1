"""What every kind of stage says of itself: how it is done, what it costs, what it leaves.

A new kind is a class here in a file of its own, and a line of `greendapt.run.plan`. Who schedules,
shares out or predicts stages calls these methods and knows no kind.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self, TypeVar

import torch

from greendapt.accounting.grid import grid
from greendapt.core.keys import key_of
from greendapt.core.metrics import Metrics
from greendapt.core.records import SCHEMA, Details, Kind, Record, Role, TrainingDetails
from greendapt.meter.window import Window
from greendapt.models.backbone import Backbone
from greendapt.run import seeds
from greendapt.run.context import Context
from greendapt.run.ground import Ground, Start
from greendapt.run.stages import counted
from greendapt.run.stages.counted import Effort, Passes
from greendapt.store.checkpoints import BACKBONE
from greendapt.store.run import RunFolder
from greendapt.suite.recipes import Recipe, Trainable
from greendapt.train.engine import Engine
from greendapt.train.phase import Trained
from greendapt.train.train_sets import first_trainable

R = TypeVar("R", bound=Recipe)


@dataclass(frozen=True)
class Monitor:
    """What a stage tells while it runs (its share done), and asks: joules spent so far, and a
    window of the meter for a part of it (without a meter it stays empty)."""

    on_progress: Callable[[float], None] = lambda _share: None
    energy_j: Callable[[], float | None] = lambda: None
    window: Callable[[], AbstractContextManager[Window]] = lambda: nullcontext(Window(grid()))


@dataclass(frozen=True)
class Outcome:
    """What goes into the record besides the meter's figures."""

    training_flops: int
    details: Details = field(default_factory=Details)
    metrics: Metrics = field(default_factory=Metrics)


def trained_outcome(trained: Trained, *, images: int, params: int = 0) -> Outcome:
    """Of a training on so many images; ``params`` of the network that is judged."""
    fit = trained.fit
    details = TrainingDetails(
        images=images,
        params=params,
        cached_bytes=trained.cached_bytes,
        steps=fit.steps,
        samples=fit.samples,
        best_epoch=fit.best_epoch,
        train_loss=fit.train_loss,
        val_loss=fit.val_loss,
        epoch_s=fit.epoch_s,
        trainable_params=trained.trainable_params,
        uncounted=trained.uncounted,
        frozen_units=trained.frozen_units,
    )
    return Outcome(trained.training_flops, details)


@dataclass(frozen=True)
class Spared:
    """Why a stage of a plan does not run, and a sentence for the plan. ``absent``: there is
    nothing to read of it either."""

    reason: str
    note: str = ""
    absent: bool = False


@dataclass(frozen=True, kw_only=True)
class Stage(ABC):
    """One cached, metered step.

    ``parents``: stages whose results it takes. ``seed``: of its cell; None where all seeds share
    it. ``key``: a hash of all that decides its result, and ``title`` follow from the rest, and stay
    where a stage is changed into another way of doing the same.
    """

    kind: ClassVar[Kind]
    role: ClassVar[Role]
    is_shared: ClassVar[bool] = False
    """Whether all processes of a launcher train it; what is not goes to the first of them."""
    is_common: ClassVar[bool] = False
    """Whether cells that share nothing else share it: it is done before they are parted."""
    is_temporary: ClassVar[bool] = False
    """Whether its files are thrown away after the last stage that reads them."""
    in_cache: ClassVar[bool] = False
    """Whether its files are in the user's cache, not in the run folder."""

    ground: Ground = field(repr=False, compare=False)
    parents: tuple[Stage, ...] = ()
    seed: int | None = None
    key: str = ""
    title: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.key or self._key())
        object.__setattr__(self, "title", self.title or self._title())

    # --- what it is -------------------------------------------------------------------------

    def _key(self) -> str:
        parents = [parent.key for parent in self.parents]
        return self.ground.key(self.kind, parents, self.uses, **self._decides())

    @abstractmethod
    def _decides(self) -> dict[str, object]:
        """What decides its result, beside its ground and its parents."""

    @property
    def uses(self) -> tuple[str, ...]:
        """What it runs by a name that may be one of the suite's own code."""
        return ()

    @abstractmethod
    def _title(self) -> str:
        """The same for all seeds."""

    @property
    def start(self) -> Start:
        return self.ground.start

    @property
    def label(self) -> str:
        return self.title if self.seed is None else f"{self.title}, seed {self.seed}"

    @property
    def reads(self) -> tuple[Stage, ...]:
        """Every stage whose files this one takes."""
        return self.parents

    @property
    def trains(self) -> Trainable | None:
        """What of the backbone; None where it only runs it."""
        return None

    @property
    def epochs(self) -> int:
        """After which it ends at the latest; 1 where it has none to count."""
        return 1

    @property
    def is_tiny(self) -> bool:
        """Whether its steps are so small that threads would spend them waiting for each other."""
        return False

    @property
    def looks_every(self) -> int:
        """Epochs from one look of its stop or freezing rule to the next; 0: it has none."""
        return 0

    @property
    def likeness(self) -> str:
        """Equal for stages that take as long for the same images and steps."""
        start = self.start
        return key_of(kind=self.kind, backbone=start.backbone, cut=start.cut, pace=self._pace())

    @property
    def step_likeness(self) -> str:
        """Equal where also a step takes as many images."""
        return self.likeness

    def _pace(self) -> object:
        """What of its settings decides how long an image or a step takes."""
        return None

    def shortened(self, epochs: int) -> Self:
        """The stage with so many epochs from its own start, never stopped, learning nothing."""
        del epochs
        return self

    def without(self, keys: Collection[str]) -> Stage:
        """As it runs where the stages of these keys leave nothing to read."""
        del keys
        return self

    # --- how it is done ---------------------------------------------------------------------

    def run(self, context: Context, monitor: Monitor | None = None) -> Outcome:
        """Do it and leave its files; deterministic for a given suite, seed and device, but for a
        budget of time or energy."""
        torch.manual_seed(seeds.of_stage(self.key))
        step = self.engine(context).step
        with (replace(step, threads=1) if self.is_tiny else step).threaded():
            return self._run(context.at(self.start.setting), monitor or Monitor())

    @abstractmethod
    def _run(self, context: Context, monitor: Monitor) -> Outcome:
        """Read the parents' files, write its own."""

    def engine(self, context: Context) -> Engine:
        return context.engine_of(self.start.backbone, shared=self.is_shared)

    def record(self, started_at: str, **more: Any) -> Record:
        """A record of it: what it is, and ``more`` of what came of it."""
        return Record(
            schema=SCHEMA,
            key=self.key,
            kind=self.kind,
            role=self.role,
            title=self.title,
            seed=self.seed,
            parents=[parent.key for parent in self.reads],
            started_at=started_at,
            **more,
        )

    def recorded(self, do: Callable[[], Record]) -> Record:
        """Its record, by doing it; another where what it makes is there already."""
        return do()

    def backbone(self, context: Context) -> Backbone:
        """The backbone it starts from: its first parent's, else the generic weights."""
        path = self.parents[0].backbone_path(context) if self.parents else None
        return context.backbone(self.start, path)

    def backbone_path(self, context: Context) -> str | None:
        """The backbone it leaves; None: the generic weights."""
        return str(context.folder.checkpoint(self.key) / BACKBONE)

    def has_output(self, folder: RunFolder, record: Record) -> bool:
        """Whether what it left is there, as it was written, for those that read it. ``record``: its
        last."""
        return folder.damage(record) is None

    # --- what it will cost ------------------------------------------------------------------

    def effort(self, context: Context) -> Effort:
        """Exact where no stop rule ends it early (then it is the most), and where a prefix that
        the plan wants stored can be stored."""
        return self._effort(context.at(self.start.setting))

    @abstractmethod
    def _effort(self, context: Context) -> Effort: ...

    def passes(self, context: Context, batch: int, ranks: int = 1) -> Passes:
        """On the meta device: a step of one of ``ranks`` that share it, and batches of so many."""
        with torch.device("meta"):
            return self._passes(context.at(self.start.setting), batch, ranks)

    @abstractmethod
    def _passes(self, context: Context, batch: int, ranks: int) -> Passes: ...

    def check(self, image_size: int) -> None:
        """Raise ModelError where its network cannot be built, addressed, or run on such images."""
        backbone = counted.backbone_of(self.start.backbone, self.start.cut, image_size)
        if self.trains is not None:
            first_trainable(backbone, self.trains)

    def check_data(self, context: Context) -> None:
        """Raise DataError where it cannot learn from so many images as there are."""
        del context

    def spared(self, context: Context, *, here: bool) -> Spared | None:
        """Why it does not run; None: it runs. ``here``: this machine's cache and disk count."""
        del context, here
        return None


def pace_of(recipe: Recipe) -> Recipe:
    """A recipe without what changes only how many steps it takes, and where they lead."""
    same = {"epochs": 1, "learning_rate": 1.0, "min_steps": 0, "weight_decay": 0.0}
    return recipe.model_copy(update=same)


def shortened_recipe(recipe: R, epochs: int) -> R:
    """So small a learning rate that a step costs what it costs, and no loss diverges."""
    return recipe.model_copy(update={"epochs": epochs, "learning_rate": 1e-9, "min_steps": 0})
