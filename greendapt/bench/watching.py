"""The stop rule of a phase, with the score it looks at and what the looks cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from greendapt.bench.outcome import Outcome
from greendapt.bench.plan import Stage
from greendapt.bench.workbench import Workbench
from greendapt.core.errors import SuiteError
from greendapt.core.keys import seed_of
from greendapt.core.suite import Stop, Suite
from greendapt.dapt.stop import rule_of
from greendapt.data.imageset import ImageSet, Task
from greendapt.models.backbone import Backbone
from greendapt.train.watch import Watcher
from greendapt.transfer.scores.extract import evidence_flops
from greendapt.transfer.scores.rate import rate
from greendapt.transfer.scores.table import kind_of


@dataclass(frozen=True)
class Watched:
    """A watcher, and the FLOPs of one of its looks."""

    watch: Watcher
    flops: int

    def outcome(self) -> Outcome:
        """What the looks cost and saw; part of the stage they were taken in."""
        looks = self.watch.looks
        return Outcome(self.flops * len(looks), details={"looks": [asdict(look) for look in looks]})


def check_stops(suite: Suite, development: Task) -> None:
    """Raise SuiteError where a rule would look at what it must not see, or cannot have."""
    few_shot = suite.run.shots != ("full",)
    for name in suite.run.strategies:
        for phase in suite.phases(name):
            if phase.stop is None or not phase.looks_at_development:
                continue
            needs = set(kind_of(phase.stop.on).needs)
            where = f"strategy.{name}: stop on '{phase.stop.on}'"
            if not needs or not needs <= {"features", "labels", "views"}:
                raise SuiteError(f"{where} cannot be had while a phase trains")
            if "labels" in needs and development != "multiclass":
                raise SuiteError(
                    f"{where} needs one label an image, which development does not have"
                )
            if "labels" in needs and few_shot:
                raise SuiteError(
                    f"{where} would see labels that few-shot hides; take 'robustness', or "
                    "shots = ['full']"
                )


def watch(
    bench: Workbench, stage: Stage, backbone: Backbone, energy_j: Callable[[], float | None]
) -> Watched | None:
    """None where the phase has no stop rule."""
    phase = stage.phase
    if phase is None or phase.stop is None:
        return None
    stop = phase.stop
    watcher = Watcher(
        rule_of(stop, phase.epochs, phase.select), phase.epochs, stop.every, energy_j=energy_j
    )
    if not phase.looks_at_development:
        return Watched(watcher, 0)
    seed = seed_of(f"look {stage.seed}")
    images = _images(bench, stop, seed)
    sign = 1 if kind_of(stop.on).better == "higher" else -1

    def score() -> float | None:
        found = rate(backbone, images, [stop.on], seed=seed, engine=bench.engine)[stop.on].value
        return None if found is None else sign * found

    watcher.score = score
    per_image = evidence_flops(backbone, [stop.on], bench.suite.model.image_size)
    return Watched(watcher, per_image * len(images))


def _images(bench: Workbench, stop: Stop, seed: int) -> ImageSet:
    """Of development's training part; validation and test stay unseen."""
    images = bench.data.development.part("train")
    chosen = np.random.default_rng(seed).permutation(len(images))[: stop.images]
    return images.subset(np.sort(chosen))
