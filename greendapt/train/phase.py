"""One phase of DAPT, or fine-tuning: set what trains, cache what is constant, fit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from greendapt.data.augment import Drawn
from greendapt.models.network import Network
from greendapt.suite.recipes import Augmentation, NetworkRecipe, Phase
from greendapt.train import constant_prefix
from greendapt.train.cost import ImageCost, image_cost, nbytes, phase_cost
from greendapt.train.engine import Encode, Engine
from greendapt.train.freezing import Freezing, Way, fit_freezing
from greendapt.train.inputs import Bank, Examples
from greendapt.train.loop import Fit, Training, fit
from greendapt.train.parallel import Among
from greendapt.train.train_sets import end_phase, first_trainable, set_phase, trainable_params


@dataclass(frozen=True)
class Trained:
    """What a phase did: its losses, the parameters it moved, its FLOPs, its cache."""

    fit: Fit
    trainable_params: int
    training_flops: int
    cached_bytes: int
    uncounted: tuple[str, ...]
    frozen_units: tuple[int, ...] = ()


@dataclass(frozen=True)
class Stored:
    """What a phase's prefix gives for ``images`` images, and for ``views`` augmented copies each.

    activations
        float32 [images * (1 + views), ...]: all images, then all first copies, and so on.
    """

    activations: Tensor
    images: int
    views: int = 0

    def bank(self, generator: torch.Generator) -> Bank | None:
        return Bank(self.views, self.images, generator) if self.views else None


def train_phase(
    network: Network,
    train: Examples,
    val: Examples | None,
    recipe: NetworkRecipe,
    training: Training,
    *,
    cache: bool = False,
    stored: Stored | None = None,
) -> Trained:
    """Train what ``recipe`` says of ``network``, and its head, in place on uint8 images.

    ``stored``: the constant prefix of all inputs of ``train`` and ``val``, computed before.
    Else, with ``cache``, it is computed once per image here where it fits into memory. Whichever
    way, the phase is the same within rounding (see `greendapt.train.constant_prefix`). ``val`` is
    left alone where the recipe needs no validation loss. What a watch costs is not in the FLOPs.
    """
    backbone, engine = network.backbone, training.engine
    if val is not None and (len(val) == 0 or not recipe.needs_val_loss):
        val = None
    start = first_trainable(backbone, recipe.trainable) if network.resumable else 0
    views = network.views
    image_size = train.inputs.shape[-1]
    shape = constant_prefix.activation_shape(backbone, image_size, start)
    images = len(train) + len(val or ())
    constant = recipe.augmentation == "none" and views == 1 and start > 0
    cached = stored is None and cache and constant
    cached = cached and engine.ranks.same(constant_prefix.fits(nbytes(images, shape)))
    draw = torch.Generator().manual_seed(training.seed + 1)
    encode = _from_activations(network, start)
    if stored is not None:
        train = replace(train, inputs=stored.activations, bank=stored.bank(draw))
        val = None if val is None else replace(val, inputs=stored.activations)
    elif cached:
        train = constant_prefix.stored(backbone, train, start, engine)
        val = None if val is None else constant_prefix.stored(backbone, val, start, engine)
    else:
        encode = _from_images(network, recipe.augmentation, draw, engine)
    set_phase(network, recipe.trainable, training.seed)
    network.begin()
    training = replace(training, stepped=network.stepped)
    cost = _cost(network, image_size, recipe, start)
    moving = trainable_params(network)
    once = images * engine.ranks.size  # each rank has its own cache
    if isinstance(recipe, Phase) and recipe.freeze is not None:
        way = Way(encode, train, val, 0 if stored is None and not cached else start)
        follow = _from_activations if cache and recipe.augmentation == "none" else None
        done = fit_freezing(network, way, recipe, training, (draw,), image_size, follow=follow)
        done = replace(done, flops=done.flops + (cost.prefix * once if cached else 0))
    else:
        plain = fit(network, encode, train, val, recipe, training, (draw,))
        again = 0 if stored is not None else (plain.samples + plain.samples_validated) * views
        through = once if cached else again
        done = Freezing(plain, cost.of(plain, through, views))
    network.finish()
    end_phase(network)
    return Trained(
        fit=done.fit,
        trainable_params=moving,
        training_flops=done.flops,
        cached_bytes=max(nbytes(images, shape) * cached, done.cached_bytes),
        uncounted=cost.uncounted,
        frozen_units=done.fronts,
    )


def _cost(network: Network, image_size: int, recipe: NetworkRecipe, start: int) -> ImageCost:
    """Counted once for a backbone with an MLP; other heads are counted each time."""
    backbone = network.backbone
    spec = backbone.spec
    if not network.resumable and network.settings is None:
        return image_cost(network, (spec.channels, image_size, image_size), start)
    return phase_cost(
        backbone.name,
        backbone.cut,
        spec.channels,
        spec.pad_type,
        image_size,
        recipe.trainable,
        network.settings or _widths(network.head),
    )


def _widths(head: nn.Module) -> tuple[int, ...]:
    return tuple(part.out_features for part in head.modules() if isinstance(part, nn.Linear))


def _from_activations(network: Network, start: int) -> Encode:
    def encode(x: Tensor, _: Among | None = None) -> Tensor:
        logits: Tensor = network(x, start)
        return logits

    return encode


def _from_images(
    network: Network,
    kind: Augmentation,
    generator: torch.Generator,
    engine: Engine,
) -> Encode:
    """Scaled, augmented images to logits."""
    forward = engine.step.forward(network, engine.device)

    def encode(images: Tensor, among: Among | None = None) -> Tensor:
        x = images.float() / 255
        count, part = (among.count, among.part) if among else (len(x), slice(None))
        return forward(*network.inputs(x, Drawn(kind, generator, count, part)))

    return encode
