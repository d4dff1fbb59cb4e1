"""The datasets of a suite, loaded and checked together: what a run trains and judges on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from greendapt.core.errors import DataError
from greendapt.core.remarks import Remark, ranked
from greendapt.data.checks.alignment import align, development_problems
from greendapt.data.checks.cautions import cautions
from greendapt.data.checks.contents import contents
from greendapt.data.checks.seen_before import Apart, same_source
from greendapt.data.checks.words import capitalised
from greendapt.data.corruptions import CORRUPTIONS
from greendapt.data.dataset import load
from greendapt.data.imageset import ImageSet
from greendapt.data.masks import with_masks
from greendapt.data.pack.packs import Packs
from greendapt.data.sources.base import Needs, NoLabels
from greendapt.suite.datasets import Dataset, Target
from greendapt.suite.models import Suite


@dataclass(frozen=True)
class Task:
    """A downstream task: the set it is learnt on, and the same task from other sources."""

    development: ImageSet
    external: dict[str, ImageSet]

    def sets(self) -> list[ImageSet]:
        return [self.development, *self.external.values()]

    def each(self, change: Callable[[ImageSet], ImageSet]) -> Task:
        """With every dataset changed."""
        external = {name: change(one) for name, one in self.external.items()}
        return Task(change(self.development), external)


@dataclass(frozen=True)
class Prepared:
    """The datasets of a suite, ready to train on. ``notes``: for the report, gravest first.

    ``pools`` and ``tasks`` go by their names in data.pools and data.targets; None is the suite's
    data.pool, and the task of its data.development.
    """

    pools: Mapping[str | None, ImageSet]
    tasks: Mapping[str | None, Task]
    notes: list[Remark]

    @property
    def pool(self) -> ImageSet:
        return self.pools[None]

    @property
    def development(self) -> ImageSet:
        return self.tasks[None].development

    @property
    def external(self) -> dict[str, ImageSet]:
        return self.tasks[None].external

    def each(self, change: Callable[[ImageSet], ImageSet]) -> Prepared:
        """With every dataset changed."""
        pools = {name: change(pool) for name, pool in self.pools.items()}
        tasks = {name: task.each(change) for name, task in self.tasks.items()}
        return Prepared(pools, tasks, self.notes)

    def sets(self) -> list[ImageSet]:
        """Every dataset once."""
        return [*self.pools.values(), *(one for task in self.tasks.values() for one in task.sets())]


@dataclass(frozen=True)
class _Wanted:
    """A dataset to load; ``without_labels``: what helps where it has none; ``splits``:
    its parts are used."""

    name: str
    spec: Dataset
    needs: Needs
    without_labels: str = ""
    splits: bool = False


def prepare(suite: Suite, image_size: int, packs: Packs | None = None) -> Prepared:
    """Load every dataset of ``suite``, check them together, take test images out of every pool.

    A pool is loaded with labels when a strategy of the run trains on them; pools and targets that
    the run does not use are not loaded. Raises one DataError that lists the problems of all, and
    PluginError where a corruption of another package cannot be loaded.
    """
    for name in suite.evaluation.corruptions:
        CORRUPTIONS.get(name)
    pools = _used_pools(suite)
    tasks = _used_tasks(suite)
    flags = " ".join(f"--set phase.{phase}.objective=simclr" for phase in suite.phase)
    hint = f"; to train without labels: {flags}"
    wanted = [
        _Wanted(f"pool {name}" if name else "pool", pool, _pool_needs(suite, name), hint)
        for name, pool in pools.items()
    ]
    needs: Needs = "masks" if suite.segments else "labels"
    for task, target in tasks.items():
        of = f" of {task}" if task else ""
        external = target.external.items()
        wanted.append(_Wanted(f"development{of}", target.development, needs, splits=True))
        wanted += [_Wanted(f"external {name}{of}", spec, needs) for name, spec in external]
    loaded = iter(_loaded(wanted, suite, image_size, packs))
    return check_together(
        {name: next(loaded) for name in pools},
        {
            name: Task(next(loaded), {k: next(loaded) for k in target.external})
            for name, target in tasks.items()
        },
        allow_leaks=suite.data.allow_leaks,
    )


def check_together(
    pools: Mapping[str | None, ImageSet],
    tasks: Mapping[str | None, Task],
    allow_leaks: bool = False,
) -> Prepared:
    """The sets, with external labels in development's order and every pool free of every task's
    test images.

    Raises DataError for what cannot be evaluated (empty parts, a class of an external set that
    development does not have, labels of different kinds) and, unless ``allow_leaks``, for what was
    seen in training: test images that are copies of training images, a pool that is all of the
    test part, an external set that is all of the training part.
    """
    notes = [note for pool in pools.values() for note in _own_notes(pool)]
    apart = Apart(allow_leaks)
    aligned = {name: _aligned(task, notes) for name, task in tasks.items()}
    checked = {name: _external_apart(task, apart) for name, task in aligned.items()}
    free = {}
    for name, pool in pools.items():
        for task in checked.values():
            notes += same_source(pool, task.development, task.external)
            pool = apart.pool(pool, task.development, task.external)
        free[name] = pool
    notes += apart.settle()
    for task in checked.values():
        notes += cautions(task.development)
    return Prepared(free, checked, ranked([*_contents(free, checked), *notes]))


def _contents(
    pools: Mapping[str | None, ImageSet], tasks: Mapping[str | None, Task]
) -> list[Remark]:
    """What is in each set; a task's development set is judged by parts, the others as a whole."""
    sets = [(pool, False) for pool in pools.values()]
    for task in tasks.values():
        sets += [(task.development, True), *((one, False) for one in task.external.values())]
    return [
        contents(one, by_part).of(capitalised(one.name))
        for one, by_part in sets
        if not one.synthetic
    ]


