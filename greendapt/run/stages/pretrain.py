"""Generic weights: where they come from, what identifies them, and pre-training on fractals.

Fractal weights are made once a machine and kept in the user's cache, with the record of what
they cost: a sunk cost, shown apart.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import ClassVar, Self

import torch
from pydantic import ValidationError
from safetensors.torch import save

from greendapt.core.keys import key_of
from greendapt.core.records import Kind, Record, Role
from greendapt.data.dataset import load
from greendapt.disk.cache import cache_folder
from greendapt.disk.files import digest_of, disk_errors, sync_file, write_atomic
from greendapt.disk.locks import locked
from greendapt.models import weights
from greendapt.models.backbone import Backbone, InputSpec
from greendapt.models.network import Network, mlp
from greendapt.models.own_networks import own_network
from greendapt.run import seeds
from greendapt.run.context import Context, Generic, examples
from greendapt.run.ground import CODE
from greendapt.run.stages import counted
from greendapt.run.stages.base import Monitor, Outcome, Spared, Stage, trained_outcome
from greendapt.run.stages.counted import Effort, Passes
from greendapt.store.checkpoints import BACKBONE
from greendapt.store.run import RunFolder
from greendapt.suite.datasets import FractalData
from greendapt.suite.models import Suite
from greendapt.suite.recipes import Phase, Trainable
from greendapt.train.constant_prefix import feature_size
from greendapt.train.engine import Engine
from greendapt.train.loop import Training
from greendapt.train.objectives import LOSSES
from greendapt.train.phase import train_phase
from greendapt.train.train_sets import set_phase

_RECIPE = 1
_ALL = Trainable("all", "train")
"""Raise when pre-training gives other weights for the same settings."""


def resolve(suite: Suite, backbone: str) -> Generic:
    """Reads weights that exist already, so that errors come early.

    What timm gives is kept as a file, so that no stage reaches for the network while it is metered;
    so is what was taken of another library's file, which is read once.
    """
    source, size = suite.model.weights, suite.model.image_size
    if source == "none":
        return Generic("none", "none", InputSpec())
    if source == "fractal":
        own = own_network(backbone)
        code = {"code": own.digest} if own else {}
        made_by = {"recipe": _RECIPE, "backbone": backbone, "image_size": size, **code}
        key = key_of(fractal=suite.fractal, **made_by)
        return Generic(key, str(_folder(key) / BACKBONE), InputSpec())
    accounts: list[str] = []
    loaded = weights.load(backbone, source, image_size=size, cut=None, seed=0, say=accounts.append)
    key = _identity(loaded)
    if source != "timm" and not accounts:
        return Generic(key, source, loaded.spec)
    kept = (
        cache_folder() / "weights" / f"{'timm' if source == 'timm' else 'file'}-{key}.safetensors"
    )
    if not _is_as_kept(kept):
        _keep(loaded, kept)
    return Generic(key, str(kept), loaded.spec, " ".join(accounts))


def _identity(loaded: Backbone) -> str:
    """Of the tensors, and of what a file says of their input where timm would say otherwise."""
    state = {k: v.contiguous() for k, v in loaded.net.state_dict().items()}
    key = hashlib.sha256(save(state)).hexdigest()[:16]
    if loaded.spec == weights.spec_of(loaded.name, "timm"):
        return key
    return key_of(tensors=key, spec=asdict(loaded.spec))


@dataclass(frozen=True, kw_only=True)
class Pretraining(Stage):
    """Classify formula-made fractals from random weights. ``keeps``: False for a trial."""

    kind: ClassVar = Kind.PRETRAIN
    role: ClassVar[Role] = "sunk"
    is_shared: ClassVar = True
    is_common: ClassVar = True
    in_cache: ClassVar = True

    keeps: bool = True

    def _decides(self) -> dict[str, object]:
        return {"identity": self.start.identity}

    def _key(self) -> str:
        """Nothing but its weights' identity: one for all cuts, pools and tasks."""
        return key_of(code=CODE, kind=self.kind, **self._decides())

    def _title(self) -> str:
        return f"generic pre-training of {self.start.backbone} on fractals"

    @property
    def _folder(self) -> Path:
        return _folder(self.start.identity)

    def engine(self, context: Context) -> Engine:
        """Plain steps: its weights are for every run on this machine."""
        return context.engine_of(None, shared=True)

    def shortened(self, epochs: int) -> Self:
        """Its epochs are the suite's; nothing goes to the user's cache."""
        del epochs
        return replace(self, keeps=False)

    def _run(self, context: Context, monitor: Monitor) -> Outcome:
        suite, engine, size = context.suite, self.engine(context), context.image_size
        spec, seed = suite.fractal, seeds.of_pretraining(suite.fractal.seed)
        data = FractalData(
            source="fractal", classes=spec.classes, images=spec.images, seed=spec.seed
        )
        fractals = load(data, name="fractals", image_size=size, aliases={})
        name = self.start.backbone
        backbone = weights.load(name, "none", image_size=size, cut=None, seed=seed)
        head = mlp(feature_size(backbone, size), (), spec.classes, seed)
        network = Network(backbone, head).to(engine.device)
        torch.manual_seed(seed)
        training = Training(LOSSES["multiclass"], seed, engine, monitor.on_progress)
        trained = train_phase(network, examples(fractals), None, _recipe(suite), training)
        if self.keeps and engine.ranks.first:
            _keep(backbone, self._folder / BACKBONE)
        return trained_outcome(trained, images=len(fractals))

    def recorded(self, do: Callable[[], Record]) -> Record:
        """Generic weights are made once a machine; afterwards their first record counts."""
        weights_file = self._folder / BACKBONE
        with self._building():
            kept = self.kept_record()
            if kept is not None:
                return kept.model_copy(update={"key": self.key, "title": self.title})
            damaged = weights_file.exists()
            record = do()
            if record.status == "done":
                text = record.model_dump_json(by_alias=True, indent=2)
                write_atomic(self._folder / "record.json", text.encode())
            if damaged:
                warning = f"{weights_file} is not known to be what was written: it is made again"
                details = record.details.model_copy(update={"warning": warning})
                record = record.model_copy(update={"details": details})
            return record

    def kept_record(self) -> Record | None:
        """The record of a pre-training that this machine has done before, and whose weights are as
        it wrote them."""
        try:
            record = Record.model_validate_json((self._folder / "record.json").read_bytes())
        except (OSError, ValidationError):  # absent, or of another version: made again
            return None
        return record if _is_as_kept(self._folder / BACKBONE) else None

    @contextmanager
    def _building(self) -> Iterator[None]:
        """One process builds; others wait for it."""
        with ExitStack() as stack:
            with disk_errors(self._folder, "GREENDAPT_CACHE"):
                self._folder.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(self._folder / ".lock"))
            yield

    def backbone_path(self, context: Context) -> str | None:
        del context
        return None

    def has_output(self, folder: RunFolder, record: Record) -> bool:
        del folder, record
        return self.kept_record() is not None

    def _effort(self, context: Context) -> Effort:
        spec = context.suite.fractal
        cost = counted.cost(context, self.start, _ALL, (spec.classes,))
        steps = spec.epochs * math.ceil(spec.images / spec.batch_size)
        return Effort(cost.step * spec.epochs * spec.images, steps, spec.images)

    def _passes(self, context: Context, batch: int, ranks: int) -> Passes:
        spec = context.suite.fractal
        backbone = counted.new_backbone(context, self.start)
        width = feature_size(backbone, context.image_size)
        network = Network(backbone, mlp(width, (), spec.classes, 0))
        set_phase(network, _ALL)
        images = math.ceil(spec.batch_size / ranks)
        row = counted.image_shape(context, self.start)
        return Passes.of_training(network, row, images, batch)

    def spared(self, context: Context, *, here: bool) -> Spared | None:
        del context
        there = here and self.kept_record() is not None
        return Spared("in the user's cache") if there else None


def _recipe(suite: Suite) -> Phase:
    spec = suite.fractal
    return Phase(
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


def _digest(path: Path) -> str:
    """Read anew only where the file has changed."""
    stat = path.stat()
    return _digest_as_of(path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


@cache
def _digest_as_of(path: Path, *_stat: int) -> str:
    return digest_of(path)


def _keep(backbone: Backbone, path: Path) -> None:
    temporary = path.with_name(f".{os.getpid()}.safetensors")
    with disk_errors(path, "GREENDAPT_CACHE"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            weights.save(backbone, temporary)
            sync_file(temporary)
            temporary.replace(path)
            write_atomic(_beside(path), digest_of(path).encode())
        finally:
            temporary.unlink(missing_ok=True)


def _is_as_kept(path: Path) -> bool:
    try:
        return _beside(path).read_text(encoding="ascii") == _digest(path)
    except (OSError, ValueError):
        return False


def _beside(path: Path) -> Path:
    return path.with_suffix(".digest")


def _folder(name: str) -> Path:
    return cache_folder() / "weights" / f"fractal-{name}"
