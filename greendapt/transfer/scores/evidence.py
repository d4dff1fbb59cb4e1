"""From weights and images to the evidence that scores look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from greendapt.core.errors import ModelError
from greendapt.data.imageset import ImageSet
from greendapt.models.backbone import Backbone
from greendapt.train import inputs
from greendapt.train.constant_prefix import activations
from greendapt.train.cost import forward_flops, prefix_flops
from greendapt.train.engine import Encode, Engine, predict
from greendapt.train.inputs import Inputs
from greendapt.transfer.scores.base import Evidence
from greendapt.transfer.scores.by_name import score_of

JITTER = v2.ColorJitter(brightness=0.1, contrast=0.05, saturation=0.1, hue=0.05)
"""The photometric augmentation of the robustness score (arXiv 2410.18677)."""


@dataclass(frozen=True)
class Place:
    """Where in the backbone views and maps are taken; ``stage`` None is the last but one."""

    stage: int | None = None
    pooled: bool = True

    def stage_of(self, backbone: Backbone) -> int:
        """ModelError where the backbone has no such stage; the stem is stage 0."""
        stage = max(0, backbone.stages - 1) if self.stage is None else self.stage
        if not 0 <= stage <= backbone.stages:
            raise ModelError(
                f"'{backbone.name}' has no stage {stage}; its stages are 0 (the stem) "
                f"to {backbone.stages}"
            )
        return stage


USUAL_PLACE = Place()


def gather(
    backbone: Backbone,
    images: ImageSet,
    scores: Sequence[str],
    *,
    seed: int,
    engine: Engine,
    place: Place = USUAL_PLACE,
    head: nn.Module | None = None,
) -> Evidence:
    """The evidence that ``scores`` need and that a backbone and images can give.

    The backbone runs in eval mode. ``head`` is that of the pre-training, from pooled features to
    logits. Labels of several findings are none: these scores take one label an image.
    """
    wanted = {need for name in scores for need in score_of(name).needs}
    pixels = inputs.of(images)
    backbone.eval()
    features = logits = maps = masks = views = None
    if wanted & {"features", "logits"}:
        features = activations(backbone, pixels, len(backbone.units), engine)
        logits = None if head is None else predict(head.eval(), features, engine).numpy()
    if "views" in wanted:
        views = two_views(backbone, pixels, place, seed=seed, engine=engine)
    if "maps" in wanted and images.masks is not None:
        at = Place(place.stage, pooled=False)
        maps = predict(_features(backbone, at), pixels, engine).numpy()
        masks = _shrunk(torch.from_numpy(images.masks), maps.shape[2:]).numpy()
    return Evidence(
        features=None if features is None else features.numpy(),
        logits=logits,
        labels=images.targets if images.task == "multiclass" else None,
        views=None if views is None else (views[0].numpy(), views[1].numpy()),
        maps=maps,
        masks=masks,
        parameters=sum(p.numel() for p in backbone.parameters()),
    )


def evidence_flops(
    backbone: Backbone, scores: Sequence[str], image_size: int, place: Place = USUAL_PLACE
) -> int:
    """FLOPs of one image's evidence for ``scores``; the arithmetic on features is not counted."""
    wanted = {need for name in scores for need in score_of(name).needs}
    to_stage = prefix_flops(backbone, image_size, backbone.end_of(place.stage_of(backbone)))
    whole = forward_flops(backbone, image_size) if wanted & {"features", "logits"} else 0
    return whole + to_stage * (2 * ("views" in wanted) + ("maps" in wanted))


def two_views(
    backbone: Backbone, pixels: Inputs, place: Place, *, seed: int, engine: Engine
) -> tuple[Tensor, Tensor]:
    """Features [N, ...] of two jitters of uint8 images [N, C, H, W], drawn from ``seed``."""
    encode = _features(backbone, place)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        first = predict(lambda x: encode(jitter(x)), pixels, engine)
        second = predict(lambda x: encode(jitter(x)), pixels, engine)
    return first, second


def jitter(images: Tensor) -> Tensor:
    """uint8 images [N, C, H, W] to float in [0, 1], photometrically changed, each on its own.

    Draws from torch's CPU generator. Saturation and hue leave grey images as they are.
    """
    scaled = images.float() / 255  # the jitter clamps to [0, 1]
    return torch.stack([JITTER(image) for image in scaled])


def _features(backbone: Backbone, place: Place) -> Encode:
    stop = backbone.end_of(place.stage_of(backbone))

    def encode(images: Tensor) -> Tensor:
        maps = backbone.maps(backbone.run(backbone.prepare(images), 0, stop))
        return maps.mean((2, 3)) if place.pooled else maps

    return encode


def _shrunk(masks: Tensor, size: Sequence[int]) -> Tensor:
    """Label maps [N, H, W] at another size, nearest neighbour."""
    resized = torch.nn.functional.interpolate(masks[:, None].float(), size=tuple(size))
    return resized[:, 0].long()
