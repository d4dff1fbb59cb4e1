"""What watches a phase: its stop rule, the scores it tracks, and what the looks cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from greendapt.core.errors import SuiteError
from greendapt.core.keys import seed_of
from greendapt.data.imageset import ImageSet, Labelling
from greendapt.models.backbone import Backbone
from greendapt.run.context import Workbench
from greendapt.run.plan import Stage
from greendapt.run.stages.base import Outcome
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

    def outcome(self) -> Outcome:
        """What the looks cost and saw; part of the stage they were taken in."""
        flops, details = 0, dict[str, list[dict[str, object]]]()
        if self.ruler is not None:
            flops += self.rule_flops * len(self.ruler.looks)
            details["looks"] = [asdict(look) for look in self.ruler.looks]
        if self.tracker is not None:
            flops += self.track_flops * len(self.tracker.taken)
            details["scores"] = [
                {"epoch": at, "values": scores} for at, scores in self.tracker.taken
            ]
        return Outcome(flops, details=details)


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


def watch(
    bench: Workbench, stage: Stage, backbone: Backbone, energy_j: Callable[[], float | None]
) -> Watched:
    """The rule that may end the phase, and around it what takes its scores."""
    phase = stage.phase
    assert phase is not None
    ruled, said = _ruled(bench, stage, phase, backbone, energy_j), phase.watch
    if said is None:
        return ruled
    names = [name for name in said.on if name != "val_loss"]
    rated = _rater(bench, stage, backbone, names, said.images)

    def scores(val_loss: Sequence[float]) -> dict[str, float | None]:
        loss = {"-val_loss": val_loss[-1] if val_loss else None}
        return rated() | (loss if "val_loss" in said.on else {})

    every = said.every or phase.length
    tracker = Tracker(ruled.watch, lambda n: n % every == 0 or n == phase.length, scores)
    return replace(ruled, watch=tracker, tracker=tracker, track_flops=rated.flops)


def _ruled(
    bench: Workbench,
    stage: Stage,
    phase: Phase,
    backbone: Backbone,
    energy_j: Callable[[], float | None],
) -> Watched:
    """The stop rule, if there is one; else what keeps the epoch that ``select`` says."""
    stop = phase.stop
    if stop is None:
        return Watched(lowest if phase.select == "best" else latest)
    watcher = Watcher(
        stop.for_phase(phase.epochs, phase.select), phase.length, stop.every, energy_j=energy_j
    )
    if stop.on == "val_loss":
        return Watched(watcher, watcher)
    rater = _rater(bench, stage, backbone, [stop.on], stop.images)

    def score() -> float | None:
        ((name, value),) = rater().items()
        return -value if value is not None and name.startswith("-") else value

    watcher.score = score
    return Watched(watcher, watcher, rule_flops=rater.flops)


@dataclass(frozen=True)
class _Rater:
    """Scores of a backbone that trains, on some of development's training images."""

    bench: Workbench
    backbone: Backbone
    names: Sequence[str]
    images: ImageSet
    seed: int

    def __call__(self) -> dict[str, float | None]:
        """By name, with a minus before those of which lower is better."""
        if not self.names:
            return {}
        engine = self.bench.engine
        rated = score_weights(self.backbone, self.images, self.names, seed=self.seed, engine=engine)
        signs = {name: "-" if score_of(name).better == "lower" else "" for name in self.names}
        return {signs[name] + name: score.value for name, score in rated.items()}

    @property
    def flops(self) -> int:
        """Of one look."""
        size = self.bench.suite.model.image_size
        per_image = evidence_flops(self.backbone, self.names, size) if self.names else 0
        return per_image * len(self.images)


def _rater(
    bench: Workbench, stage: Stage, backbone: Backbone, names: Sequence[str], most: int
) -> _Rater:
    """Validation and test stay unseen."""
    seed = seed_of(f"look {stage.seed}")
    images = bench.data.development.part("train")
    chosen = np.random.default_rng(seed).permutation(len(images))[:most]
    return _Rater(bench, backbone, names, images.subset(np.sort(chosen)), seed)
