"""What every stage of a run works with: suite, data, folder, engine, and the generic weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from greendapt.data.corruptions import corrupt
from greendapt.data.imageset import ImageSet
from greendapt.data.masks import mask_classes
from greendapt.data.prepared import Prepared
from greendapt.data.splits import few_shot, hold_out
from greendapt.models import weights
from greendapt.models.backbone import Backbone
from greendapt.run.plan import Stage, Start
from greendapt.store.run import RunFolder
from greendapt.suite.datasets import Split
from greendapt.suite.models import Suite
from greendapt.suite.recipes import Phase, Segment
from greendapt.train import inputs
from greendapt.train.engine import Engine
from greendapt.train.inputs import Examples, Inputs
from greendapt.train.loop import State
from greendapt.train.parallel import ALONE, Ranks
from greendapt.train.step import PLAIN, Step
from greendapt.transfer.segmentation import mask_outputs

BACKBONE = "backbone.safetensors"
HEAD = "head.safetensors"
FEATURES = "features.safetensors"
PREFIX = "activations.npy"
STATE = "state.pt"


@dataclass(frozen=True)
class TestSet:
    """What to judge on: ``name`` is development, external:NAME or corrupted:KIND:SEVERITY."""

    name: str
    images: ImageSet
    corruption: tuple[str, int] | None = None

    def pixels(self) -> Inputs:
        """uint8 [N, C, H, W]. Corrupted at each call: heads on stored features never ask."""
        if self.corruption is None:
            return inputs.of(self.images)
        return torch.from_numpy(corrupt(self.images.gather(), *self.corruption, seed=0))


Judge = Callable[[TestSet, int], dict[str, Any]]
"""Metrics of a set, with so many bootstrap draws."""


@dataclass(frozen=True)
class Workbench:
    """``generic``: the weights argument that loads each backbone's generic weights.
    ``steps``: how each backbone runs fastest here.
    """

    suite: Suite
    data: Prepared
    folder: RunFolder
    engine: Engine
    generic: dict[str, str]
    steps: dict[str, Step] = field(default_factory=dict)
    ranks: Ranks = ALONE
    """The processes that train a stage together; one of them does all else."""
    _pair: tuple[str | None, str | None] | None = None
    _pairs: dict[tuple[str | None, str | None], Workbench] = field(
        default_factory=dict, repr=False, compare=False
    )

    def of(self, stage: Stage) -> Workbench:
        """With the pool and the task of a stage as its data."""
        pair = stage.start.pool, stage.start.target
        if pair == self._pair:
            return self
        if pair not in self._pairs:
            pool, task = self.data.pools[pair[0]], self.data.tasks[pair[1]]
            data = Prepared({None: pool}, {None: task}, self.data.notes)
            self._pairs[pair] = replace(self, data=data, _pair=pair, _pairs={})
        return self._pairs[pair]

    def engine_of(self, stage: Stage) -> Engine:
        """What a stage's backbone runs on; heads on stored features run on ``engine``."""
        step = self.steps.get(stage.start.backbone, PLAIN)
        return replace(self.engine, step=step, ranks=self.ranks if stage.is_shared else ALONE)

    @property
    def shared_engine(self) -> Engine:
        """For generic pre-training, which takes plain steps."""
        return replace(self.engine, ranks=self.ranks)

    def backbone(self, start: Start, parents: tuple[Stage, ...]) -> Backbone:
        """The backbone a stage starts from: its parent's, else the generic weights."""
        path = self.generic[start.backbone]
        if parents and parents[0].kind != "pretrain":
            path = str(self.folder.checkpoint(parents[0].key) / BACKBONE)
        size = self.suite.model.image_size
        loaded = weights.load(
            start.backbone, path, image_size=size, cut=start.cut, seed=start.seed or 0
        )
        step = self.steps.get(start.backbone, PLAIN)
        return step.arrange(loaded.to(self.engine.device)).eval()

    def save(
        self,
        key: str,
        backbone: Backbone | None,
        head: nn.Module | None,
        state: State | None = None,
    ) -> None:
        if not self.ranks.first:
            return
        with self.folder.new_checkpoint(key) as folder:
            if backbone is not None:
                weights.save(backbone, folder / BACKBONE)
            if head is not None:
                parameters = {
                    k: v.detach().cpu().contiguous() for k, v in head.state_dict().items()
                }
                save_file(parameters, folder / HEAD)
            if state is not None:
                torch.save(asdict(state), folder / STATE)

    def save_tensors(self, key: str, tensors: dict[str, Tensor]) -> None:
        with self.folder.new_checkpoint(key) as folder:
            save_file(tensors, folder / FEATURES)

    def load_head(self, stage: Stage, head: nn.Module) -> nn.Module:
        head.load_state_dict(load_file(self.folder.checkpoint(stage.key) / HEAD))
        return head.to(self.engine.device)

    def features(self, stage: Stage) -> dict[str, Tensor]:
        return load_file(self.folder.checkpoint(stage.key) / FEATURES)

    def state(self, stage: Stage) -> State:
        kept = torch.load(self.folder.checkpoint(stage.key) / STATE, weights_only=True)
        return State(**kept)

    @cached_property
    def pool(self) -> tuple[Examples, Examples]:
        """The DAPT data: what trains, and what chooses the epoch (other patients)."""
        pool = self.data.pool
        labelled = None if pool.task == "unlabelled" else pool.targets
        held = hold_out(pool.patients, self.suite.data.pool_validation, 0, labelled)
        return examples(pool, np.flatnonzero(~held)), examples(pool, np.flatnonzero(held))

    def downstream(self, split: Split, stage: Stage) -> np.ndarray:
        """Positions, within a split of the development images, of those that a stage may see.

        Few-shot takes as many images per class to choose the epoch as to train.
        """
        development = self.data.development
        of = development.splits == split
        if stage.shots == "full":
            return np.arange(int(of.sum()))
        targets, patients = development.targets[of], development.patients[of]
        return few_shot(targets, stage.shots, stage.seed, patients).index

    def development(self, split: Split, stage: Stage) -> Examples:
        """The development images of a split that a stage may see."""
        of = np.flatnonzero(self.data.development.splits == split)
        rows = of[self.downstream(split, stage)]
        seen = examples(self.data.development, rows)
        if not isinstance(stage.transfer, Segment):
            return seen
        masks = self.data.development.masks
        assert masks is not None
        return replace(seen, targets=torch.from_numpy(masks[rows]))

    @cached_property
    def mask_outputs(self) -> int:
        """Logits a pixel of a U-Net on the development masks."""
        return mask_outputs(mask_classes(self.data.development))

    def tests(self) -> Iterator[TestSet]:
        """Every set a cell is judged on."""
        test = self.data.development.part("test")
        yield TestSet("development", test)
        for name, external in self.data.external.items():
            yield TestSet(f"external:{name}", external)
        evaluation = self.suite.evaluation
        for kind in evaluation.corruptions:
            for severity in evaluation.severities:
                yield TestSet(f"corrupted:{kind}:{severity}", test, (kind, severity))


PROJECTION = (256, 64)
"""SimCLR's head: one hidden layer, and the width of its output."""


def head_widths(phase: Phase, classes: int) -> tuple[int, ...]:
    """Hidden layers and output of the head that a phase trains on the pool."""
    return PROJECTION if phase.objective == "simclr" else (classes,)


def examples(images: ImageSet, rows: np.ndarray | None = None) -> Examples:
    """The images at ``rows`` (all), not copied: they are read batch by batch."""
    pixels, targets = inputs.of(images), torch.from_numpy(images.targets)
    if rows is None:
        return Examples(pixels, targets)
    index = torch.from_numpy(rows)
    return Examples(pixels, targets[index], index)
