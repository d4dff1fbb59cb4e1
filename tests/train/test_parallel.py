"""Two or three real processes against one: the same losses and weights, whatever the loss."""

import json
import os
import socket
import subprocess
import sys
from functools import cache

import pytest
import torch

from greendapt.core.machine import launched
from greendapt.train.parallel import ALONE, Ranks

SCRIPT = """
import json, sys, torch
from pathlib import Path
from greendapt.suite.recipes import Phase
from greendapt.models.backbone import create_backbone
from greendapt.train.engine import Engine
from greendapt.train.inputs import Examples
from greendapt.train.learners.base import learner_of
from greendapt.train.loop import Training
from greendapt.train.parallel import open_ranks
from greendapt.train.phase import train_phase


def trained(case, ranks):
    torch.manual_seed(0)
    backbone = create_backbone(case.get("backbone", "test_resnet"), image_size=32)
    for part in backbone.modules():
        if isinstance(part, torch.nn.BatchNorm2d):  # timm starts some at 0: no gradient passes
            torch.nn.init.ones_(part.weight)
    images = torch.randint(0, 256, (22, 3, 32, 32), dtype=torch.uint8)
    labels = torch.arange(22) % 3
    if case["loss"] == "multilabel":
        labels = torch.rand(22, 3).round()
        labels[::4, 0] = float("nan")
        labels[1:9, 1:] = float("nan")
    part = case.get("images", 18)
    phase = Phase(epochs=2, learning_rate=0.005, optimizer="sgd", batch_size=8, **case["phase"])
    learner = learner_of(phase.objective, outputs=3)
    network = learner.network(backbone, 32, seed=0)
    loss = learner.loss(network, case["loss"])
    done = train_phase(
        network, Examples(images[:part], labels[:part]), Examples(images[part:], labels[part:]),
        phase,
        Training(loss, 3, Engine(torch.device("cpu"), ranks=ranks), lambda _: None),
    )
    said = [done.fit.train_loss, done.fit.val_loss, done.fit.best_epoch, done.training_flops]
    weights = torch.cat([p.double().flatten() for p in network.state_dict().values()])
    return said, weights


cases, out = json.loads(sys.argv[1]), Path(sys.argv[2])
with open_ranks("cpu") as ranks:
    found = {name: trained(case, ranks) for name, case in cases.items()}
    torch.save(found, out / f"{ranks.rank}.pt")
"""

CASES = {
    "multiclass": {"loss": "multiclass", "phase": {"train": "last:1"}},
    "batch statistics": {
        # two values have no statistics to speak of: no batch of two
        "loss": "multiclass", "images": 16, "phase": {"train": "all", "batch_norm": "train"},
    },
    "missing labels and augmentation": {
        "loss": "multilabel", "phase": {"train": "all", "augmentation": "strong"},
    },
    "pairs": {
        "loss": "simclr",
        "phase": {"train": "all", "objective": "simclr", "augmentation": "light"},
    },
    "a transformer": {
        "loss": "multiclass", "backbone": "test_vit", "phase": {"train": "last:1"},
    },
    "hidden patches": {
        "loss": "multiclass", "backbone": "test_vit",
        "phase": {"train": "all", "objective": "simmim", "augmentation": "light"},
    },
    "a teacher": {
        "loss": "multiclass",
        "phase": {
            "train": "all", "select": "last", "augmentation": "light",
            "objective": {"name": "dino", "local_views": 1, "hidden": 16, "bottleneck": 8,
                          "outputs": 12, "momentum": 0.5},
        },
    },
}  # fmt: skip


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def started(arguments, size):
    """The ranks as torchrun starts them."""
    port = free_port()
    return [
        subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ, "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size),
                "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
            },
        )
        for rank in range(size)
    ]  # fmt: skip


# of three ranks one has no image of the last batch, which has two
SIZES = {name: 3 if name.startswith("a ") else 2 for name in CASES}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """``trained(size)``: by case, losses and weights of each rank; all cases in the same ranks,
    as each process takes seconds to begin."""
    script = tmp_path_factory.mktemp("script") / "train.py"
    script.write_text(SCRIPT)

    @cache
    def run(size):
        out = tmp_path_factory.mktemp("ranks")
        cases = {name: case for name, case in CASES.items() if size in (1, SIZES[name])}
        for process in started([script, json.dumps(cases), out], size):
            _, said = process.communicate(timeout=600)
            assert process.returncode == 0, said
        ranks = [torch.load(out / f"{rank}.pt") for rank in range(size)]
        return {name: [rank[name] for rank in ranks] for name in cases}

    return run


@pytest.mark.parametrize("name", CASES)
def test_ranks_train_what_one_process_trains(trained, name):
    ((alone, weights),) = trained(1)[name]
    several = trained(SIZES[name])[name]
    for said, own in several:
        assert said == several[0][0]
        assert torch.equal(own, several[0][1])
    said, own = several[0]
    assert said[0] == pytest.approx(alone[0], abs=1e-4)
    assert said[1] == pytest.approx(alone[1], abs=1e-4)
    assert said[2:] == alone[2:]
    assert torch.allclose(own, weights, atol=1e-4)


NORM = """
import sys, torch
import torch.nn.functional as F
from greendapt.train.parallel import GlobalBatchNorm, open_ranks

torch.manual_seed(0)
x = torch.randn(2, 3, 4, 4)
weight, bias, wanted = torch.randn(3), torch.randn(3), torch.randn(2, 3, 4, 4)

def norm(x):
    x, w, b = (t.clone().requires_grad_() for t in (x, weight, bias))
    stored = torch.zeros(3), torch.ones(3)
    return x, w, b, stored, F.batch_norm(x, *stored, w, b, training=True)

*leaves, stored, out = norm(x)
(out * wanted).sum().backward()
with open_ranks("cpu") as ranks:
    part = ranks.among(2).part
    with GlobalBatchNorm(ranks):
        *own, own_stored, own_out = norm(x[part])
    (own_out * wanted[part]).sum().backward()
    ranks.sum_gradients(own[1:])
close = lambda a, b: torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
close(own_out, out[part])
close(own[0].grad, leaves[0].grad[part])
close(own[1].grad, leaves[1].grad)
close(own[2].grad, leaves[2].grad)
close(own_stored, stored)
"""


def test_batch_statistics_are_those_of_all_ranks_one_without_an_image_too(tmp_path):
    (tmp_path / "norm.py").write_text(NORM)
    for process in started([tmp_path / "norm.py"], 3):
        _, said = process.communicate(timeout=240)
        assert process.returncode == 0, said


@pytest.mark.parametrize("count", [1, 2, 3, 8, 17])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_parts_are_every_image_once_in_order(count, size):
    parts = [range(count)[Ranks(rank, size).among(count).part] for rank in range(size)]
    assert [image for part in parts for image in part] == [*range(count)]
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_alone_nothing_is_exchanged():
    assert not launched({})
    assert not launched({"WORLD_SIZE": "1", "MASTER_ADDR": "here"})
    assert launched({"WORLD_SIZE": "2", "MASTER_ADDR": "here"})
    assert ALONE.same("value") == "value"
    assert ALONE.all("value") == ["value"]
