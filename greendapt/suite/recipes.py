"""How a network is trained, as a suite says it: recipes, stop rules, phases, transfers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Self

from pydantic import (
    Field,
    PositiveFloat,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from greendapt.suite.added import Added, Ia3, Lora, Ssf
from greendapt.suite.datasets import Table
from greendapt.suite.freezing import Freeze
from greendapt.suite.objectives import Learns, Supervised, Width
from greendapt.suite.stop_rules import Stop
from greendapt.suite.trainable import Train, TrainSet, train_set, train_text

EpochCount = Annotated[int, Field(gt=0, le=100_000)]
BatchSize = Annotated[int, Field(gt=0, le=1_000_000)]
Steps = Annotated[int, Field(ge=0, le=1_000_000_000)]
Views = Annotated[int, Field(ge=0, le=10_000)]
Augmentation = str
"""``none``, ``light``, ``strong``, or one of the suite's own."""
Optimizer = Literal["adam", "adamw", "sgd"]
BatchNorm = Literal["frozen", "affine", "train"]
"""frozen: stored statistics, no updates at all (the paper); affine: stored statistics, scale and
shift train; train: batch statistics and everything trains."""


Schedule = Literal["constant", "cosine", "poly", "staircase"]
"""poly: (1 - step / steps) ** 0.9; staircase: rising for the first fifth, then a tenth after each
further fifth but the first (BiT-HyperRule up to 20,000 images, Kolesnikov et al. 2020)."""
Select = Literal["best", "last"]
"""best: the epoch with the lowest validation loss."""


class Recipe(Table):
    """How one thing is trained; every trained thing of a suite has these."""

    epochs: EpochCount
    learning_rate: PositiveFloat
    optimizer: Optimizer = "adam"
    batch_size: BatchSize = 16
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    schedule: Schedule = "constant"
    augmentation: Augmentation = "none"
    select: Select = "best"
    min_steps: Steps = 0
    """Few-shot sets are small: go over them again until so many steps are done."""

    def epochs_on(self, images: int) -> int:
        """How often ``images`` are gone over."""
        steps = math.ceil(images / self.batch_size)
        return max(self.epochs, math.ceil(self.min_steps / max(1, steps)))

    def length_on(self, images: int) -> int:
        """The epochs after which it ends on ``images``, where no rule stops it before."""
        return self.epochs_on(images)

    @property
    def needs_val_loss(self) -> bool:
        return self.select == "best"

    @property
    def named(self) -> tuple[str, ...]:
        """What may be the name of one of the suite's own."""
        return (self.augmentation,)


@dataclass(frozen=True)
class Trainable:
    """What of a network trains: of the backbone, of its batch norms, and what is added to it."""

    train: Train
    batch_norm: BatchNorm
    added: Added | None = None


class NetworkRecipe(Recipe):
    """How a backbone is trained with its head."""

    LATER: ClassVar[tuple[str, ...]] = ("lora", "ia3", "ssf", "layer_decay", "loss")
    """Keys that came later: where they are as by default they are not written, so that the keys of
    stages, and with them results, stay those of before."""

    train: Train = "all"
    batch_norm: BatchNorm = "frozen"
    lora: Lora | None = None
    ia3: Ia3 | None = None
    ssf: Ssf | None = None
    layer_decay: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The learning rate of a unit is that of the head times this to the power of its distance from
    the head (Bao et al. 2022, 2106.08254)."""
    loss: str | None = None
    """One of the suite's own; None: that of the labels, or of the masks."""

    @property
    def train_set(self) -> TrainSet:
        """Raises SuiteError where ``train`` says nothing."""
        return train_set(self.train)

    @property
    def named(self) -> tuple[str, ...]:
        return (self.augmentation, *([self.loss] if self.loss else []))

    @property
    def added(self) -> Added | None:
        return self.lora or self.ia3 or self.ssf

    @property
    def rates_units(self) -> bool:
        """Whether units have learning rates of their own."""
        return self.layer_decay != 1

    @property
    def trainable(self) -> Trainable:
        return Trainable(self.train, self.batch_norm, self.added)

    @property
    def trained_text(self) -> str:
        """As a title says it: ``last:2``, ``head with lora 8 on attn.qkv``."""
        text = train_text(self.train)
        return f"{text} with {self.added.text}" if self.added else text

    @property
    def freezes_stem(self) -> bool:
        return self.added is None and self.train_set.freezes_stem

    def may_move_frozen(self, later: NetworkRecipe) -> bool:
        """See `TrainSet.may_move_frozen`."""
        return self.added is not None or self.train_set.may_move_frozen(later.train_set)

    @property
    def adds_two(self) -> bool:
        return sum(one is not None for one in (self.lora, self.ia3, self.ssf)) > 1

    @model_validator(mode="after")
    def _adds_one_kind(self) -> Self:
        if self.adds_two:
            raise ValueError("one of lora, ia3 and ssf is added, not two")
        return self

    @model_serializer(mode="wrap")
    def _as_before(self, handler: SerializerFunctionWrapHandler) -> dict[str, object]:
        written: dict[str, object] = handler(self)
        fields = type(self).model_fields
        for key in self.LATER:
            if getattr(self, key) == fields[key].default:
                written.pop(key, None)
        return written


