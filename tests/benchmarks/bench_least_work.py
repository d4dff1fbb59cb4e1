"""What caching, sharing and the fast step save against the plain way, with the same results."""

from __future__ import annotations

import importlib.util
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from greendapt.data.sources.image_files import cores
from greendapt.meter import Meter
from greendapt.models.backbone import create_backbone, size_option
from greendapt.models.network import Network, mlp
from greendapt.run.prepare import prepare_session
from greendapt.run.session import Session
from greendapt.store.run import RunFolder
from greendapt.suite.recipes import Phase
from greendapt.suite.suite_files import find
from greendapt.suite.suite_files import load as load_suite
from greendapt.train import constant_prefix
from greendapt.train.engine import Engine
from greendapt.train.inputs import Examples
from greendapt.train.loop import Training
from greendapt.train.objectives import multiclass
from greendapt.train.phase import Stored, train_phase
from greendapt.train.step import Step, _job, try_steps

_spec = importlib.util.spec_from_file_location("plain", Path(__file__).with_name("plain.py"))
plain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(plain)

CPU = Engine(torch.device("cpu"))
DEVICE = torch.device(os.environ.get("GREENDAPT_BENCH_DEVICE", "cpu"))
ROWS = [
    "none", "full", "partial:last1", "partial:last2", "hybrid:last1", "hybrid:last2",
    "simplified:cut1", "simplified:cut2",
]  # fmt: skip
"""The eight rows of the paper's table: phases as 1000 : 150 : 50 epochs, hybrids as 100 + 50. Of
32 images a step, not 16, as they have a twelfth of the pixels: updates would weigh too much."""
SIZE = 32
TABLE_SIZE = 64
"""Where a last block is more than reading its weights: its maps are not single pixels yet."""
BACKBONE = "resnet18"
PAPERS = "resnet50"
WIDE = 128
"""One of the paper's networks, with its 16 blocks, where one phase is timed; images wide enough for
the arithmetic to outweigh the updates of its weights."""


