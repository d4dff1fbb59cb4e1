"""Adaptation: one phase of DAPT on the pool, or some epochs of it."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from torch import Tensor, nn

from greendapt.core.records import AdaptDetails, Kind, Role
from greendapt.models.network import Network, mlp
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
from greendapt.suite.recipes import Phase, Trainable
from greendapt.train.constant_prefix import activation_shape, feature_size
from greendapt.train.loop import Training
from greendapt.train.objectives import LOSSES, own_loss
from greendapt.train.phase import train_phase
from greendapt.train.train_sets import first_trainable, set_phase

PROJECTION = (256, 64)
"""SimCLR's head: one hidden layer, and the width of its output."""


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
        return self.phase.stop.every if self.phase.stop else 0

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
        network = Network(backbone, self._head(context, feature_size(backbone, context.image_size)))
        watched = phase_looks.watch(context, phase, self.seed, backbone, monitor.energy_j)
        training = Training(
            loss=own_loss(phase.loss)
            or LOSSES["simclr" if phase.objective == "simclr" else context.data.pool.task],
            seed=seeds.of_phase(self.position, self.seed),
            engine=self.engine(context),
            on_progress=monitor.on_progress,
            state=context.state(self.earlier.key) if self.earlier else None,
            watch=watched.watch,
        )
        network.to(context.engine.device)
        trained = train_phase(network, train, val, phase, training, stored=stored)
        state = trained.fit.state if self.goes_on else None
        context.save(self.key, backbone, network.head, state)
        done = trained_outcome(trained, images=len(train))
        details = {**dict(done.details), "warning": remade.details.warning}
        return Outcome(
            done.training_flops + remade.training_flops + watched.flops,
            AdaptDetails(**details, looks=watched.looks, scores=watched.scores),
        )

    def _head(self, context: Context, width: int) -> nn.Module:
        """That of the phase before where it has the same objective; else a new one."""
        *hidden, outputs = self._head_widths(context)
        head = mlp(width, hidden, outputs, seeds.of_pool_head(self.seed))
        before = self.parents[0] if self.parents else None
        if isinstance(before, Adaptation) and before.phase.objective == self.phase.objective:
            return context.load_head(before.key, head)
        return head

    def _head_widths(self, context: Context) -> tuple[int, ...]:
        """Hidden layers and output."""
        simclr = self.phase.objective == "simclr"
        return PROJECTION if simclr else (len(context.data.pool.classes),)

    @property
    def _views(self) -> int:
        return 2 if self.phase.objective == "simclr" else 1

    def _effort(self, context: Context) -> Effort:
        phase = self.phase
        images, held = map(len, context.pool)
        head = self._head_widths(context)
        cost = counted.cost(context, self.start, phase.trainable, head)
        done = self.earlier.epochs if self.earlier else 0
        fit = counted.fit_of(phase, images, held, done)
        through = 0 if self.prefix else (fit.samples + fit.samples_validated) * self._views
        looks = phase_looks.flops(context, phase, counted.backbone(context, self.start))
        return Effort.of_training(cost.of(fit, through, self._views) + looks, fit, images)

    def _passes(self, context: Context, batch: int, ranks: int) -> Passes:
        phase, size = self.phase, context.image_size
        backbone = counted.new_backbone(context, self.start)
        *hidden, outputs = self._head_widths(context)
        network = Network(backbone, mlp(feature_size(backbone, size), tuple(hidden), outputs, 0))
        set_phase(network, phase.trainable)
        images = min(len(context.pool[0]), phase.batch_size) * self._views
        images = math.ceil(images / ranks)
        if self.prefix is None:
            image = counted.image_shape(context, self.start)
            return Passes.of_training(network, image, images, batch)
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
