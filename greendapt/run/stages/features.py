"""Pooled features of the development images, and of everything that heads are judged on."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from greendapt.core.records import Details, Kind, Role
from greendapt.models.network import params
from greendapt.run.context import Context, TestSet
from greendapt.run.stages import counted
from greendapt.run.stages.base import Monitor, Outcome, Stage
from greendapt.run.stages.counted import Effort, Passes
from greendapt.suite.datasets import Split
from greendapt.train.constant_prefix import activations
from greendapt.train.cost import forward_flops

LEARNT_FROM: tuple[Split, ...] = ("train", "val")
"""The splits that train heads and choose their epoch."""


@dataclass(frozen=True, kw_only=True)
class _FeatureStage(Stage):
    """Sets of images through the whole backbone that ``strategy`` left, once."""

    verb: ClassVar[str]

    strategy: str

    def _title(self) -> str:
        target = self.start.setting.target
        return f"{self.verb} of {self.strategy}{f' for {target}' if target else ''}"

    @abstractmethod
    def _sets(self, context: Context) -> list[TestSet]: ...

    def _run(self, context: Context, monitor: Monitor) -> Outcome:
        backbone, engine = self.backbone(context), self.engine(context)
        stored: dict[str, Tensor] = {}
        sets = self._sets(context)
        for one in sets:
            stored[one.name] = activations(backbone, one.pixels(), len(backbone.units), engine)
            monitor.on_progress(len(stored) / len(sets))
        context.save_features(self.key, stored)
        images = sum(map(len, stored.values()))
        judged = params(backbone) if self.role == "transfer" else 0
        flops = forward_flops(backbone, context.image_size) * images
        return Outcome(flops, Details(images=images, params=judged))

    def _passes(self, context: Context, batch: int, ranks: int) -> Passes:
        del ranks
        return counted.forward_passes(context, self.start, batch)


@dataclass(frozen=True, kw_only=True)
class Features(_FeatureStage):
    """Of the development images that train and choose heads."""

    kind: ClassVar = Kind.FEATURES
    role: ClassVar[Role] = "transfer"
    verb: ClassVar = "features"

    def _decides(self) -> dict[str, object]:
        return {"data": self.ground.development}

    def _sets(self, context: Context) -> list[TestSet]:
        return [TestSet(split, context.data.development.part(split)) for split in LEARNT_FROM]

    def _effort(self, context: Context) -> Effort:
        images = len(context.data.development) - context.tested
        return Effort(counted.forward_flops(context, self.start) * images, images=images)


@dataclass(frozen=True, kw_only=True)
class TestFeatures(_FeatureStage):
    """Of everything that heads are judged on."""

    kind: ClassVar = Kind.TEST_FEATURES
    role: ClassVar[Role] = "evaluation"
    verb: ClassVar = "test features"

    def _decides(self) -> dict[str, object]:
        return {"tests": self.ground.tests}

    def _sets(self, context: Context) -> list[TestSet]:
        return context.tests()

    def _effort(self, context: Context) -> Effort:
        corrupted = context.corrupted_tests
        images = context.plain_tests + corrupted
        flops = counted.forward_flops(context, self.start) * images
        return Effort(flops, images=images, corrupted=corrupted)
