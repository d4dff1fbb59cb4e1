"""What all stages share that train something on the development data for an adapted backbone."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from greendapt.core.curves import Curves
from greendapt.core.metrics import PATIENTS_OF, Scores
from greendapt.core.records import Role
from greendapt.models.backbone import Backbone, create_backbone
from greendapt.models.network import Network
from greendapt.run.context import Context, TestSet
from greendapt.run.stages import counted
from greendapt.run.stages.base import Stage, pace_of, shortened_recipe
from greendapt.run.stages.counted import Effort, Passes
from greendapt.run.stages.features import LEARNT_FROM, TestFeatures
from greendapt.stats.crossed import interval_alone
from greendapt.stats.intervals import Floats
from greendapt.suite.models import Shots
from greendapt.suite.recipes import Transfer
from greendapt.train.cost import ImageCost
from greendapt.train.loop import Fit
from greendapt.train.step import PLAIN
from greendapt.transfer.clinical import CLINICAL, thresholds
from greendapt.transfer.curves import curves
from greendapt.transfer.metrics import judge
from greendapt.transfer.subgroups import by_group

_FEWER = 200  # draws of patients: there may be many groups, and many points of a curve


class Judged(NamedTuple):
    """Of a set: its scores, bootstrap draws by metric, and its curves, where it has any."""

    scores: Scores
    draws: dict[str, Floats]
    curves: Curves | None = None


@dataclass(frozen=True)
class Judging:
    """``judge``: a set, by so many bootstrap draws; ``flops`` an image.
    ``looked_at``: images of validation that were run to choose thresholds."""

    judge: Callable[[TestSet, int], Judged]
    flops: int
    looked_at: int = 0


@dataclass(frozen=True, kw_only=True)
class Downstream(Stage):
    """For a ``strategy``, trained by ``recipe`` on ``shots`` images a class, and then judged."""

    role: ClassVar[Role] = "transfer"
    verb: ClassVar = "fine-tuning of"
    takes_features: ClassVar[bool] = False
    """Whether its parent is not the adapted backbone, but stored features of it."""
    score: ClassVar[Literal["auc", "dice"]] = "auc"
    """What it is judged by."""

    strategy: str
    transfer: str
    """The name of ``recipe`` in the suite."""
    recipe: Transfer
    shots: Shots
    seed: int

    @property
    def decides(self) -> dict[str, object]:
        """What decides its result and the verdict on it."""
        data = self.ground.development
        return {"transfer": self.recipe, "shots": self.shots, "seed": self.seed, "data": data}

    def _decides(self) -> dict[str, object]:
        return {**self.decides, "tests": None, "bootstrap": None}

    @property
    def uses(self) -> tuple[str, ...]:
        return self.recipe.named

    def _title(self) -> str:
        return f"{self.verb} {self.cell_title}"

    @property
    def cell_title(self) -> str:
        shots = "all images" if self.shots == "full" else f"{self.shots} shots"
        return f"{self.strategy}, {self.transfer}, {shots}"

    @property
    def epochs(self) -> int:
        return self.recipe.epochs

    @property
    def step_likeness(self) -> str:
        return f"{self.likeness} {self.shots}"

    def _pace(self) -> object:
        return pace_of(self.recipe)

    def shortened(self, epochs: int) -> Self:
        return replace(self, recipe=shortened_recipe(self.recipe, epochs))

    def _shown(self, context: Context) -> list[np.ndarray]:
        """Positions within the training and the validation split that it may see."""
        return [context.shown(split, self.shots, self.seed) for split in LEARNT_FROM]

    def _fit(self, context: Context) -> Fit:
        """The work of its training, before it runs."""
        return counted.fit_of(self.recipe, *map(len, self._shown(context)))

    def _batch(self, context: Context, ranks: int = 1) -> int:
        """Images a step takes, of one of so many ranks."""
        images = len(context.shown("train", self.shots, self.seed))
        return math.ceil(min(images, self.recipe.batch_size) / ranks)

    @abstractmethod
    def _cost(self, context: Context) -> ImageCost:
        """Of an image in its training."""

    def _effort(self, context: Context) -> Effort:
        fit, images = self._fit(context), len(self._shown(context)[0])
        return Effort.of_training(self._cost(context).of(fit, 0), fit, images)

    # --- what it trained is judged ----------------------------------------------------------

    @abstractmethod
    def judging(self, context: Context, features: TestFeatures | None) -> Judging:
        """How a set is judged by what it trained. ``features``: of the sets, where it takes any."""

    def _thresholds(self, context: Context, logits: Tensor) -> Floats:
        """Of logits [N, K] on the images of validation that it may see."""
        val = context.development("val", self._shown(context)[1])
        return thresholds(logits, val.targets, context.suite.evaluation.sensitivity)

    def looks_at(self, context: Context) -> int:
        """Images of validation that judging runs to choose thresholds, as many as chose the epoch;
        none where masks are judged."""
        return len(self._shown(context)[1]) if self.score == "auc" else 0

    # --- what it trained is used ------------------------------------------------------------

    @property
    @abstractmethod
    def network(self) -> tuple[object, ...]:
        """What makes the network beside the backbone: its kind, and what else decides it."""

    @abstractmethod
    def untrained(self, context: Context) -> Network:
        """The network as it is used, with random weights, ready to run."""

    def use_flops(self, context: Context) -> int:
        """An image, through all of it."""
        return self.judging_flops(context)

    def _random_backbone(self, context: Context) -> Backbone:
        start = self.start
        spec = counted.spec_of(context, start)
        made = create_backbone(
            start.backbone, image_size=context.image_size, cut=start.cut, spec=spec
        )
        return context.steps.get(start.backbone, PLAIN).arrange(made)

    @abstractmethod
    def judging_flops(self, context: Context) -> int:
        """An image, before it runs."""

    @abstractmethod
    def judging_passes(self, context: Context, batch: int) -> Passes: ...


def label_scores(
    logits: Tensor, test: TestSet, draws: int, at: Floats, net_benefit: tuple[float, float] | None
) -> Judged:
    """Of logits [N, K] on the images of a set; where it is no corrupted copy, at thresholds, by
    group of patients, and with curves, too."""
    images, people = test.images, test.images.patients
    targets = torch.from_numpy(images.targets)
    if test.corruption is not None:
        return judged(judge(logits, targets, people, images.classes, bootstrap=draws))
    scores = judge(logits, targets, people, images.classes, bootstrap=draws, at=at)
    told, drawn, _ = judged(scores)
    fewer = min(draws, _FEWER)
    more, drawn_more = by_group(logits, images.targets, people, images.subgroups, fewer)
    of = logits, images.targets, people, images.classes
    drawn_curves = curves(*of, bootstrap=fewer, net_benefit=net_benefit)
    return Judged(told | more, drawn | drawn_more, drawn_curves)


def judged(scores: dict[str, Any]) -> Judged:
    """Scores with ``auc_low`` and ``auc_high`` (or of Dice, and so on), this network's interval
    over patients, and the draws apart."""
    drawn = scores.pop("draws", {})
    for metric in ("auc", "dice", "ece", *CLINICAL):
        if metric in scores:
            of = drawn.get(metric, np.empty(0))
            count = scores[PATIENTS_OF.get(metric, "patients")]
            low, high = interval_alone(scores[metric], of, count)
            scores |= {f"{metric}_low": low, f"{metric}_high": high}
    return Judged(scores, drawn)
