"""A suite as cells, each a chain of stages; stages that are the same are one stage.

A stage's key hashes all that decides its result, so a shared prefix of two strategies has one
key, runs once, and is charged to both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from greendapt.core.keys import key_of
from greendapt.core.records import Kind, Role
from greendapt.suite.models import Shots, Suite
from greendapt.suite.recipes import Phase, Probe, Transfer
from greendapt.suite.trainable import train_text

ROLES: dict[Kind, Role] = {
    Kind.PRETRAIN: "sunk",
    Kind.PREFIX: "adaptation",
    Kind.ADAPT: "adaptation",
    Kind.FEATURES: "transfer",
    Kind.PROBE: "transfer",
    Kind.FINETUNE: "transfer",
    Kind.TEST_FEATURES: "evaluation",
    Kind.EVALUATE: "evaluation",
}

_CODE = 3
"""Raise when the code gives other results for the same suite: no stored stage is then reused."""


@dataclass(frozen=True)
class Start:
    """The generic weights a chain starts from, and which of the suite's data it uses.

    ``identity`` names the weights' content. ``pool``, ``target``: of data.pools and data.targets.
    """

    backbone: str
    weights: str
    identity: str
    cut: int | None
    seed: int | None = None
    pool: str | None = None
    target: str | None = None


@dataclass(frozen=True)
class Stage:
    """One cached, metered step.

    ``parents``: for adapt, features, test-features and finetune the stage whose backbone it
    takes (none: the generic weights of ``start``); for probe the features; for evaluate the
    trained head and, for a probe, the test features. ``prefix``: the stage that stored what lies
    before the first unit that trains; it changes no result. ``earlier``: the first epochs of this
    phase, done for another strategy that stops there; ``goes_on``: another one does more of it.
    """

    kind: Kind
    title: str
    key: str
    start: Start
    parents: tuple[Stage, ...] = ()
    prefix: Stage | None = None
    earlier: Stage | None = None
    goes_on: bool = False
    phase: Phase | None = None
    position: int = 0
    transfer: Transfer | None = None
    shots: Shots = "full"
    seed: int = 0
    of_seed: int | None = None
    """The seed that its title leaves out; None where all seeds share it."""

    @property
    def label(self) -> str:
        return self.title if self.of_seed is None else f"{self.title}, seed {self.of_seed}"

    @property
    def role(self) -> Role:
        return ROLES[self.kind]

    @property
    def is_shared(self) -> bool:
        """Whether all processes of a launcher train it; what is not goes to the first of them."""
        return self.kind in (Kind.PRETRAIN, Kind.ADAPT, Kind.FINETUNE)

    @property
    def epochs(self) -> int:
        return self.phase.length if self.phase else 0

    @property
    def reads(self) -> tuple[Stage, ...]:
        """Every stage whose files this one takes."""
        more = (self.prefix, self.earlier)
        return (*self.parents, *(stage for stage in more if stage is not None))


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
    precisions: dict[str, str] = field(default_factory=dict)
    """What each backbone computes in (`Step.arithmetic`), where that is not float32."""
    pools: dict[str, str] = field(default_factory=dict)
    targets: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Development and external sets of other tasks."""

    def pair(self, pool: str | None, target: str | None) -> Digests:
        """Those of one pool and one task; nothing for a name without data."""
        development, external = (
            self.targets.get(target, ("", "")) if target else (self.development, self.external)
        )
        own = self.pools.get(pool, "") if pool else self.pool
        return replace(self, pool=own, development=development, external=external)


