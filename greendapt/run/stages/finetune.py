"""Fine-tuning: a linear head and the backbone, trained together on the development images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from greendapt.core.records import Kind
from greendapt.models.backbone import Backbone
from greendapt.models.network import Network, mlp, params
from greendapt.run import seeds
from greendapt.run.context import Context, TestSet
from greendapt.run.stages import counted
from greendapt.run.stages.base import Monitor, Outcome, trained_outcome
from greendapt.run.stages.counted import Effort, Passes
from greendapt.run.stages.downstream import Downstream, Judged, Judging, label_scores
from greendapt.run.stages.features import LEARNT_FROM, TestFeatures
from greendapt.suite.recipes import FineTune, Trainable
from greendapt.train.constant_prefix import activation_shape, feature_size, fits
from greendapt.train.cost import ImageCost, forward_flops, nbytes
from greendapt.train.engine import predict
from greendapt.train.inputs import Inputs, gathered
from greendapt.train.loop import Training
from greendapt.train.objectives import LOSSES, own_loss
from greendapt.train.phase import train_phase
from greendapt.train.train_sets import first_trainable, set_phase


@dataclass(frozen=True, kw_only=True)
class Finetuning(Downstream):
    """``parents``: the stage whose backbone it goes on with."""

    kind: ClassVar = Kind.FINETUNE
    is_shared: ClassVar = True

    recipe: FineTune

    @property
    def trains(self) -> Trainable:
        return self.recipe.trainable

    def _run(self, context: Context, monitor: Monitor) -> Outcome:
        train, val = map(context.development, LEARNT_FROM, self._shown(context))
        seed, backbone = seeds.of_downstream(self.seed), self.backbone(context)
        network = Network(backbone, _head(context, backbone, seed)).to(context.engine.device)
        loss = own_loss(self.recipe.loss) or LOSSES[context.data.development.task]
        cache = context.suite.run.prefix_cache
        training = Training(loss, seed, self.engine(context), monitor.on_progress)
        trained = train_phase(network, train, val, self.recipe, training, cache=cache)
        context.save(self.key, backbone, network.head)
        return trained_outcome(trained, images=len(train), params=params(network))

    def _cost(self, context: Context) -> ImageCost:
        recipe, head = self.recipe, (context.classes,)
        return counted.cost(context, self.start, recipe.trainable, head)

    def _effort(self, context: Context) -> Effort:
        images, held = map(len, self._shown(context))
        fit = self._fit(context)
        once = images + (held if self.recipe.needs_val_loss else 0)
        cached = self._keeps_prefix_of(context, once)
        through = once if cached else fit.samples + fit.samples_validated
        return Effort.of_training(self._cost(context).of(fit, through), fit, images)

    def _keeps_prefix_of(self, context: Context, images: int) -> bool:
        """Whether so many images' constant prefix is computed once, and kept in memory."""
        backbone = counted.backbone(context, self.start)
        start = first_trainable(backbone, self.recipe.trainable)
        shape = activation_shape(backbone, context.image_size, start)
        constant = self.recipe.augmentation == "none" and start > 0
        return context.suite.run.prefix_cache and constant and fits(nbytes(images, shape))

    def _passes(self, context: Context, batch: int, ranks: int) -> Passes:
        backbone = counted.new_backbone(context, self.start)
        network = Network(backbone, _head(context, backbone, 0))
        set_phase(network, self.recipe.trainable)
        row = counted.image_shape(context, self.start)
        return Passes.of_training(network, row, self._batch(context, ranks), batch)

    def judging(self, context: Context, features: TestFeatures | None) -> Judging:
        del features
        backbone = context.backbone(self.start, self.backbone_path(context))
        head = context.load_head(self.key, _head(context, backbone, 0)).eval()
        engine = context.engine_of(self.start.backbone, shared=False)
        network = Network(backbone, head).to(engine.device).eval()

        def logits(images: Inputs) -> Tensor:
            return predict(lambda x: network(backbone.prepare(x)), images, engine)

        val = context.development("val", self._shown(context)[1])
        at = self._thresholds(context, logits(gathered(val.inputs, val.rows)))

        asked = context.suite.evaluation.net_benefit

        def scores(test: TestSet, draws: int) -> Judged:
            return label_scores(logits(test.pixels()), test, draws, at, asked)

        flops = forward_flops(backbone, context.image_size)
        return Judging(scores, flops, self.looks_at(context))

    @property
    def network(self) -> tuple[object, ...]:
        return ("a linear head",)

    def untrained(self, context: Context) -> Network:
        backbone = self._random_backbone(context)
        return Network(backbone, _head(context, backbone, 0)).to(context.engine.device).eval()

    def judging_flops(self, context: Context) -> int:
        return counted.forward_flops(context, self.start)

    def judging_passes(self, context: Context, batch: int) -> Passes:
        return counted.forward_passes(context, self.start, batch)


def _head(context: Context, backbone: Backbone, seed: int) -> nn.Module:
    return mlp(feature_size(backbone, context.image_size), (), context.classes, seed)
