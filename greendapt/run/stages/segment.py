"""Masks as the downstream task: a U-Net trained on development, and judged."""

from __future__ import annotations

from typing import Any

from greendapt.core.keys import seed_of
from greendapt.data.masks import mask_classes
from greendapt.models.unet import UNet
from greendapt.run.context import Judge, TestSet, Workbench
from greendapt.run.plan import Stage
from greendapt.run.stages.base import OnProgress, Outcome, trained_outcome
from greendapt.suite.recipes import Segment
from greendapt.train.cost import image_cost
from greendapt.train.loop import Training
from greendapt.train.objectives import LOSSES
from greendapt.transfer.mask_metrics import judge_masks
from greendapt.transfer.segmentation import predict_masks, train_unet


def segment(bench: Workbench, stage: Stage, spec: Segment, on_progress: OnProgress) -> Outcome:
    """A U-Net's decoder and the backbone, trained together on the development masks."""
    train, val = bench.development("train", stage), bench.development("val", stage)
    seed = seed_of(f"head {stage.seed}")
    network = _unet(bench, stage, seed)
    training = Training(LOSSES["masks"], seed, bench.engine_of(stage), on_progress)
    trained = train_unet(network.to(bench.engine.device), train, val, spec, training)
    bench.save(stage.key, network.backbone, network.head)
    return trained_outcome(trained, images=len(train))


def judged_by(bench: Workbench, stage: Stage) -> tuple[Judge, int]:
    """How a set is judged by the trained U-Net, and the FLOPs an image."""
    network = _unet(bench, stage, 0)
    bench.load_head(stage.parents[0], network.head)
    network.to(bench.engine.device).eval()
    classes, engine = mask_classes(bench.data.development), bench.engine_of(stage)
    size = bench.suite.model.image_size
    cost = image_cost(network, (network.backbone.spec.channels, size, size), 0)

    def judged(test: TestSet, draws: int) -> dict[str, Any]:
        said = predict_masks(network, test.pixels(), engine)
        masks = test.images.masks
        assert masks is not None
        return judge_masks(said, masks, test.images.patients, classes, bootstrap=draws)

    return judged, cost.forward


def _unet(bench: Workbench, stage: Stage, seed: int) -> UNet:
    backbone = bench.backbone(stage.start, stage.parents)
    size = bench.suite.model.image_size
    return UNet(backbone, bench.mask_outputs, image_size=size, seed=seed)
