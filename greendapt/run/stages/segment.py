"""Masks as the downstream task: a U-Net's decoder and the backbone, trained on development."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from greendapt.core.records import Kind
from greendapt.data.masks import mask_classes
from greendapt.models.backbone import InputSpec
from greendapt.models.unet import UNet
from greendapt.run import seeds
from greendapt.run.context import Context, TestSet
from greendapt.run.stages import counted
from greendapt.run.stages.base import Monitor, Outcome, trained_outcome
from greendapt.run.stages.counted import Passes
from greendapt.run.stages.downstream import Downstream, Judged, Judging, judged
from greendapt.run.stages.features import LEARNT_FROM, TestFeatures
from greendapt.suite.recipes import Segment, Trainable
from greendapt.train.cost import ImageCost, image_cost
from greendapt.train.loop import Training
from greendapt.train.objectives import LOSSES, own_loss
from greendapt.train.train_sets import set_phase
from greendapt.transfer.mask_metrics import judge_masks
from greendapt.transfer.segmentation import predict_masks, train_unet


@dataclass(frozen=True, kw_only=True)
class Segmentation(Downstream):
    """A fine-tuning as records know it. ``parents``: the stage whose backbone it goes on with."""

    kind: ClassVar = Kind.FINETUNE
    is_shared: ClassVar = True
    score: ClassVar = "dice"

    recipe: Segment

    def _run(self, context: Context, monitor: Monitor) -> Outcome:
        train, val = map(context.development_masks, LEARNT_FROM, self._shown(context))
        seed = seeds.of_downstream(self.seed)
        backbone = self.backbone(context)
        network = UNet(backbone, context.mask_outputs, image_size=context.image_size, seed=seed)
        network.to(context.engine.device)
        training = Training(
            own_loss(self.recipe.loss) or LOSSES["masks"],
            seed,
            self.engine(context),
            monitor.on_progress,
        )
        trained = train_unet(network, train, val, self.recipe, training)
        context.save(self.key, network.backbone, network.head)
        return trained_outcome(trained, images=len(train))

    @property
    def trains(self) -> Trainable:
        return self.recipe.trainable

    def _cost(self, context: Context) -> ImageCost:
        return _unet_cost(
            *(self.start.backbone, self.start.cut, context.image_size),
            *(counted.spec_of(context, self.start), context.mask_outputs),
            self.recipe.trainable,
        )

    def _network(self, context: Context) -> UNet:
        """On the meta device, its phase set."""
        backbone = counted.new_backbone(context, self.start)
        network = UNet(backbone, context.mask_outputs, image_size=context.image_size, seed=0)
        set_phase(network, self.recipe.trainable)
        return network

    def _passes(self, context: Context, batch: int, ranks: int) -> Passes:
        row = counted.image_shape(context, self.start)
        network, images = self._network(context), self._batch(context, ranks)
        return Passes.of_training(network, row, images, batch)

    def check(self, image_size: int) -> None:
        super().check(image_size)
        UNet(
            counted.backbone_of(self.start.backbone, self.start.cut, image_size),
            1,
            image_size=image_size,
            seed=0,
        )

    def judging(self, context: Context, features: TestFeatures | None) -> Judging:
        del features
        size, backbone = (
            context.image_size,
            context.backbone(self.start, self.backbone_path(context)),
        )
        network = UNet(backbone, context.mask_outputs, image_size=size, seed=0)
        context.load_head(self.key, network.head)
        network.to(context.engine.device).eval()
        classes, engine = (
            mask_classes(context.data.development),
            context.engine_of(self.start.backbone, shared=False),
        )

        def scores(test: TestSet, draws: int) -> Judged:
            maps, masks = predict_masks(network, test.pixels(), engine), test.images.masks
            assert masks is not None
            return judged(judge_masks(maps, masks, test.images.patients, classes, bootstrap=draws))

        cost = image_cost(network, (network.backbone.spec.channels, size, size), 0)
        return Judging(scores, cost.forward)

    @property
    def network(self) -> tuple[object, ...]:
        return ("a U-Net",)

    def untrained(self, context: Context) -> UNet:
        backbone, size = self._random_backbone(context), context.image_size
        network = UNet(backbone, context.mask_outputs, image_size=size, seed=0)
        return network.to(context.engine.device).eval()

    def judging_flops(self, context: Context) -> int:
        return self._cost(context).forward

    def judging_passes(self, context: Context, batch: int) -> Passes:
        network = self._network(context)
        images = counted.rows(batch, counted.image_shape(context, self.start))
        return Passes.of_forward(network, images)


@cache
def _unet_cost(
    name: str,
    cut: int | None,
    size: int,
    spec: InputSpec,
    outputs: int,
    trainable: Trainable,
) -> ImageCost:
    backbone = counted.backbone_of(name, cut, size, spec)
    network = UNet(backbone, outputs, image_size=size, seed=0)
    set_phase(network, trainable)
    return image_cost(network, (spec.channels, size, size), 0)
