"""What a chain of stages rests on (weights, data, settings), and the key that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from greendapt.core.keys import key_of
from greendapt.core.records import Kind
from greendapt.suite.models import Suite

CODE = 3
"""Raise when the code gives other results for the same suite: no stored stage is then reused."""


@dataclass(frozen=True)
class Setting:
    """Which pool and which task of a suite; None: those of its data.pool and data.development."""

    pool: str | None = None
    target: str | None = None


@dataclass(frozen=True)
class Start:
    """The generic weights a chain starts from, and its data. ``identity``: the weights' content."""

    backbone: str
    weights: str
    identity: str
    cut: int | None
    seed: int | None = None
    setting: Setting = Setting()


@dataclass(frozen=True)
class Digests:
    """Content of what a run reads, by the names of a `Setting`; ``tasks``: development and external
    sets. ``precisions``: what a backbone computes in (`Step.arithmetic`) where not in float32."""

    pools: Mapping[str | None, str]
    tasks: Mapping[str | None, tuple[str, str]]
    weights: Mapping[str, str]
    precisions: Mapping[str, str] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)
    """Of the suite's own code, by its name there."""


@dataclass(frozen=True)
class Ground:
    """What every key of a chain of stages holds."""

    suite: Suite
    digests: Digests
    start: Start

    def key(
        self, kind: Kind, parents: list[str], uses: tuple[str, ...] = (), **decides: object
    ) -> str:
        """``parents``: their keys; ``decides``: what else decides the stage's result; ``uses``:
        what it runs by name beside its backbone, which may be the suite's own code."""
        start, own = self.start, self.digests.own
        used = {name: own[name] for name in (start.backbone, *uses) if name in own}
        decides |= {"own": used} if used else {}
        return key_of(
            code=CODE,
            kind=kind,
            generic=[start.backbone, start.identity, start.cut, start.seed],
            image_size=self.suite.model.image_size,
            prefix_cache=self.suite.run.prefix_cache,
            precision=self.digests.precisions.get(start.backbone, "float32"),
            parents=parents,
            **decides,
        )

    @property
    def pool(self) -> str:
        """Its content; empty where a plan has no data."""
        return self.digests.pools.get(self.start.setting.pool, "")

    @property
    def development(self) -> str:
        """Likewise."""
        return self.digests.tasks.get(self.start.setting.target, ("", ""))[0]

    @property
    def tests(self) -> list[object]:
        """What decides the images that a cell is judged on."""
        external = self.digests.tasks.get(self.start.setting.target, ("", ""))[1]
        evaluation = self.suite.evaluation
        return [self.development, external, evaluation.corruptions, evaluation.severities]

    def title(self, what: str) -> str:
        """Of a stage that adapts: the backbone, what is done, and the pool if it has a name."""
        start = self.start
        cut = f" cut:{start.cut}" if start.cut else ""
        pool = f" on {start.setting.pool}" if start.setting.pool else ""
        return f"{start.backbone}{cut} {what}{pool}"
