"""A suite whose data nobody reads: as large as the suite says, for a plan of another machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import as_strided

from greendapt.bench.plan import Cell, Digests, cells
from greendapt.bench.predict import check_models
from greendapt.bench.workbench import Workbench
from greendapt.core import suite as said
from greendapt.core.suite import Suite
from greendapt.data.checks import Prepared, prepare
from greendapt.data.hospitals import DIAGNOSES, FINDINGS
from greendapt.data.imageset import ImageSet, Task
from greendapt.data.splits import FRACTIONS, SPLITS
from greendapt.models.backbone import check_backbone
from greendapt.store.run import RunFolder
from greendapt.train.loop import Engine


def stated_plan(suite: Suite, out: Path) -> tuple[Workbench, list[Cell]]:
    """Cells, and a workbench on which nothing can run. Data that is on a disk is read, for its
    size; synthetic and stated data are not made. Weights are neither read nor fetched, but for
    a file's input format."""
    for backbone in suite.model.backbones:
        check_backbone(backbone)
    digests = Digests(
        "pool", "development", "external", dict.fromkeys(suite.model.backbones, "stated")
    )
    planned = cells(suite, digests)
    check_models(planned, suite.model.image_size)
    weights = "none" if suite.model.weights == "fractal" else suite.model.weights
    generic = dict.fromkeys(suite.model.backbones, weights)
    return Workbench(suite, _data(suite), RunFolder(out), Engine.on("cpu"), generic), planned


def _data(suite: Suite) -> Prepared:
    data, size = suite.data, suite.model.image_size
    sets = {"pool": data.pool, "development": data.development, **data.external}
    found = {name: _stand_in(name, spec, size) for name, spec in sets.items()}
    standing = [one for one in found.values() if one is not None]
    if suite.segments or len(standing) < len(found):
        return prepare(suite, size)
    pool, development, *external = standing
    return Prepared(pool, development, dict(zip(data.external, external, strict=True)), [])


def _stand_in(name: str, spec: said.Dataset, size: int) -> ImageSet | None:
    """As many images of as many classes, split as usual, in no memory; None for data on a disk."""
    task: Task = "multiclass"
    if isinstance(spec, said.PhantomData):
        task = "multiclass" if spec.task == "diagnosis" else "multilabel"
        classes = len(DIAGNOSES if spec.task == "diagnosis" else FINDINGS)
    elif isinstance(spec, said.StatedData):
        task, classes = spec.task, spec.classes
    elif isinstance(spec, said.FractalData):
        classes = spec.classes
    else:
        return None
    ends = np.cumsum([round(share * spec.images) for share in FRACTIONS[:2]])
    rows = np.arange(spec.images)
    labels = rows % classes
    return ImageSet(
        name=name,
        origin="stated",
        synthetic=True,
        task=task,
        classes=tuple(f"class {k}" for k in range(classes)),
        pixels=as_strided(np.zeros(1, np.uint8), (spec.images, 1, size, size), (0, 0, 0, 0)),
        targets=labels if task == "multiclass" else np.eye(classes, dtype=np.float32)[labels],
        patients=rows,
        splits=np.array(SPLITS)[np.searchsorted(ends, rows, side="right")],
        hashes=np.zeros(spec.images, dtype=np.uint64),
    )
