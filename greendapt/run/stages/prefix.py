"""The stage that stores a phase's constant prefix, and how the phase reads it.

Run once for all seeds and strategies whose phases freeze the same units of the same weights.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from greendapt.core.errors import RunError
from greendapt.core.keys import seed_of
from greendapt.disk.arrays import DamagedArray, no_room, read_array, write_array
from greendapt.models.backbone import Backbone, create_backbone
from greendapt.run.context import PREFIX, Workbench
from greendapt.run.plan import Stage
from greendapt.run.stages.base import OnProgress, Outcome
from greendapt.suite.recipes import Phase
from greendapt.train import inputs
from greendapt.train.cost import nbytes, prefix_flops
from greendapt.train.phase import Stored
from greendapt.train.prefix import activation_shape, banked
from greendapt.train.train_sets import first_trainable


def store(bench: Workbench, stage: Stage, on_progress: OnProgress) -> Outcome:
    """Run the pool through the frozen units and keep what comes out; say so where it cannot be."""
    phase = stage.phase
    assert phase is not None
    backbone = bench.backbone(stage.start, stage.parents)
    images = len(bench.data.pool)
    start = first_trainable(backbone, phase.train)
    row = activation_shape(backbone, bench.suite.model.image_size, start)
    shape = (images * (1 + phase.bank), *row)
    why = _no_room(bench, shape)
    if why is None:
        try:
            _write(bench, stage, backbone, start, shape, on_progress)
        except RunError as error:
            why = str(error)
    if why is not None:
        return _not_stored(stage, phase, why)
    flops = prefix_flops(backbone, bench.suite.model.image_size, start) * shape[0]
    return Outcome(flops, details={"images": images, "cached_bytes": nbytes(shape[0], row)})


def why_not_stored(bench: Workbench, stage: Stage, *, here: bool = True) -> str | None:
    """None where there is room (on this disk, if ``here``); raises RunError where a phase cannot
    do without."""
    bench, phase = bench.of(stage), stage.phase
    assert phase is not None
    size = bench.suite.model.image_size
    with torch.device("meta"):
        backbone = create_backbone(stage.start.backbone, image_size=size, cut=stage.start.cut)
    row = activation_shape(backbone, size, first_trainable(backbone, phase.train))
    why = _no_room(bench, (len(bench.data.pool) * (1 + phase.bank), *row), here)
    if why is not None:
        _not_stored(stage, phase, why)
    return why


def read(bench: Workbench, stage: Stage) -> tuple[Stored | None, Outcome]:
    """What was stored for a phase (None: run it the plain way), and what making it again took."""
    prefix = stage.prefix
    if prefix is None or prefix.phase is None or not bench.folder.checkpoint(prefix.key).is_dir():
        return None, Outcome(0)
    path = bench.folder.checkpoint(prefix.key) / PREFIX
    remade = Outcome(0)
    try:
        array = read_array(path)
    except DamagedArray as error:
        remade = store(bench, prefix, lambda _: None)
        if remade.warning:
            return None, remade
        remade = Outcome(remade.training_flops, details={"warning": f"{error}: made again"})
        array = read_array(path)
    images = len(bench.data.pool)
    return Stored(torch.from_numpy(array), images, prefix.phase.bank), remade


def _write(
    bench: Workbench,
    stage: Stage,
    backbone: Backbone,
    start: int,
    shape: tuple[int, ...],
    on_progress: OnProgress,
) -> None:
    phase = stage.phase
    assert phase is not None
    parts = banked(
        backbone,
        inputs.of(bench.data.pool),
        start,
        bench.engine_of(stage),
        views=phase.bank,
        kind=phase.augmentation,
        seed=seed_of(stage.key),
    )
    done = 0

    def told() -> Iterator[np.ndarray]:
        nonlocal done
        for part in parts:
            done += len(part)
            yield part.numpy()
            on_progress(done / shape[0])

    with bench.folder.new_checkpoint(stage.key) as folder:
        write_array(folder / PREFIX, shape, "float32", told())


def _no_room(bench: Workbench, shape: tuple[int, ...], here: bool = True) -> str | None:
    limit_bytes = bench.suite.run.prefix_cache_gb * 1e9
    folder = bench.folder.path if here else None
    return no_room(folder, nbytes(shape[0], shape[1:]), limit_bytes)


def _not_stored(stage: Stage, phase: Phase, why: str) -> Outcome:
    if phase.bank:
        raise RunError(f"a bank of {phase.bank} views needs a stored prefix, but {why}")
    said = f"{stage.label} is not stored, its phases run the plain way: {why}"
    return Outcome(0, details={"stored": False, "warning": said})
