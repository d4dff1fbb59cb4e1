"""The paper's rows as a good researcher writes them: a script a strategy, nothing shared or stored.

Images come from their files through ImageFolder and a DataLoader with a worker a core. Frozen
layers are frozen by ``requires_grad_(False)`` and eval mode alone; every step runs the whole
network. Weights, seeds and the heads that judge are greendapt's: the results are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, Sampler, Subset
from torchvision import transforms
from torchvision.datasets import ImageFolder

from greendapt.core.keys import seed_of
from greendapt.data.sources.image_files import cores
from greendapt.data.splits import hold_out
from greendapt.models import weights
from greendapt.models.backbone import Backbone
from greendapt.models.network import Network, mlp
from greendapt.run.session import Session
from greendapt.suite.recipes import Phase, Probe
from greendapt.train.engine import Engine
from greendapt.train.inputs import Examples
from greendapt.train.loop import Training
from greendapt.train.objectives import LOSSES
from greendapt.train.train_sets import trainable_units
from greendapt.transfer.heads import make_head, train_probe
from greendapt.transfer.metrics import judge

CPU = Engine(torch.device("cpu"))


def run(session: Session, folder: Path) -> dict[str, float]:
    """Development AUC by strategy, one seed; the images of the pool are in ``folder``."""
    return {name: script(session, folder, name) for name in session.suite.run.strategies}


def pool_of(folder: Path, size: int) -> ImageFolder:
    ways = [transforms.Grayscale(), transforms.Resize((size, size)), transforms.PILToTensor()]
    return ImageFolder(folder, transforms.Compose(ways))


def script(session: Session, folder: Path, strategy: str) -> float:
    """Adapt a backbone, train a head on its features, test it."""
    suite, pool = session.suite, session.data.pool
    name = suite.model.backbones[0]
    backbone = weights.load(
        name,
        session.generic[name].argument,
        image_size=suite.model.image_size,
        cut=suite.cut(strategy),
        seed=0,
    )
    held = hold_out(pool.patients, suite.data.pool_validation, 0, pool.targets)
    images = Subset(pool_of(folder, suite.model.image_size), (~held).nonzero()[0].tolist())
    width = features(backbone, images[0][0][None]).shape[1]
    network = Network(backbone, mlp(width, (), len(pool.classes), seed_of("0")))
    for position, phase in enumerate(suite.phases(strategy)):
        train(network, phase, images, seed_of(f"adapt {position} 0"))
    return test(session, backbone)


class Shuffled(Sampler[int]):
    """RandomSampler without its second draw, for what is left of several rounds."""

    def __init__(self, count: int, generator: torch.Generator) -> None:
        self.count, self.generator = count, generator

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        yield from torch.randperm(self.count, generator=self.generator).tolist()


def train(network: Network, phase: Phase, images: Subset, seed: int) -> None:
    backbone = network.backbone
    units = trainable_units(backbone, phase.trainable)
    backbone.eval()
    for name, parameter in backbone.net.named_parameters():
        of_norm = isinstance(backbone.net.get_submodule(name.rpartition(".")[0]), nn.BatchNorm2d)
        parameter.requires_grad_(backbone.unit_of(name) in units and not of_norm)
    optimizer = torch.optim.Adam(
        [p for p in network.parameters() if p.requires_grad], lr=phase.learning_rate, fused=True
    )
    batches = DataLoader(
        images,
        phase.batch_size,
        sampler=Shuffled(len(images), torch.Generator().manual_seed(seed)),
        num_workers=cores(),
        persistent_workers=True,
    )
    for _ in range(phase.epochs):
        for pixels, labels in batches:
            loss = functional.cross_entropy(network(backbone.prepare(pixels)), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


@torch.no_grad()
def features(backbone: Backbone, images: torch.Tensor) -> torch.Tensor:
    backbone.eval()
    return torch.cat([backbone(backbone.prepare(part)) for part in images.split(64)])


def test(session: Session, backbone: Backbone) -> float:
    development = session.data.development
    (probe,) = (session.suite.transfer[name] for name in session.suite.run.transfers)
    assert isinstance(probe, Probe)
    sets = {}
    for split in ("train", "val", "test"):
        part = development.part(split)
        seen = features(backbone, torch.from_numpy(part.gather()))
        sets[split] = Examples(seen, torch.from_numpy(part.targets))
    seed = seed_of("head 0")
    head = make_head(probe, sets["train"].inputs, len(development.classes), seed)
    train_probe(
        head,
        sets["train"],
        sets["val"],
        probe,
        Training(LOSSES[development.task], seed, CPU, lambda _share: None),
    )
    with torch.no_grad():
        logits = head.eval()(sets["test"].inputs)
    patients = development.part("test").patients
    judged = judge(logits, sets["test"].targets, patients, development.classes, bootstrap=0)
    return float(judged["auc"])