class Quiet:
    """A reporter that says nothing."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def __getattr__(self, _name):
        return lambda *_: None


def session(fast: bool, xrays: Path) -> Session:
    change = {
        "run": {
            "strategies": ROWS, "transfers": ["mlp2"], "seeds": 1, "shots": ["full"],
            "device": "cpu", "fast_step": fast, "pack": False,
        },
        "model": {"backbones": [BACKBONE], "weights": "fractal", "image_size": TABLE_SIZE},
        "data": {
            "external": {"hospital_b": {"images": 20}},  # plain.py goes without
            "pool": {"source": "folder", "path": str(xrays)}, "development": {"images": 60},
        },
        "phase": {
            "head": {"epochs": 40, "select": "last", "batch_size": 32},
            "adapt": {"epochs": 6, "select": "last", "batch_size": 32},
            "finish": {"epochs": 2, "select": "last", "batch_size": 32},
        },
        "strategy": {
            f"hybrid:last{n}": {
                "phases": ["head", {"use": "adapt", "train": f"last:{n}", "epochs": 4}, "finish"]
            }
            for n in (1, 2)
        },
        "evaluation": {"corruptions": [], "bootstrap": 100},
        "fractal": {"classes": 8, "images": 320, "epochs": 1},
    }  # fmt: skip
    return prepare_session(load_suite(find("chestxray"), changes=[change]), lambda _said: None)


@pytest.fixture(scope="module")
def meter():
    opened = Meter(device="cpu")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def xrays(phantom_files):
    return phantom_files(images=480, size=256, seed=1)


@pytest.fixture
def all_cores():
    before = torch.get_num_threads()
    torch.set_num_threads(cores())
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("all_cores")
@pytest.mark.parametrize("fast", [False, True], ids=["caching_and_sharing", "and_fast_step"])
def test_paper_table(interleaved, benchmark, tmp_path, meter, xrays, fast):
    joules, found = {"plain": [], "ours": []}, {}
    prepared = session(fast, xrays)
    pool, files = prepared.data.pool, plain.pool_of(xrays, TABLE_SIZE)
    assert pool.targets.tolist() == files.targets
    assert np.array_equal(pool.gather(), np.stack([image.numpy() for image, _ in files]))

    def metered(name, job):
        with meter.window() as window:
            found[name] = job()
        joules[name].append(window.figures["energy_j"].value)

    def ours():
        of = session(fast, xrays)
        folder = RunFolder.create(tmp_path, "table")
        folder.write(of.info("benchmark"))
        rows = of.run(folder, Quiet()).summary.rows
        return {row.strategy: row.metrics["development"]["auc"] for row in rows}

    ours()  # generic weights are made once a machine: not part of either
    interleaved(
        lambda: metered("plain", lambda: plain.run(prepared, xrays)),
        lambda: metered("ours", ours),
        rounds=1,
        speedup=True,
        warmup=False,
    )
    benchmark.extra_info["energy_ratio"] = sum(joules["plain"]) / sum(joules["ours"])
    off = max(abs(found["plain"][name] - found["ours"][name]) for name in ROWS)
    benchmark.extra_info["largest_auc_difference"] = off
    print(f"energy ratio {benchmark.extra_info['energy_ratio']:.3g}, AUC differs by {off:.2g}")


def images(count, size=SIZE):
    draw = torch.Generator().manual_seed(count)
    pixels = torch.randint(0, 256, (count, 1, size, size), generator=draw, dtype=torch.uint8)
    return Examples(pixels, torch.randint(0, 2, (count,), generator=draw))


def phase(train, epochs, *, cached, count=64, anew=False):
    """Epochs of a phase; ``anew``: the making of its cache with them, which is else done before."""
    examples = images(count, WIDE)
    backbone = create_backbone(PAPERS, image_size=WIDE)
    network = Network(backbone, mlp(constant_prefix.feature_size(backbone, WIDE), (), 2, 0))
    recipe = Phase(
        train=train, epochs=epochs, learning_rate=1e-4, select="last", batch_norm="affine"
    )
    start = len(backbone.units) - (0 if train == "head" else int(train[-1]))

    def store():
        return Stored(
            constant_prefix.activations(backbone, examples.inputs, start, CPU), len(examples)
        )

    before = store() if cached and not anew else None

    def run():
        train_phase(
            network, examples, None, recipe,
            Training(multiclass, 0, CPU, lambda _share: None),
            stored=store() if anew else before,
        )  # fmt: skip

    return run


@pytest.mark.parametrize("train", ["last:1", "last:2"])
def test_partial(interleaved, train):
    interleaved(phase(train, 3, cached=False), phase(train, 3, cached=True), rounds=5, speedup=True)


def test_head_phase(interleaved):
    """100 epochs, and the making of the cache with them."""
    interleaved(
        phase("head", 100, cached=False, count=32),
        phase("head", 100, cached=True, count=32, anew=True),
        rounds=3,
        speedup=True,
        warmup=False,
    )


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv2_100", "vit_tiny_patch16_224"])
def test_step(interleaved, name):
    """A full-DAPT epoch, as a trial says it is fastest here, against timm's step at its defaults.

    GREENDAPT_BENCH_DEVICE=cuda takes the GPU.
    """
    import timm
    from timm.optim import create_optimizer_v2

    examples, size = images(128), SIZE
    step = try_steps(lambda: create_backbone(name, image_size=size), size, DEVICE, cores=1).step
    engine = Engine(DEVICE, step)
    backbone = step.arrange(create_backbone(name, image_size=size).to(DEVICE))
    width = constant_prefix.feature_size(backbone, size)
    network = Network(backbone, mlp(width, (), 2, 0)).to(DEVICE)
    recipe = Phase(train="all", epochs=1, learning_rate=1e-4, select="last", batch_norm="train")
    theirs = timm.create_model(name, num_classes=2, **size_option(name, size)).train().to(DEVICE)
    optimizer = create_optimizer_v2(theirs, opt="adam", lr=1e-4)
    criterion = torch.nn.CrossEntropyLoss()
    mean, std = backbone.spec.mean[0], backbone.spec.std[0]

    def timms():
        order = torch.randperm(len(examples))
        for index in order.split(recipe.batch_size):
            pixels = examples.inputs[index].to(DEVICE).float().div(255).expand(-1, 3, -1, -1)
            loss = criterion(theirs((pixels - mean) / std), examples.targets[index].to(DEVICE))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def ours():
        train_phase(
            network, examples, None, recipe,
            Training(multiclass, 0, engine, lambda _share: None),
        )  # fmt: skip

    interleaved(timms, ours, rounds=9, speedup=True)


@pytest.mark.parametrize(("name", "size"), [("resnet18", 64), ("resnet50", 128)])
def test_compiled(interleaved, name, size):
    """A step of full DAPT through torch.compile against one without, compiling not counted."""

    def job(step):
        backbone = create_backbone(name, image_size=size).to(DEVICE)
        return _job(step, step.arrange(backbone), size, DEVICE)

    interleaved(job(Step()), job(Step(compiled=True)), rounds=21, speedup=True)


def test_startup(interleaved):
    import subprocess
    import sys

    def run(*command):
        subprocess.run([sys.executable, *command], check=True, capture_output=True)

    interleaved(
        lambda: run("-c", "import torch"), lambda: run("-m", "greendapt", "--help"), rounds=5
    )


def peak_and_time(pool, seeds, tmp_path):
    import subprocess
    import sys

    suite = find("chestxray")
    command = [
        sys.executable, "-m", "greendapt", "measure", "--json", "--", sys.executable, "-m",
        "greendapt", "bench", "--suite", str(suite), "--profile", "smoke", "--out", str(tmp_path),
        "--seeds", str(seeds), "--strategies", "none,partial:last1,full", "--no-fast-step",
        "--set", f"data.pool.images={pool}", "--set", "evaluation.corruptions=[]",
    ]  # fmt: skip
    import json

    done = subprocess.run(command, check=True, capture_output=True, text=True)
    record = json.loads(done.stdout)
    return record["wall_s"]["value"], record["peak_memory_bytes"]["value"]


def test_grow(benchmark, tmp_path):
    """By pool size and seeds; ``ratio``: an image's time from 4x to 8x over that from 1x to 4x."""
    base = 1600

    def grow():
        begun = time.perf_counter()
        pools = {n: peak_and_time(base * n, 1, tmp_path) for n in (1, 2, 4, 8)}
        seeds = {n: peak_and_time(base, n, tmp_path) for n in (1, 2, 4)}
        return pools, seeds, time.perf_counter() - begun

    pools, seeds, _ = benchmark.pedantic(grow, rounds=1, iterations=1)
    slope = (pools[8][0] - pools[4][0]) / 4 / ((pools[4][0] - pools[1][0]) / 3)
    benchmark.extra_info.update(
        ratio=slope,
        wall_s_by_pool={n: seen[0] for n, seen in pools.items()},
        peak_bytes_by_pool={n: seen[1] for n, seen in pools.items()},
        wall_s_by_seeds={n: seen[0] for n, seen in seeds.items()},
    )
    print(benchmark.extra_info)