def _aligned(task: Task, notes: list[Remark]) -> Task:
    """Its external labels in the order of development's."""
    development = task.development
    problems = development_problems(development)
    notes += _own_notes(development)
    aligned = {}
    for name, one in task.external.items():
        try:
            aligned[name], differences = align(one, development)
            notes += _own_notes(one, differences)
        except DataError as error:
            problems += str(error).splitlines()
    if problems:
        raise DataError("\n".join(problems))
    return Task(development, aligned)


def _external_apart(task: Task, apart: Apart) -> Task:
    """Nothing that was seen in training left in its external sets."""
    apart.within(task.development)
    external = {name: apart.external(one, task.development) for name, one in task.external.items()}
    return Task(task.development, external)


def _own_notes(one: ImageSet, more: Iterable[Remark] = ()) -> list[Remark]:
    return [remark.of(capitalised(one.name)) for remark in (*one.notes, *more)]


def _used_pools(suite: Suite) -> dict[str | None, Dataset]:
    used = {suite.pool(strategy) for strategy in suite.run.strategies}
    pools: dict[str | None, Dataset] = {None: suite.data.pool}
    return pools | {name: pool.data for name, pool in suite.data.pools.items() if name in used}


def _used_tasks(suite: Suite) -> dict[str | None, Target]:
    used = {suite.transfer[name].target for name in suite.run.transfers}
    own = Target(development=suite.data.development, external=suite.data.external)
    tasks: dict[str | None, Target] = {None: own}
    return tasks | {name: task for name, task in suite.data.targets.items() if name in used}


def _loaded(
    wanted: Iterable[_Wanted], suite: Suite, image_size: int, packs: Packs | None
) -> list[ImageSet]:
    """Raises one DataError of all that cannot be loaded."""
    sets, problems = [], []
    for one in wanted:
        try:
            images = load(
                one.spec,
                name=one.name,
                image_size=image_size,
                aliases=suite.data.aliases,
                needs=one.needs,
                packs=packs,
                splits=one.splits,
                allow_leaks=suite.data.allow_leaks,
            )
            sets.append(with_masks(images) if one.needs == "masks" else images)
        except DataError as error:
            problems += [f"{one.name}: {line}" for line in str(error).splitlines()]
            if isinstance(error, NoLabels):
                problems[-1] += one.without_labels
    if problems:
        raise DataError("\n".join(problems))
    return sets


def _pool_needs(suite: Suite, pool: str | None) -> Needs:
    strategies = [name for name in suite.run.strategies if suite.pool(name) == pool]
    phases = [phase for name in strategies for phase in suite.phases(name)]
    return "labels" if any(p.objective.needs_labels for p in phases) else "images"
