"""Generic weights: where they come from, what identifies them, and pre-training on fractals.

Fractal weights are made once a machine and kept in the user's cache, with the record of what
they cost: a sunk cost, shown apart.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from pydantic import ValidationError
from safetensors.torch import save

from greendapt.core.keys import key_of, seed_of
from greendapt.core.records import Record
from greendapt.data.dataset import load
from greendapt.disk.cache import cache_folder
from greendapt.disk.files import disk_errors, write_atomic
from greendapt.models import weights
from greendapt.models.backbone import Backbone
from greendapt.models.network import Network, mlp
from greendapt.run.context import examples
from greendapt.run.plan import Stage
from greendapt.run.stages.base import OnProgress, Outcome, trained_outcome
from greendapt.suite.datasets import FractalData
from greendapt.suite.models import Suite
from greendapt.suite.recipes import Phase
from greendapt.train.engine import Engine
from greendapt.train.loop import Training
from greendapt.train.objectives import LOSSES
from greendapt.train.phase import train_phase
from greendapt.train.prefix import feature_size

_RECIPE = 1
"""Raise when pre-training gives other weights for the same settings."""


@dataclass(frozen=True)
class Generic:
    """The generic weights of a backbone: what names their content, and what loads them."""

    identity: str
    argument: str


def resolve(suite: Suite, backbone: str) -> Generic:
    """Reads weights that exist already, so that errors come early.

    What timm gives is kept as a file: no stage reaches for the network while it is metered.
    """
    said, size = suite.model.weights, suite.model.image_size
    if said == "none":
        return Generic("none", "none")
    if said == "fractal":
        key = key_of(recipe=_RECIPE, backbone=backbone, image_size=size, fractal=suite.fractal)
        return Generic(key, str(_folder(key) / "backbone.safetensors"))
    loaded = weights.load(backbone, said, image_size=size, cut=None, seed=0)
    state = {k: v.contiguous() for k, v in loaded.net.state_dict().items()}
    key = hashlib.sha256(save(state)).hexdigest()[:16]
    if said != "timm":
        return Generic(key, said)
    kept = cache_folder() / "weights" / f"timm-{key}.safetensors"
    if not kept.exists():
        _keep(loaded, kept)
    return Generic(key, str(kept))


def kept_record(stage: Stage) -> Record | None:
    """The record of a pre-training that this machine has done before."""
    folder = _folder(stage.start.identity)
    if not (folder / "backbone.safetensors").exists():
        return None
    try:
        return Record.model_validate_json((folder / "record.json").read_bytes())
    except (OSError, ValidationError):  # absent, or of another version: made again
        return None


def keep_record(stage: Stage, record: Record) -> None:
    path = _folder(stage.start.identity) / "record.json"
    write_atomic(path, record.model_dump_json(by_alias=True, indent=2).encode())


@contextmanager
def building(stage: Stage) -> Iterator[None]:
    """One process builds; others wait for it."""
    folder = _folder(stage.start.identity)
    with disk_errors(folder, "GREENDAPT_CACHE"):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def pretrain(
    suite: Suite, stage: Stage, engine: Engine, on_progress: OnProgress, *, keep: bool = True
) -> Outcome:
    """Classify formula-made fractals from random weights, and keep the backbone in the cache."""
    spec, size = suite.fractal, suite.model.image_size
    data = FractalData(source="fractal", classes=spec.classes, images=spec.images, seed=spec.seed)
    fractals = load(data, name="fractals", image_size=size, aliases={})
    name, seed = stage.start.backbone, seed_of(f"pretrain {spec.seed}")
    backbone = weights.load(name, "none", image_size=size, cut=None, seed=seed)
    head = mlp(feature_size(backbone, size), (), spec.classes, seed)
    network = Network(backbone, head).to(engine.device)
    torch.manual_seed(seed)
    recipe = Phase(
        train="all",
        epochs=spec.epochs,
        learning_rate=spec.learning_rate,
        optimizer="sgd",
        batch_size=spec.batch_size,
        batch_norm="train",
        weight_decay=1e-4,
        schedule="cosine",
        select="last",
    )
    training = Training(LOSSES["multiclass"], seed, engine, on_progress)
    trained = train_phase(network, examples(fractals), None, recipe, training)
    if keep and engine.ranks.first:
        _keep(backbone, _folder(stage.start.identity) / "backbone.safetensors")
    return trained_outcome(trained, images=len(fractals))


def _keep(backbone: Backbone, path: Path) -> None:
    temporary = path.with_name(f".{os.getpid()}.safetensors")
    with disk_errors(path, "GREENDAPT_CACHE"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            weights.save(backbone, temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def _folder(name: str) -> Path:
    return cache_folder() / "weights" / f"fractal-{name}"
