"""What watches a phase: its stop rule, the scores it tracks, and what the looks cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from greendapt.core.errors import SuiteError
from greendapt.core.records import EpochScores, LookDetails
from greendapt.data.imageset import ImageSet, Labelling
from greendapt.models.backbone import Backbone
from greendapt.run import seeds
from greendapt.run.context import Context
from greendapt.suite.models import Suite
from greendapt.suite.recipes import Phase
from greendapt.train.loop import Watch, latest, lowest
from greendapt.train.watchers import Tracker, Watcher
from greendapt.transfer.scores.by_name import score_of
from greendapt.transfer.scores.evidence import evidence_flops
from greendapt.transfer.scores.score_weights import score_weights


@dataclass(frozen=True)
class Watched:
    """``watch`` is asked after each epoch; one look costs ``rule_flops``, one of the tracker's
    ``track_flops``."""

    watch: Watch
    ruler: Watcher | None = None
    tracker: Tracker | None = None
    rule_flops: int = 0
    track_flops: int = 0

    @property
    def flops(self) -> int:
        """What the looks cost; part of the stage they were taken in."""
        tracked = len(self.tracker.taken) if self.tracker else 0
        return self.rule_flops * len(self.looks) + self.track_flops * tracked

    @property
    def looks(self) -> tuple[LookDetails, ...]:
        """What the rule saw."""
        looks = self.ruler.looks if self.ruler else ()
        return tuple(LookDetails(**asdict(look)) for look in looks)

    @property
    def scores(self) -> tuple[EpochScores, ...]:
        """What was tracked."""
        taken = self.tracker.taken if self.tracker else ()
        return tuple(EpochScores(epoch=epoch, values=dict(scores)) for epoch, scores in taken)


def check_stops(suite: Suite, development: Labelling) -> None:
    """Raise SuiteError where a rule would look at what it must not see, or cannot have."""
    few_shot = suite.run.shots != ("full",)
    for name in suite.run.strategies:
        for phase in suite.phases(name):
            for on in phase.development_scores:
                where = f"strategy.{name}: a look at '{on}'"
                if suite.segments and score_of(on).needs == ("maps", "masks"):
                    continue
                _check(where, on, development, few_shot)


def _check(where: str, on: str, development: Labelling, few_shot: bool) -> None:
    needs = set(score_of(on).needs)
    if not needs or not needs <= {"features", "labels", "views"}:
        raise SuiteError(f"{where} cannot be had while a phase trains")
    if "labels" in needs and development != "multiclass":
        raise SuiteError(f"{where} needs one label an image, which development does not have")
    if "labels" in needs and few_shot:
        raise SuiteError(
            f"{where} would see labels that few-shot hides; take 'robustness', or shots = ['full']"
        )


def flops(context: Context, phase: Phase, backbone: Backbone) -> int:
    """What scores on development cost, before they are taken: a stop rule's, and tracked ones."""
    train = int((context.data.development.splits == "train").sum())
    total = 0
    for looks in (phase.stop, phase.watch):
        names = () if looks is None else (looks.on,) if isinstance(looks.on, str) else looks.on
        names = tuple(name for name in names if name != "val_loss")
        if looks is not None and names:
            count = math.ceil(phase.length / (looks.every or phase.length))
            per_image = evidence_flops(backbone, names, context.image_size)
            total += count * min(looks.images, train) * per_image
    return total


def watch(
    context: Context,
    phase: Phase,
    seed: int,
    backbone: Backbone,
    energy_j: Callable[[], float | None],
) -> Watched:
    """The rule that may end the phase, and around it what takes its scores."""
    raters = _Raters(context, backbone, seeds.of_looks(seed))
    ruled, tracked = _ruled(phase, raters, energy_j), phase.watch
    if tracked is None:
        return ruled
    rater = raters.of([name for name in tracked.on if name != "val_loss"], tracked.images)

    def scores(val_loss: Sequence[float]) -> dict[str, float | None]:
        loss = {"-val_loss": val_loss[-1] if val_loss else None}
        return rater() | (loss if "val_loss" in tracked.on else {})

    every = tracked.every or phase.length
    tracker = Tracker(ruled.watch, lambda n: n % every == 0 or n == phase.length, scores)
    return replace(ruled, watch=tracker, tracker=tracker, track_flops=rater.flops)


def _ruled(phase: Phase, raters: _Raters, energy_j: Callable[[], float | None]) -> Watched:
    """The stop rule, if there is one; else what keeps the epoch that ``select`` says."""
    stop = phase.stop
    if stop is None:
        return Watched(lowest if phase.select == "best" else latest)
    watcher = Watcher(
        stop.for_phase(phase.epochs, phase.select), phase.length, stop.every, energy_j=energy_j
    )
    if stop.on == "val_loss":
        return Watched(watcher, watcher)
    rater = raters.of([stop.on], stop.images)

    def score() -> float | None:
        ((name, value),) = rater().items()
        return -value if value is not None and name.startswith("-") else value

    watcher.score = score
    return Watched(watcher, watcher, rule_flops=rater.flops)


@dataclass(frozen=True)
class _Raters:
    """Makes raters of a backbone that trains; validation and test stay unseen."""

    context: Context
    backbone: Backbone
    seed: int

    def of(self, names: Sequence[str], most: int) -> _Rater:
        """Of scores of these names, on ``most`` training images at most."""
        images = self.context.data.development.part("train")
        chosen = np.random.default_rng(self.seed).permutation(len(images))[:most]
        subset = images.subset(np.sort(chosen))
        return _Rater(self.context, self.backbone, names, subset, self.seed)


@dataclass(frozen=True)
class _Rater:
    """Scores of a backbone that trains, on some of development's training images."""

    context: Context
    backbone: Backbone
    names: Sequence[str]
    images: ImageSet
    seed: int

    def __call__(self) -> dict[str, float | None]:
        """By name, with a minus before those of which lower is better."""
        if not self.names:
            return {}
        engine = self.context.engine
        rated = score_weights(self.backbone, self.images, self.names, seed=self.seed, engine=engine)
        signs = {name: "-" if score_of(name).better == "lower" else "" for name in self.names}
        return {signs[name] + name: score.value for name, score in rated.items()}

    @property
    def flops(self) -> int:
        """Of one look."""
        if not self.names:
            return 0
        size = self.context.image_size
        return evidence_flops(self.backbone, self.names, size) * len(self.images)