class Watch(Table):
    """Scores taken along a phase, whether or not a rule looks at them; their cost is the phase's.

    Taken where a phase ends or keeps a checkpoint, and every so many epochs where ``every`` is set.
    """

    on: Annotated[tuple[str, ...], Field(min_length=1)]
    """``val_loss`` and transferability scores, as a stop rule's ``on``."""
    every: EpochCount | None = None
    images: Annotated[int, Field(ge=2)] = 200


Epochs = EpochCount | tuple[EpochCount, ...]
"""Every so many epochs, or these."""


class Phase(NetworkRecipe):
    """Which parameters train, and how. A template by name, used and varied by strategies."""

    LATER: ClassVar[tuple[str, ...]] = (*NetworkRecipe.LATER, "freeze")

    train: Train
    objective: Learns = Supervised()
    bank: Views = 0
    """Augment each image so many times once, and draw from these, instead of anew each epoch: the
    constant prefix of the views can then be stored. Other results than fresh views give."""
    freeze: Freeze | None = None
    """Units that have settled stop training; None: all train to the end."""
    stop: Stop | None = None
    """None: after ``epochs``, and no look but the validation loss that ``select`` asks for."""
    watch: Watch | None = None
    keep_checkpoints: Epochs = ()
    """After these epochs the weights (with ``select = "best"`` the best so far) are results of
    their own: strategies ``NAME@EPOCH``, see `greendapt.suite.checkpoints`."""
    save_every: EpochCount | None = None
    """Epochs after which the state is kept, as a stage of its own: a stop loses what came since."""
    until: EpochCount | None = None
    """End after so many of ``epochs``; a schedule goes on as if all were to come."""

    @property
    def length(self) -> int:
        """The epochs after which it ends, where no rule stops it before."""
        return min(self.epochs, self.until or self.epochs)

    def length_on(self, images: int) -> int:
        epochs = self.epochs_on(images)
        return min(epochs, self.until or epochs)

    @property
    def saves(self) -> range:
        """The epochs after which its state is kept, but for the last."""
        return range(self.save_every, self.length, self.save_every) if self.save_every else range(0)

    @property
    def rates_units(self) -> bool:
        return super().rates_units or (self.freeze is not None and self.freeze.by_gradients)

    @property
    def in_parts(self) -> bool:
        """Whether its first epochs are what a phase of fewer epochs does."""
        freezing = self.freeze is not None and self.freeze.paced
        paced = self.schedule != "constant" or self.objective.paced or freezing
        return not paced and self.watch is None

    def up_to(self, epochs: int) -> Phase:
        """Its first so many epochs, and nothing that does not decide what they give."""
        if self.in_parts:
            shorter: dict[str, object] = {"epochs": epochs, "until": None}
        else:
            shorter = {"until": epochs if epochs < self.epochs else None}
        return self.model_copy(update={**shorter, "keep_checkpoints": (), "save_every": None})

    @property
    def needs_val_loss(self) -> bool:
        return super().needs_val_loss or (self.watch is not None and "val_loss" in self.watch.on)

    @property
    def development_scores(self) -> tuple[str, ...]:
        """The scores it takes on development's training images."""
        named = (*((self.stop.on,) if self.stop else ()), *(self.watch.on if self.watch else ()))
        return tuple(dict.fromkeys(name for name in named if name != "val_loss"))

    @property
    def constant(self) -> bool:
        """Whether what lies before the first trainable unit gives the same for an image always."""
        return self.objective.constant and (self.augmentation == "none" or self.bank > 0)


class Use(Table):
    """A phase by the name of its template, with what differs here."""

    use: str
    train: Train | None = None
    epochs: EpochCount | None = None
    learning_rate: PositiveFloat | None = None
    optimizer: Optimizer | None = None
    batch_size: BatchSize | None = None
    batch_norm: BatchNorm | None = None
    lora: Lora | None = None
    ia3: Ia3 | None = None
    ssf: Ssf | None = None
    layer_decay: Annotated[float, Field(gt=0, le=1)] | None = None
    loss: str | None = None
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    schedule: Schedule | None = None
    augmentation: Augmentation | None = None
    objective: Learns | None = None
    select: Select | None = None
    bank: Views | None = None
    freeze: Freeze | None = None
    stop: Stop | None = None
    min_steps: Steps | None = None
    watch: Watch | None = None
    keep_checkpoints: Epochs | None = None
    save_every: EpochCount | None = None
    until: EpochCount | None = None


class Downstream(Recipe):
    """What an adapted backbone is used for."""

    target: str | None = None
    """Of ``data.targets``; None: ``data.development``."""


class Probe(Downstream):
    """An MLP head on frozen, globally pooled features."""

    kind: Literal["probe"]
    hidden: Annotated[tuple[Width, ...], Field(max_length=100)] = ()
    standardize: bool = True
    """Centre and scale the features by those of the training images."""


class FineTune(Downstream, NetworkRecipe):
    """Head and backbone trained together on the development data."""

    kind: Literal["finetune"]


class Segment(Downstream, NetworkRecipe):
    """A U-Net on masks: the decoder and what ``train`` says of the backbone (``head``: nothing)."""

    kind: Literal["segment"]
    batch_norm: BatchNorm = "train"


Transfer = Annotated[Probe | FineTune | Segment, Field(discriminator="kind")]
