"""The stage that stores a phase's constant prefix, and how the phase reads it.

Run once for all seeds and strategies whose phases freeze the same units of the same weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from greendapt.core.errors import RunError
from greendapt.core.records import Details, Kind, PrefixDetails, Record, Role
from greendapt.disk.arrays import DamagedArray, no_room, read_array, write_array
from greendapt.models.backbone import Backbone
from greendapt.run import seeds
from greendapt.run.context import PREFIX, Context
from greendapt.run.stages import counted
from greendapt.run.stages.base import Monitor, Outcome, Spared, Stage
from greendapt.run.stages.counted import Effort, Passes
from greendapt.store.run import RunFolder
from greendapt.suite.recipes import Phase, Trainable
from greendapt.train import inputs
from greendapt.train.constant_prefix import activation_shape, banked
from greendapt.train.cost import nbytes, prefix_flops
from greendapt.train.phase import Stored
from greendapt.train.train_sets import first_trainable


@dataclass(frozen=True, kw_only=True)
class StoredPrefix(Stage):
    """What the frozen units of ``phase`` give for every pool image, and each view of its bank.

    ``parents``: the last phase before that moved these units, else the generic weights.
    """

    kind: ClassVar = Kind.PREFIX
    role: ClassVar[Role] = "adaptation"
    is_common: ClassVar = True
    is_temporary: ClassVar = True

    phase: Phase

    def _decides(self) -> dict[str, object]:
        phase = self.phase
        bank = [phase.augmentation, phase.bank, self.seed] if phase.bank else None
        return {"train": phase.train, "pool": self.ground.pool, "bank": bank}

    @property
    def uses(self) -> tuple[str, ...]:
        return (self.phase.augmentation,) if self.phase.bank else ()

    def _title(self) -> str:
        views = f", {self.phase.bank} views an image" if self.phase.bank else ""
        return self.ground.title(f"prefix of {self.phase.trained_text}{views}")

    @property
    def trains(self) -> Trainable:
        return self.phase.trainable

    def _pace(self) -> object:
        return [self.phase.train, self.phase.augmentation, self.phase.bank]

    def _rows(self, context: Context) -> int:
        return len(context.data.pool) * (1 + self.phase.bank)

    def _run(self, context: Context, monitor: Monitor) -> Outcome:
        """Says so where it cannot be stored; RunError where a phase cannot do without."""
        backbone = self.backbone(context)
        start = first_trainable(backbone, self.phase.trainable)
        row = activation_shape(backbone, context.image_size, start)
        shape = (self._rows(context), *row)
        why = _no_room(context, shape)
        if why is None:
            try:
                self._write(context, backbone, start, shape, monitor)
            except RunError as error:
                why = str(error)
        if why is not None:
            return Outcome(0, PrefixDetails(stored=False, warning=self._not_stored(why)))
        flops = prefix_flops(backbone, context.image_size, start) * shape[0]
        images, cached_bytes = len(context.data.pool), nbytes(shape[0], row)
        return Outcome(flops, PrefixDetails(images=images, cached_bytes=cached_bytes))

    def _write(
        self,
        context: Context,
        backbone: Backbone,
        start: int,
        shape: tuple[int, ...],
        monitor: Monitor,
    ) -> None:
        parts = banked(
            backbone,
            inputs.of(context.data.pool),
            start,
            self.engine(context),
            views=self.phase.bank,
            kind=self.phase.augmentation,
            seed=seeds.of_stage(self.key),
        )
        done = 0

        def watched() -> Iterator[np.ndarray]:
            nonlocal done
            for part in parts:
                done += len(part)
                yield part.numpy()
                monitor.on_progress(done / shape[0])

        with context.folder.new_checkpoint(self.key) as folder:
            write_array(folder / PREFIX, shape, "float32", watched())

    def _not_stored(self, why: str) -> str:
        if self.phase.bank:
            bank = self.phase.bank
            raise RunError(f"a bank of {bank} views needs a stored prefix, but {why}")
        return f"{self.label} is not stored, its phases run the plain way: {why}"

    def read(self, context: Context) -> tuple[Stored | None, Outcome]:
        """What was stored (None: run the phase the plain way), and what making it again took."""
        folder, remade = context.folder.checkpoint(self.key), Outcome(0)
        if not folder.is_dir():
            return None, remade
        try:
            array = read_array(folder / PREFIX)
        except DamagedArray as error:
            remade = self._run(context, Monitor())
            if remade.details.warning:
                return None, remade
            remade = Outcome(remade.training_flops, Details(warning=f"{error}: made again"))
            array = read_array(folder / PREFIX)
        return Stored(torch.from_numpy(array), len(context.data.pool), self.phase.bank), remade

    def has_output(self, folder: RunFolder, record: Record) -> bool:
        """Where it could not be stored none is needed: what reads it takes the plain way."""
        details = record.details
        plain = isinstance(details, PrefixDetails) and not details.stored
        return plain or super().has_output(folder, record)

    def _effort(self, context: Context) -> Effort:
        cost = counted.cost(context, self.start, self.phase.trainable)
        rows = self._rows(context)
        return Effort(cost.prefix * rows, 0, rows)

    def _passes(self, context: Context, batch: int, ranks: int) -> Passes:
        del ranks
        backbone = counted.backbone(context, self.start)
        stop = first_trainable(backbone, self.phase.trainable)
        return counted.forward_passes(context, self.start, batch, stop)

    def spared(self, context: Context, *, here: bool) -> Spared | None:
        """Raises RunError where there is no room and a phase cannot do without."""
        context = context.at(self.start.setting)
        backbone = counted.backbone_of(self.start.backbone, self.start.cut, context.image_size)
        start = first_trainable(backbone, self.phase.trainable)
        row = activation_shape(backbone, context.image_size, start)
        why = _no_room(context, (self._rows(context), *row), here)
        return Spared("not stored", self._not_stored(why), absent=True) if why else None


def _no_room(context: Context, shape: tuple[int, ...], here: bool = True) -> str | None:
    limit_bytes = context.suite.run.prefix_cache_gb * 1e9
    folder = context.folder.path if here else None
    return no_room(folder, nbytes(shape[0], shape[1:]), limit_bytes)