def cells(suite: Suite, digests: Digests) -> list[Cell]:
    """All cells, ordered so that cells that share stages follow each other."""
    run = suite.run

    def planner(strategy: str, transfer: str) -> _Planner:
        pair = suite.pool(strategy), suite.transfer[transfer].target
        return _Planner(suite, digests.pair(*pair), *pair)

    return [
        planner(strategy, transfer).cell(strategy, backbone, seed, transfer, shots)
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
        return f"{self.strategy}, {self.name}, {shots}"


@dataclass(frozen=True)
class _Planner:
    suite: Suite
    digests: Digests
    pool: str | None
    target: str | None

    def cell(self, strategy: str, backbone: str, seed: int, transfer: str, shots: Shots) -> Cell:
        start = self._start(strategy, backbone, seed)
        chain = self._pretraining(start)
        before: tuple[Phase, ...] = ()
        for phase in self.suite.phases(strategy):
            chain += self._adapted(start, chain, before, phase, seed)
            before += (phase,)
        ask = _Ask(strategy, transfer, self.suite.transfer[transfer], shots, seed)
        ending = self._probed if isinstance(ask.transfer, Probe) else self._tuned
        chain += ending(start, tuple(chain[-1:]), ask)
        return Cell(strategy, backbone, seed, transfer, shots, tuple(chain))

    @property
    def _on(self) -> str:
        return f" on {self.pool}" if self.pool else ""

    @property
    def _for(self) -> str:
        return f" for {self.target}" if self.target else ""

    def _start(self, strategy: str, backbone: str, seed: int) -> Start:
        weights = self.suite.model.weights
        own = seed if weights == "none" else None
        identity = self.digests.weights[backbone]
        cut = self.suite.cut(strategy)
        return Start(backbone, weights, identity, cut, own, self.pool, self.target)

    def _pretraining(self, start: Start) -> list[Stage]:
        if start.weights != "fractal":
            return []
        key = key_of(code=_CODE, kind=Kind.PRETRAIN, identity=start.identity)
        label = f"generic pre-training of {start.backbone} on fractals"
        return [Stage(Kind.PRETRAIN, label, key, replace(start, cut=None, pool=None, target=None))]

    def _adapted(
        self, start: Start, chain: list[Stage], before: tuple[Phase, ...], phase: Phase, seed: int
    ) -> list[Stage]:
        """A phase: its constant prefix, then its epochs up to each number that a strategy asks."""
        source = tuple(chain[-1:])
        prefix = self._prefix(start, chain, phase, seed)
        stops = self._stops(start, before, phase)
        done: list[Stage] = []
        for epochs in (n for n in stops if n <= phase.length):
            part = phase.up_to(epochs)
            trains = train_text(phase.train)
            cut = f" cut:{start.cut}" if start.cut else ""
            first = done[-1].epochs + 1 if done else 1
            span = f"epochs {first} to {epochs}" if first < epochs else f"epoch {epochs}"
            span = span if done else f"{epochs} epochs"
            what = f"phase {len(before) + 1} ({trains}, {span})"
            earlier = done[-1] if done else None
            key = self._key(
                Kind.ADAPT,
                start,
                source,
                phase=part,
                seed=seed,
                pool=[self.digests.pool, self.suite.data.pool_validation],
                seen=self.digests.development if phase.development_scores else None,
                earlier=earlier and earlier.key,
            )
            stage = Stage(
                Kind.ADAPT,
                f"{start.backbone}{cut} {what}{self._on}",
                key,
                start,
                source,
                prefix=prefix,
                earlier=earlier,
                goes_on=epochs < stops[-1],
                phase=part,
                position=len(before),
                seed=seed,
                of_seed=seed,
            )
            done.append(stage)
        return [*([prefix] if prefix else []), *done]

    def _stops(self, start: Start, before: tuple[Phase, ...], phase: Phase) -> list[int]:
        """Numbers of epochs that strategies ask of this very phase, or to keep it at, in order.

        Where a rule or a number of steps decides how many there are, only its own.
        """
        if phase.min_steps or phase.stop:
            return [phase.length]
        plain = phase.up_to(1)
        asked = set()
        for strategy in self.suite.run.strategies:
            phases = self.suite.phases(strategy)
            same = (self.suite.cut(strategy), self.suite.pool(strategy)) == (start.cut, self.pool)
            if not same or phases[: len(before)] != before:
                continue
            here = phases[len(before) : len(before) + 1]
            for same_phase in (p for p in here if p.up_to(1) == plain):
                asked |= {same_phase.length, *same_phase.saves}
        return sorted(asked)

    def _prefix(self, start: Start, chain: list[Stage], phase: Phase, seed: int) -> Stage | None:
        """What the phase's frozen units give, which no seed or earlier phase behind them moves."""
        trains = phase.train_set
        if not self.suite.run.prefix_cache or not phase.constant or not trains.freezes_stem:
            return None
        before = ((stage, stage.phase) for stage in chain if stage.phase)
        moved = [stage for stage, other in before if other.train_set.may_move_frozen(trains)]
        source = tuple(moved[-1:]) or tuple(stage for stage in chain if stage.kind is Kind.PRETRAIN)
        key = self._key(
            Kind.PREFIX,
            start,
            source,
            train=phase.train,
            pool=self.digests.pool,
            bank=[phase.augmentation, phase.bank, seed] if phase.bank else None,
        )
        views = f", {phase.bank} views an image" if phase.bank else ""
        cut = f" cut:{start.cut}" if start.cut else ""
        label = f"{start.backbone}{cut} prefix of {train_text(phase.train)}{views}{self._on}"
        own = seed if moved or phase.bank or start.seed is not None else None
        return Stage(Kind.PREFIX, label, key, start, source, phase=phase, of_seed=own)

    def _probed(self, start: Start, source: tuple[Stage, ...], ask: _Ask) -> list[Stage]:
        """Features of the development data, a head on them, features to test on, the verdict."""
        seeded = start.seed is not None or any(stage.kind is Kind.ADAPT for stage in source)
        own = ask.seed if seeded else None
        features = Stage(
            Kind.FEATURES,
            f"features of {ask.strategy}{self._for}",
            self._key(Kind.FEATURES, start, source, data=self.digests.development),
            start,
            source,
            of_seed=own,
        )
        tests = Stage(
            Kind.TEST_FEATURES,
            f"test features of {ask.strategy}{self._for}",
            self._key(Kind.TEST_FEATURES, start, source, tests=self._tests()),
            start,
            source,
            of_seed=own,
        )
        probe = self._asked(Kind.PROBE, "head on", start, (features,), ask)
        judged = self._asked(Kind.EVALUATE, "test of", start, (probe, tests), ask)
        return [features, probe, tests, judged]

    def _tuned(self, start: Start, source: tuple[Stage, ...], ask: _Ask) -> list[Stage]:
        """Head and backbone trained on the development data, and the verdict."""
        tuned = self._asked(Kind.FINETUNE, "fine-tuning of", start, source, ask)
        return [tuned, self._asked(Kind.EVALUATE, "test of", start, (tuned,), ask)]

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
            tests=self._tests() if kind is Kind.EVALUATE else None,
            bootstrap=self.suite.evaluation.bootstrap if kind is Kind.EVALUATE else None,
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
            of_seed=ask.seed,
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
            precision=self.digests.precisions.get(start.backbone, "float32"),
            parents=[parent.key for parent in parents],
            **decides,
        )
