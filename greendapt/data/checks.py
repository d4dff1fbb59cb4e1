"""Pool, development and external sets side by side: what would make a result meaningless."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from greendapt.core.errors import DataError
from greendapt.data.dataset import load
from greendapt.data.imageset import ImageSet
from greendapt.data.leaks import Rasters, column_auc, near_duplicates
from greendapt.data.masks import mask_classes, with_masks
from greendapt.data.pack.packs import Packs
from greendapt.data.sources.folder import Needs, NoLabels
from greendapt.data.splits import SPLITS
from greendapt.suite.datasets import Dataset, Target
from greendapt.suite.models import Suite

NEAR_DUPLICATES_UP_TO = 20_000
_FEW = 30


@dataclass(frozen=True)
class Prepared:
    """The datasets of a suite, ready to train on. ``notes``: sentences for the report.

    ``pools``: what strategies adapt to instead of ``pool``; ``targets``: development and external
    sets of other tasks, each with these fields alone.
    """

    pool: ImageSet
    development: ImageSet
    external: dict[str, ImageSet]
    notes: list[str]
    pools: dict[str, ImageSet] = field(default_factory=dict)
    targets: dict[str, tuple[ImageSet, dict[str, ImageSet]]] = field(default_factory=dict)

    def pair(self, pool: str | None, target: str | None) -> Prepared:
        """A pool and a task as if they were all there is."""
        own = self.development, self.external
        development, external = self.targets[target] if target else own
        return replace(
            self,
            pool=self.pools[pool] if pool else self.pool,
            development=development,
            external=external,
            pools={},
            targets={},
        )

    def each(self, change: Callable[[ImageSet], ImageSet]) -> Prepared:
        """With every dataset changed."""

        def all_of(sets: Mapping[str, ImageSet]) -> dict[str, ImageSet]:
            return {name: change(one) for name, one in sets.items()}

        return replace(
            self,
            pool=change(self.pool),
            development=change(self.development),
            external=all_of(self.external),
            pools=all_of(self.pools),
            targets={k: (change(one), all_of(more)) for k, (one, more) in self.targets.items()},
        )

    def sets(self) -> list[ImageSet]:
        """Every dataset once."""
        tasks = [(self.development, self.external), *self.targets.values()]
        judged = [one for task, external in tasks for one in (task, *external.values())]
        return [self.pool, *self.pools.values(), *judged]


def prepare(suite: Suite, image_size: int, packs: Packs | None = None) -> Prepared:
    """Load every dataset of ``suite``, check them together, take test images out of every pool.

    A pool is loaded with labels when a strategy of the run trains on them; pools and targets that
    the run does not use are not loaded. Raises one DataError that lists the problems of all.
    """
    data, problems = suite.data, list[str]()
    task: Needs = "masks" if suite.segments else "labels"

    def read(spec: Dataset, name: str, needs: Needs) -> ImageSet | None:
        try:
            one = load(
                spec,
                name=name,
                image_size=image_size,
                aliases=data.aliases,
                needs=needs,
                packs=packs,
            )
            return with_masks(one) if needs == "masks" else one
        except DataError as error:
            problems.extend(f"{name}: {line}" for line in str(error).splitlines())
            if name.startswith("pool") and isinstance(error, NoLabels):
                problems[-1] += f"; to train without labels: {_unlabelled_flags(suite)}"
            return None

    used = {suite.pool(strategy) for strategy in suite.run.strategies}
    pools = {"": read(data.pool, "pool", _pool_needs(suite, None))}
    for name, pool in data.pools.items():
        if name in used:
            pools[name] = read(pool.data, f"pool {name}", _pool_needs(suite, name))
    asked = {suite.transfer[name].target for name in suite.run.transfers}
    specs = {"": Target(development=data.development, external=data.external)}
    specs |= {name: target for name, target in data.targets.items() if name in asked}
    tasks = {}
    for name, target in specs.items():
        of = f" of {name}" if name else ""
        development = read(target.development, f"development{of}", task)
        external = {k: read(spec, f"external {k}{of}", task) for k, spec in target.external.items()}
        tasks[name] = development, external
    if problems:
        raise DataError("\n".join(problems))
    return check_together(
        {name: one for name, one in pools.items() if one is not None},
        {
            name: (development, {k: one for k, one in external.items() if one is not None})
            for name, (development, external) in tasks.items()
            if development is not None
        },
    )


Task = tuple[ImageSet, Mapping[str, ImageSet]]
"""Development and its external sets."""


def check_together(pools: Mapping[str, ImageSet], tasks: Mapping[str, Task]) -> Prepared:
    """The sets, by name ("" is the suite's own), with external labels in development's order and
    every pool free of every task's test images.

    Raises DataError for what cannot be evaluated: empty parts, a class of an external set that
    development does not have, labels of different kinds, an external set that overlaps with
    development's training part.
    """
    notes = [f"{_title(one.name)}: {note}" for one in pools.values() for note in one.notes]
    checked = {name: _checked(*task, notes) for name, task in tasks.items()}
    free = {}
    for name, pool in pools.items():
        for development, external in checked.values():
            notes += _same_source(pool, development, external)
            pool = _without_tests(pool, development, external, notes)
        free[name] = pool
    for development, _ in checked.values():
        notes += _small_parts(development) + _twins(development) + _views(development)
    development, external = checked.pop("")
    return Prepared(free.pop(""), development, external, notes, free, checked)


def _checked(
    development: ImageSet, external: Mapping[str, ImageSet], notes: list[str]
) -> tuple[ImageSet, dict[str, ImageSet]]:
    """One task: labels aligned, nothing seen in training left in its external sets."""
    problems = _development_problems(development)
    notes += [f"{_title(development.name)}: {note}" for note in development.notes]
    aligned = {}
    for name, one in external.items():
        try:
            aligned[name], said = _align(one, development)
            notes += [f"{_title(one.name)}: {note}" for note in (*one.notes, *said)]
        except DataError as error:
            problems += str(error).splitlines()
    if problems:
        raise DataError("\n".join(problems))
    return development, {
        name: _without_seen(one, development, notes) for name, one in aligned.items()
    }


def _pool_needs(suite: Suite, pool: str | None) -> Needs:
    strategies = [name for name in suite.run.strategies if suite.pool(name) == pool]
    phases = [phase for name in strategies for phase in suite.phases(name)]
    return "labels" if any(p.objective == "supervised" for p in phases) else "images"


def _unlabelled_flags(suite: Suite) -> str:
    return " ".join(f"--set phase.{name}.objective=simclr" for name in suite.phase)


def _title(name: str) -> str:
    return name[:1].upper() + name[1:]


# --- can it be evaluated at all -------------------------------------------------------------


def _development_problems(development: ImageSet) -> list[str]:
    counts = {split: int((development.splits == split).sum()) for split in SPLITS}
    name = development.name
    problems = [
        f"{name}: the split '{split}' is empty; every split needs images"
        for split, count in counts.items()
        if count == 0
    ]
    if problems or development.task == "unlabelled":
        return problems
    for split in ("train", "test"):
        absent = _absent(development.part(split))
        if split == "train" and absent:
            problems.append(
                f"{name}: the training part has no image of {', '.join(absent)}; "
                "leave the class out or split otherwise"
            )
        if split == "test" and len(absent) >= max(len(development.classes) - 1, 1):
            problems.append(f"{name}: the test part has one class only; AUC needs two")
    return problems


def _absent(one: ImageSet) -> list[str]:
    if one.targets.ndim == 1:
        there = set(np.unique(one.targets).tolist())
        return [name for k, name in enumerate(one.classes) if k not in there]
    both = (one.targets == 1).any(axis=0) & (one.targets == 0).any(axis=0)
    return [name for name, ok in zip(one.classes, both, strict=True) if not ok]


def _align(one: ImageSet, development: ImageSet) -> tuple[ImageSet, list[str]]:
    """``one`` with its targets over development's classes."""
    if one.task != development.task:
        raise DataError(
            f"{one.name}: its labels are {one.task}, development's are {development.task}; "
            "choose the same kind of label column in both"
        )
    if one.task == "unlabelled":
        return one, _aligned_masks(one, development)
    extra = [name for name in one.classes if name not in development.classes]
    shared = [name for name in one.classes if name in development.classes]
    there, new = ", ".join(development.classes), ", ".join(map(repr, extra))
    if not shared or (extra and one.task == "multiclass"):
        raise DataError(
            f"{one.name}: development has no class {new} (it has: {there}); "
            "add an alias to [data.aliases] or choose another label column"
        )
    notes = [f"it has no {name}." for name in development.classes if name not in shared]
    if one.task == "multiclass":
        place = np.array([development.classes.index(name) for name in one.classes])
        targets: NDArray[np.int64] | NDArray[np.float32] = place[one.targets].astype(np.int64)
    else:
        targets = np.full((len(one), len(development.classes)), np.nan, dtype=np.float32)
        for name in shared:
            targets[:, development.classes.index(name)] = one.targets[:, one.classes.index(name)]
        notes += [f"its finding {name} is not used, development has none." for name in extra]
    return replace(one, classes=development.classes, targets=targets), notes


def _aligned_masks(one: ImageSet, development: ImageSet) -> list[str]:
    theirs, ours = mask_classes(one), mask_classes(development)
    if theirs > ours:
        raise DataError(
            f"{one.name}: its masks hold the label {theirs - 1}, development's go up to {ours - 1}"
        )
    return []


# --- who has been seen before ---------------------------------------------------------------


def overlap(one: ImageSet, other: ImageSet) -> NDArray[np.bool_]:
    """True [N of one] for images that stand in ``other``, or whose patient does."""
    same = np.isin(one.hashes, other.hashes) | np.isin(one.patients, other.patients)
    return np.asarray(same)


def _without_tests(
    pool: ImageSet, development: ImageSet, external: Mapping[str, ImageSet], notes: list[str]
) -> ImageSet:
    held = development.subset(development.splits != "train")
    for name, one in (
        ("development's validation or test part", held),
        *((f"the {one.name} set", one) for one in external.values()),
    ):
        seen = overlap(pool, one)
        if seen.all():
            raise DataError(
                f"{pool.name}: every image, or its patient, is also in {name}; choose another pool"
            )
        if seen.any():
            notes.append(
                f"{seen.sum()} of {len(pool)} {pool.name} images were left out: they, or other "
                f"images of their patients, are in {name}."
            )
            pool = pool.subset(~seen)
    return pool


def _without_seen(one: ImageSet, development: ImageSet, notes: list[str]) -> ImageSet:
    """The external set without what the head is trained or chosen on."""
    seen = overlap(one, development.subset(development.splits != "test"))
    if seen.all():
        raise DataError(
            f"{one.name}: every image, or its patient, is in development's training or validation "
            "part; an external set comes from elsewhere"
        )
    if not seen.any():
        return one
    notes.append(
        f"{_title(one.name)}: {seen.sum()} of {len(one)} images were left out: they, or other "
        "images of their patients, are in development's training or validation part."
    )
    return one.subset(~seen)


def _same_source(
    pool: ImageSet, development: ImageSet, external: Mapping[str, ImageSet]
) -> list[str]:
    pairs = [(pool, development)]
    pairs += [(first, one) for one in external.values() for first in (pool, development)]
    told = {
        "development": "what DAPT gains here is the gain with data of the same source.",
        "external": "it is not external to what the backbone or the head was trained on.",
    }
    return [
        f"{_title(a.name)} and {b.name} come from the same source: {told[b.name.split()[0]]}"
        for a, b in pairs
        if a.origins & b.origins
    ]


# --- what a reader should know --------------------------------------------------------------


def _small_parts(development: ImageSet) -> list[str]:
    counts = {split: int((development.splits == split).sum()) for split in ("val", "test")}
    said = {"val": "choosing the best epoch is noisy", "test": "intervals are wide"}
    return [
        f"Development's {split} part has only {count} images: {said[split]}."
        for split, count in counts.items()
        if count < _FEW
    ]


def _twins(development: ImageSet) -> list[str]:
    if len(development) > NEAR_DUPLICATES_UP_TO:
        return [
            f"Near-duplicates were not looked for: development has more than "
            f"{NEAR_DUPLICATES_UP_TO} images."
        ]
    train, test = development.part("train"), development.part("test")
    count = near_duplicates(Rasters.of(train.batches()), Rasters.of(test.batches()))
    if count == 0:
        return []
    return [f"{count} of {len(test)} development test images have a near-duplicate in training."]


def _views(development: ImageSet) -> list[str]:
    if development.views is None or development.task == "unlabelled":
        return []
    alone = column_auc(
        development.views,
        development.targets,
        development.splits == "train",
        development.splits == "test",
        len(development.classes),
    )
    if alone is None or len(np.unique(development.views)) < 2:
        return []
    views = ", ".join(np.unique(development.views))
    return [
        f"The view alone ({views}) reaches AUC {alone:.2f} on the "
        "development test part (0.50 would say that it gives nothing away)."
    ]
