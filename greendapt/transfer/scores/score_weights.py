"""Scores of one or more sets of weights on the same images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from torch import nn

from greendapt.core.errors import WeightsError
from greendapt.data.dataset import load
from greendapt.data.imageset import ImageSet
from greendapt.data.sources.base import Needs
from greendapt.models import weights
from greendapt.models.backbone import Backbone
from greendapt.models.checkpoint_files import read
from greendapt.suite import datasets
from greendapt.train.constant_prefix import feature_size
from greendapt.train.engine import Engine
from greendapt.transfer.scores.base import Scored
from greendapt.transfer.scores.by_name import score, score_of
from greendapt.transfer.scores.evidence import USUAL_PLACE, Place, gather

HEAD = "head.safetensors"
"""The pre-training's head, where it lies beside a file of weights as in a run's checkpoints."""


def score_weights(
    backbone: Backbone,
    images: ImageSet,
    scores: Sequence[str],
    *,
    seed: int,
    engine: Engine,
    place: Place = USUAL_PLACE,
    head: nn.Module | None = None,
) -> dict[str, Scored]:
    """Each score of ``backbone`` on ``images``, by name."""
    evidence = gather(backbone, images, scores, seed=seed, engine=engine, place=place, head=head)
    return {name: score(name, evidence, seed) for name in scores}


def load_weights(
    where: str,
    backbone: str | None,
    *,
    image_size: int,
    seed: int,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Backbone, nn.Module | None]:
    """``timm``, ``none`` or a file, and the linear head beside the file, if any.

    ``backbone`` None is what the file itself says; WeightsError where it does not say. ``say``: as
    `greendapt.models.weights.load` takes it.
    """
    keyword = where in ("timm", "none")
    if backbone is None and keyword:
        raise WeightsError(f"--weights {where} needs --backbone, a timm name such as resnet18")
    name = backbone or weights.architecture(Path(where))
    loaded = weights.load(name, where, image_size=image_size, cut=None, seed=seed, say=say)
    beside = Path(where).parent / HEAD
    if keyword or not beside.is_file():
        return loaded, None
    return loaded, _linear(beside, feature_size(loaded, image_size))


def load_images(
    spec: datasets.Dataset, scores: Sequence[str], *, image_size: int, most: int, seed: int
) -> ImageSet:
    """What ``scores`` need of a dataset, and at most ``most`` of its images, drawn by ``seed``."""
    needs = {need for name in scores for need in score_of(name).needs}
    aliases: Mapping[str, tuple[str, ...]] = {}

    def read(what: Needs) -> ImageSet:
        return load(spec, name="data", image_size=image_size, aliases=aliases, needs=what)

    images = read("labels" if "labels" in needs else "images")
    if "masks" in needs and images.masks is None:
        images = replace(images, masks=read("masks").masks)
    if len(images) <= most:
        return images
    chosen = np.random.default_rng(seed).permutation(len(images))[:most]
    return images.subset(np.sort(chosen))


def _linear(path: Path, features: int) -> nn.Module | None:
    """A linear head as a run saves it; None for a deeper one (SimCLR's projection)."""
    tensors = read(path).tensors
    if set(tensors) != {"0.weight", "0.bias"}:
        return None
    outputs, width = tensors["0.weight"].shape
    if width != features:
        raise WeightsError(
            f"weights: {path} is a head for {width} features, the backbone beside it has {features}"
        )
    head = nn.Sequential(nn.Linear(width, outputs))
    head.load_state_dict(tensors)
    return head
