"""A minute on this machine: one stage of each kind is done small, by the code that a run uses.

It is done in two sizes. Seconds are then a line through both for what lies around the training
(reading, forward passes, bootstrap, checkpoints), and so many a step for the training itself.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory

from greendapt.core.meter_facts import Conditions
from greendapt.core.records import Kind, TrainingDetails
from greendapt.disk.files import disk_errors
from greendapt.forecast.shrink import smaller
from greendapt.meter import Meter
from greendapt.meter.clock import now_s
from greendapt.meter.cpu_time import read_cpu, used
from greendapt.run.context import Context
from greendapt.run.stages.base import Monitor, Stage
from greendapt.run.stages.counted import Effort
from greendapt.store.run import RunFolder

_SMALL = 48  # images of each set in the first size
_EPOCHS_S = 0.6  # of training a stage, to take the median of
_ROUNDS = 3  # in the second size: other programs on the machine come and go
_FEW = 3


@dataclass(frozen=True)
class Limits:
    """What a calibration may take, about."""

    wall_s: float = 45.0
    energy_j: float = math.inf

    def seconds_at(self, power_w: float | None) -> float:
        """Until one of them is reached."""
        return min(self.wall_s, self.energy_j / power_w) if power_w else self.wall_s


LIMITS = Limits()


@dataclass(frozen=True)
class Sample:
    """A stage done small. ``epoch_s``: seconds of each of its epochs."""

    did: Effort
    wall_s: float
    energy_j: float | None
    epoch_s: tuple[float, ...] = ()
    looks_every: int = 0

    @property
    def around_s(self) -> float:
        """Seconds outside of its epochs."""
        return self.wall_s - sum(self.epoch_s)

    @property
    def step_s(self) -> float:
        """Seconds a step, with its share of validation; the first epoch warms up."""
        if not self.epoch_s:
            return 0.0
        seen = self.epoch_s[1:] if len(self.epoch_s) >= _FEW else self.epoch_s
        typical = mean(self.epoch_s) if self.looks_every else median(seen)
        return typical * len(self.epoch_s) / self.did.steps


@dataclass(frozen=True)
class Pace:
    """How long a stage takes: ``fixed_s`` + ``image_s`` x images + ``step_s`` x steps."""

    fixed_s: float
    image_s: float
    step_s: float

    @classmethod
    def through(cls, samples: Sequence[Sample]) -> Pace:
        """The line through the smallest and the largest size (medians); steps as in the largest."""
        few, many = (pick(one.did.images for one in samples) for pick in (min, max))
        large = [one for one in samples if one.did.images == many]
        low_s, high_s = (
            median(one.around_s for one in samples if one.did.images == images)
            for images in (few, many)
        )
        image_s = max(0.0, high_s - low_s) / (many - few) if many > few else 0.0
        steps = [one for one in large if one.did.steps == max(two.did.steps for two in large)]
        fixed_s = max(0.0, high_s - image_s * many)
        return cls(fixed_s, image_s, median(one.step_s for one in steps))

    def wall_s(self, effort: Effort) -> float:
        return self.fixed_s + self.image_s * effort.images + self.step_s * effort.steps


@dataclass(frozen=True)
class Calibration:
    """Paces by `Stage.likeness`; power in W by kind of stage (None: no meter knows); ``meanwhile``:
    what the machine did."""

    paces: Mapping[str, Pace]
    watts: Mapping[Kind, float | None]
    took_s: float
    meanwhile: Conditions

    def wall_s(self, stage: Stage, effort: Effort) -> float:
        return self.paces[stage.likeness].wall_s(effort)

    def energy_j(self, stage: Stage, wall_s: float) -> float | None:
        watts = self.watts[stage.kind]
        return None if watts is None else watts * wall_s


def calibrate(
    context: Context,
    planned: Sequence[Stage],
    meter: Meter,
    *,
    limits: Limits = LIMITS,
    say: Callable[[str], None],
) -> Calibration:
    """Time what is ``planned``, for at most about ``limits``, once in the smallest size in any
    case; files go to the folder of ``context`` and vanish."""
    begun, before = now_s(), read_cpu(opening=True)
    chosen = _chosen(context, planned)
    say(f"timing {len(chosen)} kinds of stages in small")
    trial = _Trial(_with_weights(context), meter, begun + limits.wall_s)
    with _scratch(context.folder.path) as folder:
        trial.run(chosen, _SMALL, folder("small"))
        trial.until_s = min(trial.until_s, begun + limits.seconds_at(trial.power_w()))
        images = trial.affordable(begun)
        for _ in range(_ROUNDS if images > _SMALL else 0):
            started_s = now_s()
            trial.run(chosen, images, folder("large"))
            round_s = now_s() - started_s
            if now_s() + round_s > trial.until_s:
                break
    paces = {like: Pace.through(samples) for like, samples in trial.samples.items()}
    seen = used(before, read_cpu(opening=False))
    return Calibration(paces, trial.watts(), now_s() - begun, seen)


def _chosen(context: Context, planned: Sequence[Stage]) -> list[Stage]:
    """Of each likeness the stage with the most work, and what these read, in plan order."""
    most: dict[str, tuple[float, Stage]] = {}
    for stage in planned:
        work = stage.effort(context).work
        if work > most.get(stage.likeness, (0.0, stage))[0]:
            most[stage.likeness] = work, stage
    wanted: set[str] = set()
    queue = [stage for _, stage in most.values()]
    while queue:
        stage = queue.pop().shortened(1)
        if stage.key not in wanted:
            wanted.add(stage.key)
            queue += [read for read in stage.reads if not read.in_cache]
    own = {stage.key: stage for stage in planned}
    every = {
        stage.key: own.get(stage.key, stage) for one in planned for stage in (*_behind(one), one)
    }
    return [stage for key, stage in every.items() if key in wanted]


def _behind(stage: Stage) -> Iterator[Stage]:
    for read in stage.reads:
        yield from _behind(read)
        yield read


def _with_weights(context: Context) -> Context:
    """Random weights for fractal ones, which may not be made yet: they take the same time."""
    if context.suite.model.weights != "fractal":
        return context
    random = {name: replace(one, argument="none") for name, one in context.generic.items()}
    return replace(context, generic=random)


@contextmanager
def _scratch(within: Path) -> Iterator[Callable[[str], RunFolder]]:
    """Makes run folders on the disk of the runs; all are gone in the end."""
    with disk_errors(within), TemporaryDirectory(prefix=".plan-", dir=within) as path:
        yield lambda name: RunFolder.create(Path(path), name)


@dataclass
class _Trial:
    """``samples`` by likeness, the smaller size first; a second size ends at ``until_s``."""

    context: Context
    meter: Meter
    until_s: float
    samples: dict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    spent: dict[Kind, list[Sample]] = field(default_factory=lambda: defaultdict(list))

    def run(self, chosen: Sequence[Stage], images: int, folder: RunFolder) -> None:
        context = smaller(self.context, images, folder)
        again = bool(self.samples)
        for stage in chosen:
            if again and now_s() > self.until_s:
                return
            sample = self._time(context, stage.shortened(self._epochs(context, stage)))
            self.samples[stage.likeness].append(sample)
            self.spent[stage.kind].append(sample)

    def affordable(self, begun_s: float) -> int:
        """Images of each set for the second size, so that it ends in time."""
        took_s = now_s() - begun_s
        left_s = self.until_s - now_s() - _EPOCHS_S * len(self.samples)
        sizes = [len(one) for one in self.context.data.sets()]
        return min(max(sizes), int(_SMALL * left_s / took_s)) // 16 * 16

    def power_w(self) -> float | None:
        """Of all samples so far."""
        return _watts([sample for samples in self.spent.values() for sample in samples])

    def watts(self) -> dict[Kind, float | None]:
        """Energy over time of each kind's samples."""
        return {kind: _watts(samples) for kind, samples in self.spent.items()}

    def _epochs(self, context: Context, stage: Stage) -> int:
        """As many as the time for a stage allows, one at first; whole looks."""
        looks = stage.looks_every or 1
        before = self.samples.get(stage.likeness)
        if not before:
            return min(looks, stage.epochs)
        epoch_s = before[-1].step_s * stage.shortened(1).effort(context).steps
        many = max(1, math.ceil(_EPOCHS_S / max(epoch_s, 1e-6) / looks)) * looks
        return min(many, stage.epochs)

    def _time(self, context: Context, stage: Stage) -> Sample:
        effort = stage.effort(context)
        with self.meter.window() as window:
            monitor = Monitor(energy_j=window.energy_so_far_j, window=self.meter.window)
            done = stage.run(context, monitor).details
        ends = (0.0, *(done.epoch_s if isinstance(done, TrainingDetails) else ()))
        return Sample(
            effort,
            window.figures["wall_s"].value or 0.0,
            window.figures["energy_j"].value,
            tuple(after - before for before, after in pairwise(ends)),
            looks_every=stage.looks_every,
        )


def _watts(samples: Sequence[Sample]) -> float | None:
    metered = [(one.energy_j, one.wall_s) for one in samples if one.energy_j is not None]
    wall_s = sum(seconds for _, seconds in metered)
    return sum(joules for joules, _ in metered) / wall_s if wall_s else None
