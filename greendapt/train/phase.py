"""One phase of DAPT, or fine-tuning: set what trains, cache what is constant, fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from greendapt.core.suite import Augmentation, BatchNorm, Recipe, Train
from greendapt.dapt.phases import first_trainable, set_phase, trainable_params
from greendapt.data.augment import augment
from greendapt.models.network import Network
from greendapt.train import prefix
from greendapt.train.cost import image_cost, nbytes
from greendapt.train.loop import Encode, Engine, Examples, Fit, fit
from greendapt.train.objectives import LOSSES


@dataclass(frozen=True)
class Trained:
    """What a phase did: its losses, the parameters it moved, its FLOPs, its cache."""

    fit: Fit
    trainable_params: int
    training_flops: int
    cached_bytes: int
    uncounted: tuple[str, ...]


def train_phase(
    network: Network,
    train: Examples,
    val: Examples | None,
    *,
    recipe: Recipe,
    units: Train,
    batch_norm: BatchNorm,
    loss: str,
    seed: int,
    engine: Engine,
    cache: bool,
    on_progress: Callable[[float], None],
) -> Trained:
    """Train ``units`` and the head of ``network`` in place on uint8 images; ``loss`` as LOSSES.

    With ``cache``, the constant prefix is computed once per image where it fits into memory.
    ``val`` is left alone where the recipe keeps the last epoch.
    """
    backbone = network.backbone
    if val is not None and (len(val) == 0 or recipe.select == "last"):
        val = None
    start = first_trainable(backbone, units)
    views = 2 if loss == "simclr" else 1
    image_size = train.inputs.shape[-1]
    shape = prefix.activation_shape(backbone, image_size, start)
    images = len(train) + (len(val) if val is not None else 0)
    constant = recipe.augmentation == "none" and views == 1
    cached = cache and constant and start > 0 and prefix.fits(nbytes(images, shape))
    if cached:
        train = _cached(network, train, start, engine)
        val = None if val is None else _cached(network, val, start, engine)
        encode: Encode = _from_activations(network, start)
    else:
        encode = _from_images(network, recipe.augmentation, views, seed)
    set_phase(network, units, batch_norm)
    cost = image_cost(network, (backbone.spec.channels, image_size, image_size), start)
    done = fit(
        network,
        encode,
        train,
        val,
        recipe=recipe,
        loss=LOSSES[loss],
        seed=seed,
        engine=engine,
        on_progress=on_progress,
    )
    plain = 0 if cached else done.samples * views + done.samples_validated * views
    return Trained(
        fit=done,
        trainable_params=trainable_params(network),
        training_flops=cost.of(done, images if cached else plain, views),
        cached_bytes=nbytes(images, shape) if cached else 0,
        uncounted=cost.uncounted,
    )


def _cached(network: Network, examples: Examples, start: int, engine: Engine) -> Examples:
    stored = prefix.activations(network.backbone, examples.inputs, start, engine)
    return Examples(stored, examples.targets)


def _from_activations(network: Network, start: int) -> Encode:
    def encode(x: Tensor) -> Tensor:
        logits: Tensor = network(x, start)
        return logits

    return encode


def _from_images(network: Network, kind: Augmentation, views: int, seed: int) -> Encode:
    """Scaled, augmented images to logits; SimCLR's two views one after the other [2B, ...]."""
    generator = torch.Generator().manual_seed(seed + 1)

    def encode(images: Tensor) -> Tensor:
        x = images.float() / 255
        if network.training or views > 1:
            x = torch.cat([augment(x, kind, generator) for _ in range(views)])
        logits: Tensor = network(network.backbone.prepare(x))
        return logits

    return encode
