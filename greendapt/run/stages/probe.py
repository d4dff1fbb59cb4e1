"""A probe: an MLP head trained on stored features."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import torch
from torch import Tensor

from greendapt.core.records import Kind
from greendapt.models.network import Network, mlp, params
from greendapt.run import seeds
from greendapt.run.context import Context, TestSet
from greendapt.run.stages import counted
from greendapt.run.stages.base import Monitor, Outcome, trained_outcome
from greendapt.run.stages.counted import Passes
from greendapt.run.stages.downstream import Downstream, Judged, Judging, label_scores
from greendapt.run.stages.features import LEARNT_FROM, TestFeatures
from greendapt.suite.recipes import Probe
from greendapt.train.cost import ImageCost, head_cost
from greendapt.train.engine import predict
from greendapt.train.inputs import Examples
from greendapt.train.loop import Training
from greendapt.train.objectives import LOSSES
from greendapt.transfer.heads import make_head, train_probe


@dataclass(frozen=True, kw_only=True)
class Probing(Downstream):
    """``parents``: the features."""

    kind: ClassVar = Kind.PROBE
    verb: ClassVar = "head on"
    takes_features: ClassVar = True

    recipe: Probe

    @property
    def is_tiny(self) -> bool:
        return True

    def _run(self, context: Context, monitor: Monitor) -> Outcome:
        stored, sets = context.features(self.parents[0].key), []
        for split, shown in zip(LEARNT_FROM, self._shown(context), strict=True):
            features = stored[split][torch.from_numpy(shown)]
            sets.append(Examples(features, context.development(split, shown).targets))
        train, val = sets
        seed = seeds.of_downstream(self.seed)
        assert isinstance(train.inputs, Tensor)
        head = make_head(self.recipe, train.inputs, context.classes, seed)
        loss = LOSSES[context.data.development.task]
        training = Training(loss, seed, context.engine, monitor.on_progress)
        trained = train_probe(head, train, val, self.recipe, training)
        context.save(self.key, None, head)
        return trained_outcome(trained, images=len(train), params=params(head))

    def _width(self, context: Context) -> int:
        """Of the features."""
        return counted.width(context, self.start)

    def _cost(self, context: Context) -> ImageCost:
        return _mlp_cost(self._width(context), self.recipe.hidden, context.classes)

    def _passes(self, context: Context, batch: int, ranks: int) -> Passes:
        width = self._width(context)
        head = mlp(width, self.recipe.hidden, context.classes, 0)
        return Passes.of_training(head, (width,), self._batch(context, ranks), batch)

    def judging(self, context: Context, features: TestFeatures | None) -> Judging:
        assert features is not None
        stored = context.features(features.key)
        width = stored["development"].shape[1]
        empty = make_head(self.recipe, torch.zeros(2, width), context.classes, 0)
        head = context.load_head(self.key, empty).eval()

        val = context.features(self.parents[0].key)["val"][self._shown(context)[1]]
        at = self._thresholds(context, predict(head, val, context.engine))

        asked = context.suite.evaluation.net_benefit

        def scores(test: TestSet, draws: int) -> Judged:
            found = predict(head, stored[test.name], context.engine)
            return label_scores(found, test, draws, at, asked)

        return Judging(scores, head_cost(head, width).forward, self.looks_at(context))

    @property
    def network(self) -> tuple[object, ...]:
        return ("an MLP" if self.recipe.hidden else "a linear head", self.recipe.hidden)

    def untrained(self, context: Context) -> Network:
        features = torch.zeros(2, self._width(context))
        head = make_head(self.recipe, features, context.classes, 0)
        return Network(self._random_backbone(context), head).to(context.engine.device).eval()

    def use_flops(self, context: Context) -> int:
        return counted.forward_flops(context, self.start) + self.judging_flops(context)

    def judging_flops(self, context: Context) -> int:
        return self._cost(context).forward

    def judging_passes(self, context: Context, batch: int) -> Passes:
        """Nothing beside the bootstrap."""
        del context, batch
        return Passes()


@cache
def _mlp_cost(width: int, hidden: tuple[int, ...], outputs: int) -> ImageCost:
    return head_cost(mlp(width, hidden, outputs, 0), width)
