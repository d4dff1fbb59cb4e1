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
class _Planner:
    suite: Suite
    digests: Digests

    def cell(self, strategy: str, backbone: str, seed: int, transfer: str, shots: Shots) -> Cell:
        start = self._start(strategy, backbone, seed)
        chain = self._pretraining(start)
        for position, phase in enumerate(self.suite.phases(strategy)):
            chain.append(self._adapt(start, tuple(chain[-1:]), phase, position, seed))
        ending = self._probed if isinstance(self.suite.transfer[transfer], Probe) else self._tuned
        said = f"{strategy}, {transfer}, {_shots_text(shots)}, seed {seed}"
        chain += ending(start, tuple(chain[-1:]), self.suite.transfer[transfer], shots, seed, said)
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
        cut = f" cut:{start.cut}" if start.cut else ""
        label = f"{start.backbone}{cut} phase {position + 1} ({trains}), seed {seed}"
        pool = [self.digests.pool, self.suite.data.pool_validation]
        key = self._key("adapt", start, source, phase=phase, seed=seed, pool=pool)
        return Stage("adapt", label, key, start, source, phase=phase, position=position, seed=seed)

    def _probed(
        self,
        start: Start,
        source: tuple[Stage, ...],
        transfer: Transfer,
        shots: Shots,
        seed: int,
        said: str,
    ) -> list[Stage]:
        """Features of the development data, a head on them, features to test on, the verdict."""
        data = self.digests.development
        of = said.partition(",")[0] + (f", seed {seed}" if self._adapts(source) else "")
        key = self._key("features", start, source, data=data)
        features = Stage("features", f"features of {of}", key, start, source)
        key = self._key("probe", start, (features,), transfer=transfer, shots=shots, seed=seed)
        options = {"transfer": transfer, "shots": shots, "seed": seed}
        probe = Stage("probe", f"head on {said}", key, start, (features,), **options)
        key = self._key("test-features", start, source, tests=self._tests())
        tests = Stage("test-features", f"test features of {of}", key, start, source)
        key = self._key("evaluate", start, (probe, tests), bootstrap=self._bootstrap())
        judged = Stage("evaluate", f"test of {said}", key, start, (probe, tests), **options)
        return [features, probe, tests, judged]

    def _tuned(
        self,
        start: Start,
        source: tuple[Stage, ...],
        transfer: Transfer,
        shots: Shots,
        seed: int,
        said: str,
    ) -> list[Stage]:
        """Head and backbone trained on the development data, and the verdict."""
        data = self.digests.development
        key = self._key(
            "finetune", start, source, transfer=transfer, shots=shots, seed=seed, data=data
        )
        options = {"transfer": transfer, "shots": shots, "seed": seed}
        tuned = Stage("finetune", f"fine-tuning of {said}", key, start, source, **options)
        key = self._key(
            "evaluate", start, (tuned,), tests=self._tests(), bootstrap=self._bootstrap()
        )
        return [tuned, Stage("evaluate", f"test of {said}", key, start, (tuned,), **options)]

    def _tests(self) -> list[object]:
        evaluation = self.suite.evaluation
        kinds, severities = evaluation.corruptions, evaluation.severities
        return [self.digests.development, self.digests.external, kinds, severities]

    def _bootstrap(self) -> int:
        return self.suite.evaluation.bootstrap

    def _adapts(self, source: tuple[Stage, ...]) -> bool:
        return any(stage.kind == "adapt" for stage in source)

    def _key(
        self, kind: Kind, start: Start, parents: tuple[Stage, ...], **decides: object
    ) -> str:
        return key_of(
            code=_CODE,
            kind=kind,
            generic=[start.backbone, start.identity, start.cut, start.seed],
            image_size=self.suite.model.image_size,
            prefix_cache=self.suite.run.prefix_cache,
            parents=[parent.key for parent in parents],
            **decides,
        )


def _shots_text(shots: Shots) -> str:
    return "all images" if shots == "full" else f"{shots} shots"
