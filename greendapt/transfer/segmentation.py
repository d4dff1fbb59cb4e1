"""A U-Net on an adapted backbone: which images it learns from, training, and label maps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from greendapt.core.errors import DataError
from greendapt.data.imageset import ImageSet
from greendapt.data.masks import mask_classes, with_masks
from greendapt.models.unet import UNet
from greendapt.suite.recipes import NetworkRecipe
from greendapt.train import inputs
from greendapt.train.engine import Engine, predict
from greendapt.train.inputs import Examples, Inputs
from greendapt.train.loop import Training
from greendapt.train.phase import Trained, train_phase


@dataclass(frozen=True)
class Labelled:
    """The images of a set that have a mask; masks hold 0 (background) to ``classes`` - 1."""

    images: ImageSet
    classes: int

    @property
    def outputs(self) -> int:
        return mask_outputs(self.classes)


def mask_outputs(classes: int) -> int:
    """Logits a pixel: one for foreground against background, else one a class."""
    return 1 if classes == 2 else classes


def labelled(images: ImageSet, classes: int | None = None) -> Labelled:
    """Leave out images without a mask. ``classes`` None: as many as the masks show.

    Raises DataError where no image has a mask, or masks show less or more classes than asked.
    """
    kept = with_masks(images)
    shown = mask_classes(kept)
    if classes is not None and shown > classes:
        raise DataError(f"{images.name}: masks hold the label {shown - 1}, of {classes} classes")
    return Labelled(kept, classes or shown)


def mask_examples(data: Labelled) -> Examples:
    """Images uint8 [N, C, H, W] with their masks uint8 [N, H, W]."""
    assert data.images.masks is not None
    return Examples(inputs.of(data.images), torch.from_numpy(data.images.masks))


def train_unet(
    network: UNet,
    train: Examples,
    val: Examples | None,
    recipe: NetworkRecipe,
    training: Training,
) -> Trained:
    """Train the decoder and what ``recipe`` says of the encoder in place on masks.

    ``train = "head"`` freezes the encoder. Raises DataError for an augmentation: it would move
    the images and not their masks.
    """
    if recipe.augmentation != "none":
        raise DataError(
            f"augmentation = '{recipe.augmentation}' would move the images and not their masks; "
            "segmentation takes 'none'"
        )
    return train_phase(network, train, val, recipe, training)


def predict_masks(network: UNet, images: Inputs, engine: Engine) -> NDArray[np.uint8]:
    """Label maps uint8 [N, H, W] of uint8 images [N, C, H, W]."""
    network.eval()

    def encode(x: Tensor) -> Tensor:
        logits: Tensor = network(network.backbone.prepare(x))
        return (logits[:, 0] > 0) if logits.shape[1] == 1 else logits.argmax(1)

    maps: NDArray[np.uint8] = predict(encode, images, engine).to(torch.uint8).numpy()
    return maps
