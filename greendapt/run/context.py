"""What every stage of a run works with: suite, data, folder, engine, and the generic weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from functools import cached_property

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
from greendapt.models.backbone import Backbone, InputSpec
from greendapt.run import seeds
from greendapt.run.ground import Setting, Start
from greendapt.store.checkpoints import BACKBONE
from greendapt.store.run import RunFolder
from greendapt.suite.datasets import Split
from greendapt.suite.models import Shots, Suite
from greendapt.train import inputs
from greendapt.train.engine import Engine
from greendapt.train.inputs import Examples, Inputs
from greendapt.train.loop import State
from greendapt.train.parallel import ALONE, Ranks
from greendapt.train.step import PLAIN, Step
from greendapt.transfer.segmentation import mask_outputs

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
        corrupted = corrupt(self.images.gather(), *self.corruption, seed=seeds.CORRUPTION)
        return torch.from_numpy(corrupted)


@dataclass(frozen=True)
class Generic:
    """The generic weights of a backbone: what names their content, what loads them, what they want
    as input. The last is known before they are made, and does not hang on a file that may be
    damaged.

    ``account``: what was taken of a file, where that is not simply all of it.
    """

    identity: str
    argument: str
    spec: InputSpec
    account: str = ""


@dataclass(frozen=True)
class Context:
    """``generic``: the generic weights of each backbone.
    ``steps``: how each backbone runs fastest here.
    """

    suite: Suite
    data: Prepared
    folder: RunFolder
    engine: Engine
    generic: dict[str, Generic]
    steps: dict[str, Step] = field(default_factory=dict)
    ranks: Ranks = ALONE
    """The processes that train a stage together; one of them does all else."""
    _by_setting: dict[Setting, Context] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def at(self, setting: Setting) -> Context:
        """With one pool and one task as if they were all the data there is."""
        if setting not in self._by_setting:
            pool, task = self.data.pools[setting.pool], self.data.tasks[setting.target]
            one = replace(self, data=Prepared({None: pool}, {None: task}, self.data.notes))
            self._by_setting[setting] = one._by_setting[setting] = one
        return self._by_setting[setting]

    @property
    def image_size(self) -> int:
        return self.suite.model.image_size

    @property
    def classes(self) -> int:
        """Of the development data."""
        return len(self.data.development.classes)

    def engine_of(self, backbone: str | None, *, shared: bool) -> Engine:
        """What a backbone runs on (None: plain steps), on all ranks if ``shared``."""
        step = PLAIN if backbone is None else self.steps.get(backbone, PLAIN)
        return replace(self.engine, step=step, ranks=self.ranks if shared else ALONE)

    def backbone(self, start: Start, path: str | None = None) -> Backbone:
        """The backbone with the weights of a file, else the generic ones, ready to run."""
        loaded = weights.load(
            start.backbone,
            path or self.generic[start.backbone].argument,
            image_size=self.image_size,
            cut=start.cut,
            seed=seeds.of_weights(start.seed),
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

    def save_features(self, key: str, features: dict[str, Tensor]) -> None:
        with self.folder.new_checkpoint(key) as folder:
            save_file(features, folder / FEATURES)

    def load_head(self, key: str, head: nn.Module) -> nn.Module:
        head.load_state_dict(load_file(self.folder.checkpoint(key) / HEAD))
        return head.to(self.engine.device)

    def features(self, key: str) -> dict[str, Tensor]:
        return load_file(self.folder.checkpoint(key) / FEATURES)

    def state(self, key: str) -> State:
        kept = torch.load(self.folder.checkpoint(key) / STATE, weights_only=True)
        return State(**kept)

    @cached_property
    def pool(self) -> tuple[Examples, Examples]:
        """The DAPT data: what trains, and what chooses the epoch (other patients)."""
        pool = self.data.pool
        labelled = None if pool.task == "unlabelled" else pool.targets
        share = self.suite.data.pool_validation
        held = hold_out(pool.patients, share, seeds.POOL_SPLIT, labelled)
        return examples(pool, np.flatnonzero(~held)), examples(pool, np.flatnonzero(held))

    def shown(self, split: Split, shots: Shots, seed: int) -> np.ndarray:
        """Positions, within a split of the development images, of those that a stage may see.

        Few-shot takes as many images per class to choose the epoch as to train.
        """
        development = self.data.development
        of = development.splits == split
        if shots == "full":
            return np.arange(int(of.sum()))
        targets, patients = development.targets[of], development.patients[of]
        return few_shot(targets, shots, seeds.of_shots(seed), patients).index

    def development(self, split: Split, shown: np.ndarray) -> Examples:
        """The development images at these positions of a split."""
        rows = np.flatnonzero(self.data.development.splits == split)[shown]
        return examples(self.data.development, rows)

    def development_masks(self, split: Split, shown: np.ndarray) -> Examples:
        """The same with their masks as targets."""
        rows = np.flatnonzero(self.data.development.splits == split)[shown]
        masks = self.data.development.masks
        assert masks is not None
        targets = torch.from_numpy(masks[rows])
        return replace(examples(self.data.development, rows), targets=targets)

    @cached_property
    def mask_outputs(self) -> int:
        """Logits a pixel of a U-Net on the development masks."""
        return mask_outputs(mask_classes(self.data.development))

    def tests(self) -> list[TestSet]:
        """Every set a cell is judged on."""
        test, evaluation = self.data.development.part("test"), self.suite.evaluation
        external = [TestSet(f"external:{name}", one) for name, one in self.data.external.items()]
        corrupted = [
            TestSet(f"corrupted:{kind}:{severity}", test, (kind, severity))
            for kind in evaluation.corruptions
            for severity in evaluation.severities
        ]
        return [TestSet("development", test), *external, *corrupted]

    @cached_property
    def tested(self) -> int:
        """Images of development's test part."""
        return int((self.data.development.splits == "test").sum())

    @property
    def plain_tests(self) -> int:
        """Images to judge on as they are."""
        return self.tested + sum(map(len, self.data.external.values()))

    @property
    def corrupted_tests(self) -> int:
        """Corrupted copies to judge on."""
        evaluation = self.suite.evaluation
        return len(evaluation.corruptions) * len(evaluation.severities) * self.tested


def examples(images: ImageSet, rows: np.ndarray | None = None) -> Examples:
    """The images at ``rows`` (all), not copied: they are read batch by batch."""
    pixels, targets = inputs.of(images), torch.from_numpy(images.targets)
    if rows is None:
        return Examples(pixels, targets)
    index = torch.from_numpy(rows)
    return Examples(pixels, targets[index], index)
