"""A suite whose data nobody reads: as large as the suite says, for a plan of another machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import as_strided

from greendapt.core.errors import DataError
from greendapt.core.machine import beyond_memory
from greendapt.data.dataset import load
from greendapt.data.imageset import ImageSet, Labelling
from greendapt.data.phantom.hospitals import DIAGNOSES, FINDINGS
from greendapt.data.prepared import Prepared, Task, prepare
from greendapt.data.splits import FRACTIONS, SPLITS
from greendapt.models.backbone import check_backbone, check_own
from greendapt.models.checkpoint_files import read
from greendapt.models.weights import spec_of
from greendapt.run.context import Context, Generic
from greendapt.run.ground import Digests
from greendapt.run.plan import Cell, cells
from greendapt.run.prepare import check_models
from greendapt.store.run import RunFolder
from greendapt.suite import datasets as specs
from greendapt.suite.models import Suite
from greendapt.suite.own_code import require
from greendapt.train.engine import Engine


def stated_plan(suite: Suite, out: Path) -> tuple[Context, list[Cell]]:
    """Cells, and a context in which nothing can run. Data that is on a disk is read, for its
    size; synthetic and stated data are not made. Weights are not fetched; a file of them is read,
    for its input format, and to see that it is one."""
    own = require(suite)
    for backbone in suite.model.backbones:
        check_backbone(backbone)
        check_own(backbone, suite.model.image_size)
    digests = Digests(
        pools={None: "pool", **{name: f"pool {name}" for name in suite.data.pools}},
        tasks={
            None: ("development", "external"),
            **{name: (name, f"external {name}") for name in suite.data.targets},
        },
        weights={name: f"stated {name}" for name in suite.model.backbones},
        own=own,
    )
    planned = cells(suite, digests)
    check_models(planned, suite.model.image_size)
    weights = "none" if suite.model.weights == "fractal" else suite.model.weights
    if weights not in ("timm", "none"):
        read(Path(weights))
    generic = {
        name: Generic("stated", weights, spec_of(name, weights)) for name in suite.model.backbones
    }
    return Context(suite, _data(suite), RunFolder(out), Engine.on("cpu"), generic), planned


def _data(suite: Suite) -> Prepared:
    data, size = suite.data, suite.model.image_size
    if suite.segments:
        return prepare(suite, size)  # how many labels there are, only the masks know

    def made(name: str, spec: specs.Dataset) -> ImageSet:
        stated = _size(spec)
        if stated is None:
            return load(spec, name=name, image_size=size, aliases=data.aliases)
        return _stand_in(name, *stated, size)

    pools: dict[str | None, specs.Dataset] = {None: data.pool}
    pools |= {name: pool.data for name, pool in data.pools.items()}
    own = specs.Target(development=data.development, external=data.external)
    tasks: dict[str | None, specs.Target] = {None: own}
    tasks.update(data.targets.items())
    return Prepared(
        {name: made(name or "pool", pool) for name, pool in pools.items()},
        {
            name: Task(
                made("development", task.development),
                {k: made(k, one) for k, one in task.external.items()},
            )
            for name, task in tasks.items()
        },
        [],
    )


def _size(spec: specs.Dataset) -> tuple[Labelling, int, int] | None:
    """Kind of labels, classes and images; None for data that is on a disk."""
    if isinstance(spec, specs.PhantomData):
        return (
            ("multiclass", len(DIAGNOSES), spec.images)
            if spec.task == "diagnosis"
            else ("multilabel", len(FINDINGS), spec.images)
        )
    if isinstance(spec, specs.StatedData):
        return spec.task, spec.classes, spec.images
    if isinstance(spec, specs.FractalData):
        return "multiclass", spec.classes, spec.images
    if isinstance(spec, specs.MergedData):
        parts = [_size(one) for one in spec.sources]
        sizes = [one for one in parts if one is not None]
        images = round(spec.fraction * sum(images for *_, images in sizes))
        return (*sizes[0][:2], images) if len(sizes) == len(parts) else None
    return None


def _stand_in(name: str, task: Labelling, classes: int, images: int, size: int) -> ImageSet:
    """As many images of as many classes, split as usual, in no memory."""
    full = beyond_memory(images * (100 + (4 * classes if task == "multilabel" else 0)))
    if full is not None:
        raise DataError(f"{name}: {images} images: what is told of each, {full}; say fewer")
    ends = np.cumsum([round(share * images) for share in FRACTIONS[:2]])
    rows = np.arange(images)
    labels = rows % classes
    return ImageSet(
        name=name,
        origin="stated",
        synthetic=True,
        task=task,
        classes=tuple(f"class {k}" for k in range(classes)),
        pixels=as_strided(np.zeros(1, np.uint8), (images, 1, size, size), (0, 0, 0, 0)),
        targets=labels if task == "multiclass" else np.eye(classes, dtype=np.float32)[labels],
        patients=rows,
        splits=np.array(SPLITS)[np.searchsorted(ends, rows, side="right")],
        hashes=np.zeros(images, dtype=np.uint64),
    )
