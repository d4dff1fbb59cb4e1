"""Steps against timm's, prefixes, compiled steps, memory, and how fast images reach the card."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import timm
import torch
from checks import Bench, Figures
from PIL import Image
from timm.optim import create_optimizer_v2

from greendapt.data.dataset import load
from greendapt.data.pack.packs import Packs
from greendapt.meter import Meter
from greendapt.meter.devices import synchronize
from greendapt.models.backbone import create_backbone, size_option
from greendapt.models.network import Network, mlp
from greendapt.suite.datasets import FolderData
from greendapt.suite.recipes import Phase
from greendapt.train import constant_prefix, inputs
from greendapt.train.engine import Engine
from greendapt.train.inputs import Examples
from greendapt.train.loop import Training
from greendapt.train.objectives import multiclass
from greendapt.train.phase import Stored, train_phase
from greendapt.train.step import Step, _job, try_steps

_NETWORKS = ("resnet50", "convnext_tiny", "vit_small_patch16_224")
_BATCH = 32
_WANTED = 1.3
Job = Callable[[], object]


def steps(bench: Bench) -> Figures:
    """An epoch of full DAPT as a trial says it is fastest, against timm's step at its defaults."""
    names, size, count = (("test_resnet",), 32, 32) if bench.tiny else (_NETWORKS, 224, 256)
    return {name: _step(bench, name, size, count) for name in names}


def _step(bench: Bench, name: str, size: int, count: int) -> Figures:
    device, examples = bench.torch_device, _images(count, size)
    trial = try_steps(
        lambda: create_backbone(name, image_size=size).to(device), size, device, cores=1
    )
    ours = _phase(bench, name, size, examples, "all", trial.step)
    theirs = _timms(bench, name, size, examples)
    ratio, step = _faster(theirs, ours, bench), trial.step
    wanted = {"times as fast": ratio, f"at least {_WANTED:g}": ratio >= _WANTED}
    return {**wanted, "precision": step.precision, "layout": step.layout}


