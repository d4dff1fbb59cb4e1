"""One phase of DAPT, or fine-tuning: set what trains, cache what is constant, fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from greendapt.core.recipes import Augmentation, BatchNorm, Recipe, Train
from greendapt.dapt.phases import first_trainable, set_phase, trainable_params
from greendapt.data.augment import augment
from greendapt.models.network import Network
from greendapt.train import prefix
from greendapt.train.cost import ImageCost, image_cost, nbytes, phase_cost
from greendapt.train.inputs import gathered
from greendapt.train.loop import Bank, Encode, Engine, Examples, Fit, State, Watch, fit, lowest
from greendapt.train.objectives import LOSSES
from greendapt.train.parallel import Among


@dataclass(frozen=True)
class Trained:
    """What a phase did: its losses, the parameters it moved, its FLOPs, its cache."""

    fit: Fit
    trainable_params: int
    training_flops: int
    cached_bytes: int
    uncounted: tuple[str, ...]


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
    *,
    recipe: Recipe,
    units: Train,
    batch_norm: BatchNorm,
    loss: str,
    seed: int,
    engine: Engine,
    cache: bool,
    on_progress: Callable[[float], None],
    stored: Stored | None = None,
    state: State | None = None,
    watch: Watch = lowest,
    until: int | None = None,
    validate: bool | None = None,
) -> Trained:
    """Train ``units`` and the head of ``network`` in place on uint8 images; ``loss`` as LOSSES.

    ``stored``: the constant prefix of all inputs of ``train`` and ``val``, computed before.
    Else, with ``cache``, it is computed once per image here where it fits into memory. Whichever
    way, the phase is the same within rounding (see `greendapt.train.prefix`). ``val`` is
    left alone without ``validate`` (None: where the recipe keeps the last epoch). ``state``: go on
    from there. ``watch``, ``until``: see `greendapt.train.loop.fit`; what a watch costs is not in
    the FLOPs.
    """
    backbone = network.backbone
    validate = recipe.select == "best" if validate is None else validate
    if val is not None and (len(val) == 0 or not validate):
        val = None
    start = first_trainable(backbone, units) if network.resumable else 0
    views = 2 if loss == "simclr" else 1
    image_size = train.inputs.shape[-1]
    shape = prefix.activation_shape(backbone, image_size, start)
    images = len(train) + (len(val) if val is not None else 0)
    constant = recipe.augmentation == "none" and views == 1 and start > 0
    cached = stored is None and cache and constant
    cached = cached and engine.ranks.same(prefix.fits(nbytes(images, shape)))
    draw = torch.Generator().manual_seed(seed + 1)
    encode = _from_activations(network, start)
    if stored is not None:
        train = replace(train, inputs=stored.activations, bank=stored.bank(draw))
        val = None if val is None else replace(val, inputs=stored.activations)
    elif cached:
        train = _cached(network, train, start, engine)
        val = None if val is None else _cached(network, val, start, engine)
    else:
        encode = _from_images(network, recipe.augmentation, views, draw, engine)
    set_phase(network, units, batch_norm)
    cost = _cost(network, image_size, units, batch_norm, start)
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
        state=state,
        draws=(draw,),
        watch=watch,
        until=until,
        validate=validate,
    )
    through = (done.samples + done.samples_validated) * views
    if stored is not None or cached:
        through = images * engine.ranks.size if cached else 0  # each rank has its own cache
    return Trained(
        fit=done,
        trainable_params=trainable_params(network),
        training_flops=cost.of(done, through, views),
        cached_bytes=nbytes(images, shape) if cached else 0,
        uncounted=cost.uncounted,
    )


def _cost(
    network: Network, image_size: int, units: Train, batch_norm: BatchNorm, start: int
) -> ImageCost:
    """Counted once for a backbone with an MLP; other heads are counted each time."""
    backbone = network.backbone
    spec = backbone.spec
    if not network.resumable:
        return image_cost(network, (spec.channels, image_size, image_size), start)
    return phase_cost(
        backbone.name,
        backbone.cut,
        spec.channels,
        spec.pad_type,
        image_size,
        units,
        batch_norm,
        _widths(network.head),
    )


def _widths(head: nn.Module) -> tuple[int, ...]:
    return tuple(part.out_features for part in head.modules() if isinstance(part, nn.Linear))


def _cached(network: Network, examples: Examples, start: int, engine: Engine) -> Examples:
    seen = gathered(examples.inputs, examples.rows)
    stored = prefix.activations(network.backbone, seen, start, engine)
    return Examples(stored, examples.targets)


def _from_activations(network: Network, start: int) -> Encode:
    def encode(x: Tensor, _: Among | None = None) -> Tensor:
        logits: Tensor = network(x, start)
        return logits

    return encode


def _from_images(
    network: Network,
    kind: Augmentation,
    views: int,
    generator: torch.Generator,
    engine: Engine,
) -> Encode:
    """Scaled, augmented images to logits; SimCLR's two views one after the other [2B, ...]."""
    forward = engine.step.forward(network, engine.device)

    def encode(images: Tensor, among: Among | None = None) -> Tensor:
        x = images.float() / 255
        if network.training or views > 1:
            count, part = (among.count, among.part) if among else (len(x), slice(None))
            x = torch.cat([augment(x, kind, generator, count, part) for _ in range(views)])
        return forward(network.backbone.prepare(x))

    return encode
