"""Adaptation: one phase of DAPT on the pool, or some epochs of it."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from greendapt.core.errors import DataError
from greendapt.core.records import AdaptDetails, Kind, Role
from greendapt.data.augment import Shapes
from greendapt.models.network import Network
from greendapt.run import seeds
from greendapt.run.context import Context
from greendapt.run.stages import counted, phase_looks
from greendapt.run.stages.base import (
    Monitor,
    Outcome,
    Stage,
    pace_of,
    shortened_recipe,
    trained_outcome,
)
from greendapt.run.stages.counted import Effort, Passes
from greendapt.run.stages.prefix import StoredPrefix
from greendapt.stats.rules import PatienceSettings
from greendapt.suite.objectives import Objective
from greendapt.suite.recipes import Phase, Trainable
from greendapt.train.constant_prefix import activation_shape
from greendapt.train.learners.base import Learner, learner_of
from greendapt.train.loop import Training, takes_statistics
from greendapt.train.objectives import own_loss
from greendapt.train.phase import train_phase
from greendapt.train.train_sets import first_trainable, set_phase


@dataclass(frozen=True, kw_only=True)
class Adaptation(Stage):
    """``phase``: up to the epoch where it ends; ``position``: how many phases went before.

    ``prefix``: the stage that stored what lies before the first unit that trains; it changes no
    result. ``earlier``: the first epochs of this phase, done for another strategy that stops
    there; ``goes_on``: another one does more of it.
    """

    kind: ClassVar = Kind.ADAPT
    role: ClassVar[Role] = "adaptation"
    is_shared: ClassVar = True

    phase: Phase
    position: int = 0
    prefix: StoredPrefix | None = None
    earlier: Adaptation | None = None
    goes_on: bool = False

    seed: int

    def _decides(self) -> dict[str, object]:
        ground, earlier = self.ground, self.earlier
        return {
            "phase": self.phase,
            "seed": self.seed,
            "pool": [ground.pool, ground.suite.data.pool_validation],
            "seen": ground.development if self.phase.development_scores else None,
            "earlier": earlier.key if earlier else None,
        }

    @property
    def uses(self) -> tuple[str, ...]:
        return self.phase.named

    def _title(self) -> str:
        first, last = self.earlier.epochs + 1 if self.earlier else 1, self.epochs
        span = f"epochs {first} to {last}" if first < last else f"epoch {last}"
        span = span if self.earlier else f"{last} epochs"
        what = f"phase {self.position + 1} ({self.phase.trained_text}, {span})"
        return self.ground.title(what)

    @property
    def reads(self) -> tuple[Stage, ...]:
        more = (self.prefix, self.earlier)
        return (*self.parents, *(stage for stage in more if stage is not None))

    @property
    def trains(self) -> Trainable:
        return self.phase.trainable

    @property
    def epochs(self) -> int:
        return self.phase.length

    @property
    def is_tiny(self) -> bool:
        """A head on stored inputs."""
        return self.phase.train == "head" and self.prefix is not None

    @property
    def looks_every(self) -> int:
        if self.phase.stop:
            return self.phase.stop.every
        return 1 if self.phase.freeze else 0

    def _pace(self) -> object:
        return [pace_of(self.phase), self.prefix is not None]

    def shortened(self, epochs: int) -> Self:
        phase, stop = shortened_recipe(self.phase, epochs), self.phase.stop
        if stop is not None:
            never = PatienceSettings(
                rule="patience", looks=10**9, every=stop.every, on=stop.on, images=stop.images
            )
            phase = phase.model_copy(update={"stop": never})
        return replace(self, phase=phase, earlier=None)

    def without(self, keys: Collection[str]) -> Stage:
        return replace(self, prefix=None) if self.prefix and self.prefix.key in keys else self

    def _run(self, context: Context, monitor: Monitor) -> Outcome:
        train, val = context.pool
        backbone, phase = self.backbone(context), self.phase
        stored, remade = None, Outcome(0)
        with context.ranks.first_goes():
            if self.prefix is not None:
                stored, remade = self.prefix.read(context)
        learner = self._learner(context)
        network = learner.network(backbone, context.image_size, seeds.of_pool_head(self.seed))
        self._go_on(context, network)
        watched = phase_looks.watch(context, phase, self.seed, backbone, monitor.energy_j)
        training = Training(
            loss=own_loss(phase.loss) or learner.loss(network, context.data.pool.task),
            seed=seeds.of_phase(self.position, self.seed),
            engine=self.engine(context),
            on_progress=monitor.on_progress,
            state=context.state(self.earlier.key) if self.earlier else None,
            watch=watched.watch,
        )
        network.to(context.engine.device)
        cache = phase.freeze is not None and context.suite.run.prefix_cache
        trained = train_phase(network, train, val, phase, training, cache=cache, stored=stored)
        state = trained.fit.state if self.goes_on else None
        context.save(self.key, backbone, network.head, state)
        done = trained_outcome(trained, images=len(train))
        details = {**dict(done.details), "warning": remade.details.warning}
        return Outcome(
            done.training_flops + remade.training_flops + watched.flops,
            AdaptDetails(**details, looks=watched.looks, scores=watched.scores),
        )

    def check(self, image_size: int) -> None:
        """Likewise where its backbone cannot learn from the objective."""
        super().check(image_size)
        learner = learner_of(self.phase.objective, outputs=1)
        if isinstance(learner.head, Objective):
            backbone = counted.backbone_of(self.start.backbone, self.start.cut, image_size)
            with torch.device("meta"):
                learner.network(backbone, image_size, seed=0)

    def check_data(self, context: Context) -> None:
        """Where the objective compares the images of a batch, none may hold a single one."""
        phase, least = self.phase, self.phase.objective.least_images
        if least == 1:
            return
        context = context.at(self.start.setting)
        images, held = map(len, context.pool)
        last = images % phase.batch_size or phase.batch_size
        where = f"{self.title}: objective = '{phase.objective.name}' compares the images of a batch"
        if images < least or (last < least and not self._joins_batches(context)):
            raise DataError(
                f"{where}, and the last of {images} images in batches of {phase.batch_size} would "
                f"hold {last}; take another batch_size"
            )
        if phase.needs_val_loss and 0 < held < least:
            raise DataError(
                f"{where}, and the pool holds out {held} for the validation loss; "
                "take select = 'last', or another data.pool_validation"
            )

    def _joins_batches(self, context: Context) -> bool:
        """Whether a last batch of one image joins the one before, for its batch statistics."""
        network = self._learner(context).network(
            counted.new_backbone(context, self.start), context.image_size, seed=0
        )
        set_phase(network, self.phase.trainable)
        return takes_statistics(network)

    def _learner(self, context: Context) -> Learner:
        return learner_of(self.phase.objective, len(context.data.pool.classes))

    def _go_on(self, context: Context, network: Network) -> None:
        """With the head of the phase before where it has the same objective."""
        before = self.parents[0] if self.parents else None
        if isinstance(before, Adaptation) and before.phase.objective == self.phase.objective:
            context.load_head(before.key, network.head)

    def _effort(self, context: Context) -> Effort:
        phase, learner = self.phase, self._learner(context)
        images, held = map(len, context.pool)
        cost = counted.cost(context, self.start, phase.trainable, learner.head)
        done = self.earlier.epochs if self.earlier else 0
        fit = counted.fit_of(phase, images, held, done)
        through = 0 if self.prefix else (fit.samples + fit.samples_validated) * learner.views
        looks = phase_looks.flops(context, phase, counted.backbone(context, self.start))
        return Effort.of_training(cost.of(fit, through, learner.views) + looks, fit, images)

    def _passes(self, context: Context, batch: int, ranks: int) -> Passes:
        phase, size = self.phase, context.image_size
        backbone = counted.new_backbone(context, self.start)
        learner = self._learner(context)
        network = learner.network(backbone, size, seed=0)
        set_phase(network, phase.trainable)
        network.begin()
        images = min(len(context.pool[0]), phase.batch_size) * learner.views
        images = math.ceil(images / ranks)
        if self.prefix is None:
            image = counted.image_shape(context, self.start)
            passing = network if network.resumable else _FromImages(network)
            return Passes.of_training(passing, image, images, batch)
        start = first_trainable(backbone, phase.trainable)
        row = activation_shape(backbone, size, start)
        return Passes.of_training(_Rest(network, start), row, images, batch)


class _Rest(nn.Module):
    """A network from a unit on."""

    def __init__(self, network: Network, start: int) -> None:
        super().__init__()
        self.network, self.start = network, start

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x, self.start)
        return logits


class _FromImages(nn.Module):
    """A network with all that it makes of an image."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.network(*self.network.inputs(images, Shapes()))
        return logits