def _timms(bench: Bench, name: str, size: int, examples: Examples) -> Job:
    device = bench.torch_device
    network = timm.create_model(name, num_classes=2, **size_option(name, size)).train().to(device)
    optimizer = create_optimizer_v2(network, opt="adam", lr=1e-4)
    criterion = torch.nn.CrossEntropyLoss()

    def epoch() -> None:
        for index in torch.randperm(len(examples)).split(_BATCH):
            pixels = examples.inputs[index].to(device).float().div(255).expand(-1, 3, -1, -1)
            loss = criterion(network((pixels - 0.5) / 0.25), examples.targets[index].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def _images(count: int, size: int) -> Examples:
    draw = torch.Generator().manual_seed(count)
    pixels = torch.randint(0, 256, (count, 1, size, size), generator=draw, dtype=torch.uint8)
    return Examples(pixels, torch.randint(0, 2, (count,), generator=draw))


def _phase(
    bench: Bench, name: str, size: int, examples: Examples, train: str, step: Step, cached=False
) -> Job:
    """An epoch of a phase; ``cached``: from a prefix that was computed before."""
    engine = Engine(bench.torch_device, step)
    backbone = step.arrange(create_backbone(name, image_size=size).to(engine.device))
    width = constant_prefix.feature_size(backbone, size)
    network = Network(backbone, mlp(width, (), 2, 0)).to(engine.device)
    norm = "train" if train == "all" else "affine"
    recipe = Phase(
        train=train, epochs=1, learning_rate=1e-4, select="last", batch_norm=norm, batch_size=_BATCH
    )
    stored = None
    if cached:
        start = len(backbone.units) - int(train[-1])
        made = constant_prefix.activations(backbone, examples.inputs, start, engine)
        stored = Stored(made, len(examples))
    training = Training(multiclass, 0, engine, lambda _share: None)
    return lambda: train_phase(
        network, examples, None, recipe, training, stored=stored, cache=False
    )


def prefixes(bench: Bench) -> Figures:
    """An epoch of the last stages from a stored prefix, against one through the whole network."""
    name, size, count = ("test_resnet", 32, 32) if bench.tiny else ("resnet50", 224, 256)
    examples = _images(count, size)
    jobs = {
        train: [_phase(bench, name, size, examples, train, Step(), c) for c in (False, True)]
        for train in ("last:1", "last:2")
    }
    return {train: {"times as fast": _faster(*pair, bench)} for train, pair in jobs.items()}


def compiled(bench: Bench) -> Figures:
    """A step through torch.compile (CUDA graphs) against one without, compiling not counted."""
    name, size = ("test_resnet", 32) if bench.tiny else ("resnet18", 224)

    def job(step: Step) -> Job:
        backbone = create_backbone(name, image_size=size).to(bench.torch_device)
        return _job(step, step.arrange(backbone), size, bench.torch_device)

    pair = job(Step()), job(Step(compiled=True))
    for _ in range(3):  # a CUDA graph is recorded in the second
        pair[1]()
    return {name: {"times as fast": _faster(*pair, bench)}}


def memory(bench: Bench) -> Figures:
    """Peak memory of an epoch by what of the network trains."""
    name, size, count = ("test_resnet", 32, 32) if bench.tiny else ("resnet50", 224, 64)
    examples, figures = _images(count, size), {}
    for train in ("all", "last:1"):
        epoch = _phase(bench, name, size, examples, train, Step())
        meter = Meter(device=bench.device)
        with meter.window() as window:
            epoch()
        meter.close()
        figures[train] = {"MB": (window.figures["peak_memory_bytes"].value or 0.0) / 1e6}
    return figures


def pipeline(bench: Bench) -> Figures:
    """Images a second from a pack to the card, against those that a step takes: what a step waits
    for its data."""
    name, size, count = ("test_resnet", 32, 64) if bench.tiny else ("resnet50", 224, 1024)
    examples = _packed(bench, count, size)
    device = bench.torch_device

    def read() -> None:
        for index in torch.randperm(len(examples)).split(_BATCH):
            examples.at(index, device)

    read_s = _median_s(read, bench)
    trial = try_steps(
        lambda: create_backbone(name, image_size=size).to(device), size, device, cores=1
    )
    epoch_s = _median_s(_phase(bench, name, size, examples, "all", trial.step), bench)
    return {
        "from a pack, images/s": len(examples) / read_s,
        f"{name}, trained, images/s": len(examples) / epoch_s,
        "of a step spent on data": read_s / epoch_s,
    }


def _packed(bench: Bench, count: int, size: int) -> Examples:
    folder = bench.folder / "images"
    random = np.random.default_rng(0)
    for number in range(count):
        path = folder / ("ab"[number % 2]) / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, random.integers(0, 256, (size, size), dtype=np.uint8))
    meter = Meter(device="cpu")
    packs = Packs(bench.folder / "packs", lambda _line: None, meter.window)
    spec = FolderData(source="folder", path=folder)
    made = load(spec, name="x", image_size=size, aliases={}, packs=packs)
    meter.close()
    return Examples(inputs.of(made), torch.from_numpy(made.targets))


def _write(path: Path, pixels: np.ndarray) -> None:
    Image.fromarray(pixels).save(path)


def _faster(theirs: Job, ours: Job, bench: Bench) -> float:
    """Median over rounds of their time over ours, in turn."""
    ratios = []
    for number in range(2 if bench.tiny else 6):
        pair = {
            job: _once_s(job, bench) for job in ((theirs, ours) if number % 2 else (ours, theirs))
        }
        if number:  # the first warms up
            ratios.append(pair[theirs] / pair[ours])
    return statistics.median(ratios)


def _median_s(job: Job, bench: Bench) -> float:
    job()
    return statistics.median(_once_s(job, bench) for _ in range(2 if bench.tiny else 3))


def _once_s(job: Job, bench: Bench) -> float:
    begun_s = time.perf_counter()
    job()
    synchronize(bench.device)
    return time.perf_counter() - begun_s
