"""A suite as cells, each a chain of stages; stages that are the same are one stage.

A stage's key hashes all that decides its result, so a shared prefix of two strategies has one
key, runs once, and is charged to both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from greendapt.core.keys import key_of
from greendapt.core.records import Role
from greendapt.core.suite import Phase, Probe, Shots, Suite, Transfer

Kind = Literal["pretrain", "adapt", "features", "test-features", "probe", "finetune", "evaluate"]

ROLES: dict[Kind, Role] = {
    "pretrain": "sunk",
    "adapt": "adaptation",
    "features": "transfer",
    "probe": "transfer",
    "finetune": "transfer",
    "test-features": "evaluation",
    "evaluate": "evaluation",
}

_CODE = 1
"""Raise when the code gives other results for the same suite: no stored stage is then reused."""


@dataclass(frozen=True)
class Start:
    """The generic weights a chain starts from; ``identity`` names their content."""

    backbone: str
    weights: str
    identity: str
    cut: int | None
    seed: int | None = None


@dataclass(frozen=True)
class Stage:
    """One cached, metered step.

    ``parents``: for adapt, features, test-features and finetune the stage whose backbone it
    takes (none: the generic weights of ``start``); for probe the features; for evaluate the
    trained head and, for a probe, the test features.
    """

    kind: Kind
    label: str
    key: str
    start: Start
    parents: tuple[Stage, ...] = ()
    phase: Phase | None = None
    position: int = 0
    transfer: Transfer | None = None
    shots: Shots = "full"
    seed: int = 0

    @property
    def role(self) -> Role:
        return ROLES[self.kind]


@dataclass(frozen=True)
class Cell:
    """One row of the summary: ``stages`` in the order they must run."""

    strategy: str
    backbone: str
    seed: int
    transfer: str
    shots: Shots
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Digests:
    """Content of what a run reads: data by role, generic weights by backbone."""

    pool: str
    development: str
    external: str
    weights: dict[str, str] = field(default_factory=dict)


def cells(suite: Suite, digests: Digests) -> list[Cell]:
    """All cells, ordered so that cells that share stages follow each other."""
    planner = _Planner(suite, digests)
    run = suite.run
    return [
        planner.cell(strategy, backbone, seed, transfer, shots)
        for backbone in suite.model.backbones
        for seed in range(run.seeds)
        for strategy in run.strategies
        for transfer in run.transfers
        for shots in run.shots
    ]


def stages(of: list[Cell]) -> list[Stage]:
    """Every stage once, parents first."""
    return list({stage.key: stage for cell in of for stage in cell.stages}.values())


@dataclass(frozen=True)
class _Ask:
    """What a cell asks of an adapted backbone."""

    strategy: str
    name: str
    transfer: Transfer
    shots: Shots
    seed: int

    def __str__(self) -> str:
        shots = "all images" if self.shots == "full" else f"{self.shots} shots"
        return f"{self.strategy}, {self.name}, {shots}, seed {self.seed}"


@dataclass(frozen=True)
class _Planner:
    suite: Suite
    digests: Digests

    def cell(self, strategy: str, backbone: str, seed: int, transfer: str, shots: Shots) -> Cell:
        start = self._start(strategy, backbone, seed)
        chain = self._pretraining(start)
        for position, phase in enumerate(self.suite.phases(strategy)):
            chain.append(self._adapt(start, tuple(chain[-1:]), phase, position, seed))
        ask = _Ask(strategy, transfer, self.suite.transfer[transfer], shots, seed)
        ending = self._probed if isinstance(ask.transfer, Probe) else self._tuned
        chain += ending(start, tuple(chain[-1:]), ask)
        return Cell(strategy, backbone, seed, transfer, shots, tuple(chain))

    def _start(self, strategy: str, backbone: str, seed: int) -> Start:
        weights = self.suite.model.weights
        own = seed if weights == "none" else None
        identity = self.digests.weights[backbone]
        return Start(backbone, weights, identity, self.suite.cut(strategy), own)

    def _pretraining(self, start: Start) -> list[Stage]:
        if start.weights != "fractal":
            return []
        key = key_of(code=_CODE, kind="pretrain", identity=start.identity)
        label = f"generic pre-training of {start.backbone} on fractals"
        return [Stage("pretrain", label, key, replace(start, cut=None))]

    def _adapt(
        self, start: Start, source: tuple[Stage, ...], phase: Phase, position: int, seed: int
    ) -> Stage:
        trains = phase.train if isinstance(phase.train, str) else "+".join(phase.train)
        what = f"phase {position + 1} ({trains}, {phase.epochs} epochs)"
        cut = f" cut:{start.cut}" if start.cut else ""
        label = f"{start.backbone}{cut} {what}, seed {seed}"
        pool = [self.digests.pool, self.suite.data.pool_validation]
        key = self._key("adapt", start, source, phase=phase, seed=seed, pool=pool)
        return Stage("adapt", label, key, start, source, phase=phase, position=position, seed=seed)

    def _probed(self, start: Start, source: tuple[Stage, ...], ask: _Ask) -> list[Stage]:
        """Features of the development data, a head on them, features to test on, the verdict."""
        seeded = start.seed is not None or any(stage.kind == "adapt" for stage in source)
        of = f"{ask.strategy}, seed {ask.seed}" if seeded else ask.strategy
        features = Stage(
            "features",
            f"features of {of}",
            self._key("features", start, source, data=self.digests.development),
            start,
            source,
        )
        tests = Stage(
            "test-features",
            f"test features of {of}",
            self._key("test-features", start, source, tests=self._tests()),
            start,
            source,
        )
        probe = self._asked("probe", "head on", start, (features,), ask)
        judged = self._asked("evaluate", "test of", start, (probe, tests), ask)
        return [features, probe, tests, judged]

    def _tuned(self, start: Start, source: tuple[Stage, ...], ask: _Ask) -> list[Stage]:
        """Head and backbone trained on the development data, and the verdict."""
        tuned = self._asked("finetune", "fine-tuning of", start, source, ask)
        return [tuned, self._asked("evaluate", "test of", start, (tuned,), ask)]

    def _asked(
        self, kind: Kind, verb: str, start: Start, parents: tuple[Stage, ...], ask: _Ask
    ) -> Stage:
        key = self._key(
            kind,
            start,
            parents,
            transfer=ask.transfer,
            shots=ask.shots,
            seed=ask.seed,
            data=self.digests.development,
            tests=self._tests() if kind == "evaluate" else None,
            bootstrap=self.suite.evaluation.bootstrap if kind == "evaluate" else None,
        )
        return Stage(
            kind,
            f"{verb} {ask}",
            key,
            start,
            parents,
            transfer=ask.transfer,
            shots=ask.shots,
            seed=ask.seed,
        )

    def _tests(self) -> list[object]:
        evaluation = self.suite.evaluation
        kinds, severities = evaluation.corruptions, evaluation.severities
        return [self.digests.development, self.digests.external, kinds, severities]

    def _key(self, kind: Kind, start: Start, parents: tuple[Stage, ...], **decides: object) -> str:
        return key_of(
            code=_CODE,
            kind=kind,
            generic=[start.backbone, start.identity, start.cut, start.seed],
            image_size=self.suite.model.image_size,
            prefix_cache=self.suite.run.prefix_cache,
            parents=[parent.key for parent in parents],
            **decides,
        )
