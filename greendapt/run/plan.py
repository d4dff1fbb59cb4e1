"""A suite as cells, each a chain of stages; stages that are the same are one stage.

Says who chains to whom and nothing else: what a stage is and what decides its result, its own file
in `greendapt.run.stages` says. A shared prefix of two strategies has one key, runs once, and is
charged to both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from greendapt.core.records import PlannedCell
from greendapt.run.ground import Digests, Ground, Setting, Start
from greendapt.run.stages.adapt import Adaptation
from greendapt.run.stages.base import Stage
from greendapt.run.stages.downstream import Downstream
from greendapt.run.stages.evaluate import Evaluation
from greendapt.run.stages.features import Features, TestFeatures
from greendapt.run.stages.finetune import Finetuning
from greendapt.run.stages.prefix import StoredPrefix
from greendapt.run.stages.pretrain import Pretraining
from greendapt.run.stages.probe import Probing
from greendapt.run.stages.segment import Segmentation
from greendapt.run.stages.use import Using
from greendapt.suite.models import Shots, Suite
from greendapt.suite.recipes import FineTune, Phase, Probe, Segment, Transfer

_TRANSFERS: Mapping[type[Transfer], type[Downstream]] = {
    Probe: Probing,
    FineTune: Finetuning,
    Segment: Segmentation,
}


@dataclass(frozen=True)
class Cell:
    """One row of the summary: ``stages`` in the order they must run."""

    strategy: str
    backbone: str
    seed: int
    transfer: str
    shots: Shots
    stages: tuple[Stage, ...]

    @property
    def planned(self) -> PlannedCell:
        """As the run's folder holds it."""
        return PlannedCell(
            strategy=self.strategy,
            backbone=self.backbone,
            seed=self.seed,
            transfer=self.transfer,
            shots=self.shots,
            stages=[stage.key for stage in self.stages],
        )


def cells(suite: Suite, digests: Digests) -> list[Cell]:
    """All cells, ordered so that cells that share stages follow each other; with the most seeds
    that the suite may take (see `greendapt.run.race`)."""
    run = suite.run
    first, (_, most) = run.base_seed, run.seed_range
    unplanned = [
        Cell(strategy, backbone, seed, transfer, shots, ())
        for backbone in suite.model.backbones
        for seed in range(first, first + most)
        for strategy in run.strategies
        for transfer in run.transfers
        for shots in run.shots
    ]
    return [replace(cell, stages=_chain(suite, digests, cell)) for cell in unplanned]


def stages(of: list[Cell]) -> list[Stage]:
    """Every stage once, parents first."""
    return list({stage.key: stage for cell in of for stage in cell.stages}.values())


def _chain(suite: Suite, digests: Digests, cell: Cell) -> tuple[Stage, ...]:
    """Generic weights, the phases of the strategy, what is made of the backbone, the verdict."""
    weights, backbone = suite.model.weights, cell.backbone
    setting = Setting(suite.pool(cell.strategy), suite.transfer[cell.transfer].target)
    own = cell.seed if weights == "none" else None
    identity, cut = digests.weights[backbone], suite.cut(cell.strategy)
    start = Start(backbone, weights, identity, cut, own, setting)
    ground = Ground(suite, digests, start)
    chain: list[Stage] = []
    if weights == "fractal":
        for_all = replace(start, cut=None, setting=Setting())
        chain.append(Pretraining(ground=replace(ground, start=for_all)))
    before: tuple[Phase, ...] = ()
    for phase in suite.phases(cell.strategy):
        chain += _adapted(ground, chain, before, phase, cell.seed)
        before += (phase,)
    return (*chain, *_transferred(ground, tuple(chain[-1:]), cell))


def _adapted(
    ground: Ground, chain: list[Stage], before: tuple[Phase, ...], phase: Phase, seed: int
) -> list[Stage]:
    """A phase: its constant prefix, then its epochs up to each number that a strategy asks."""
    prefix = _prefix(ground, chain, phase, seed)
    stops = _stops(ground, before, phase)
    done: list[Adaptation] = []
    for epochs in (n for n in stops if n <= phase.length):
        stage = Adaptation(
            ground=ground,
            parents=tuple(chain[-1:]),
            seed=seed,
            phase=phase.up_to(epochs),
            position=len(before),
            prefix=prefix,
            earlier=done[-1] if done else None,
            goes_on=epochs < stops[-1],
        )
        done.append(stage)
    return [*([prefix] if prefix else []), *done]


def _stops(ground: Ground, before: tuple[Phase, ...], phase: Phase) -> list[int]:
    """Numbers of epochs that strategies ask of this very phase, or to keep it at, in order.

    Where a rule or a number of steps decides how many there are, only its own.
    """
    if phase.min_steps or phase.stop:
        return [phase.length]
    suite, plain, stops = ground.suite, phase.up_to(1), set[int]()
    own = ground.start.cut, ground.start.setting.pool
    for strategy in suite.run.strategies:
        phases = suite.phases(strategy)
        if (suite.cut(strategy), suite.pool(strategy)) != own or phases[: len(before)] != before:
            continue
        here = phases[len(before) : len(before) + 1]
        for same in (p for p in here if p.up_to(1) == plain):
            stops |= {same.length, *same.saves}
    return sorted(stops)


def _prefix(ground: Ground, chain: list[Stage], phase: Phase, seed: int) -> StoredPrefix | None:
    """What the phase's frozen units give, which no seed or earlier phase behind them moves."""
    if not ground.suite.run.prefix_cache or not phase.constant or not phase.freezes_stem:
        return None
    adapted = [stage for stage in chain if isinstance(stage, Adaptation)]
    moved = [one for one in adapted if one.phase.may_move_frozen(phase)]
    generic = [stage for stage in chain if isinstance(stage, Pretraining)]
    parents = tuple(moved[-1:] or generic)
    own = seed if moved or phase.bank or ground.start.seed is not None else None
    return StoredPrefix(ground=ground, parents=parents, seed=own, phase=phase)


def _transferred(ground: Ground, source: tuple[Stage, ...], cell: Cell) -> list[Stage]:
    """What is trained on the development data, what it reads, and the verdict."""
    recipe, strategy = ground.suite.transfer[cell.transfer], cell.strategy
    kind = _TRANSFERS[type(recipe)]

    def trained(parents: tuple[Stage, ...]) -> Downstream:
        return kind(
            ground=ground,
            parents=parents,
            seed=cell.seed,
            strategy=strategy,
            transfer=cell.transfer,
            recipe=recipe,
            shots=cell.shots,
        )

    def used(stage: Downstream) -> list[Using]:
        return [Using.of(stage, ground.suite.use.measured)] if ground.suite.use else []

    if not kind.takes_features:
        tuned = trained(source)
        return [tuned, *used(tuned), Evaluation.of(tuned)]
    seeded = ground.start.seed is not None or any(isinstance(one, Adaptation) for one in source)
    seed = cell.seed if seeded else None
    features = Features(ground=ground, parents=source, seed=seed, strategy=strategy)
    tests = TestFeatures(ground=ground, parents=source, seed=seed, strategy=strategy)
    head = trained((features,))
    return [features, head, tests, *used(head), Evaluation.of(head, tests)]
