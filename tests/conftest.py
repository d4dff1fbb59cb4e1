"""A tiny suite, and the command line in this process and in one of its own."""

import ctypes
import io
import itertools
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

# the same examples in every run, so that red is no chance; a busy machine is no fault of the code
settings.register_profile("greendapt", deadline=None, derandomize=True)
settings.register_profile("nightly", deadline=None, max_examples=10_000)
settings.load_profile("greendapt")

# many tiny steps, often beside other processes: more threads only wait for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")

# a job in the background is started with Ctrl-C ignored, and so would be the commands of tests
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # nohup
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

TINY = """
schema = 1
name = "tiny"
title = "Tiny"
[run]
strategies = ["none", "full", "partial"]
transfers = ["probe"]
seeds = 1
fast_step = false
[model]
backbones = ["test_resnet"]
image_size = 32
weights = "none"
[data.pool]
source = "phantom"
images = 60
seed = 1
[data.development]
source = "phantom"
images = 80
seed = 2
[data.external.b]
source = "phantom"
hospital = "b"
images = 40
seed = 3
[phase.head]
train = "head"
epochs = 2
learning_rate = 1e-3
[phase.adapt]
train = "all"
epochs = 2
learning_rate = 1e-3
batch_norm = "affine"
[strategy.none]
[strategy.full]
phases = ["head", "adapt"]
[strategy.partial]
phases = ["head", { use = "adapt", train = "last:1" }]
[strategy.bad]
phases = ["head", { use = "adapt", learning_rate = 1e30 }]
[transfer.probe]
kind = "probe"
hidden = [8]
epochs = 3
learning_rate = 1e-3
[transfer.finetune]
kind = "finetune"
epochs = 1
learning_rate = 1e-4
batch_norm = "affine"
[fractal]
classes = 4
images = 64
epochs = 1
batch_size = 32
[evaluation]
corruptions = ["noise"]
bootstrap = 100
[profile.long]
run.seeds = 2
phase.adapt.epochs = 8
"""

OWN_CODE = """
import torch
from torch import nn

def build(image_size, channels):
    layers = [nn.Conv2d(channels, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU()]
    return nn.Sequential(nn.Sequential(*layers[:2]), nn.Sequential(*layers[2:]))

def dim(image, generator):
    return image * (0.5 + 0.5 * torch.rand((), generator=generator))

def smooth(logits, targets):
    return nn.functional.cross_entropy(logits, targets, label_smoothing=0.1)
"""
OWN = """
[own.own_net]
kind = "network"
code = "own_code:build"
units = ["0", "1"]
[own.own_dim]
kind = "augmentation"
code = "own_code:dim"
[own.own_smooth]
kind = "loss"
code = "own_code:smooth"
"""


def pytest_addoption(parser):
    parser.addoption(
        "--precision",
        choices=["float32", "bfloat16"],
        default="float32",
        help="of plain steps in tests/train and tests/transfer, as a fast step may choose it",
    )


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    """Generic weights of the tests never meet those of the user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GREENDAPT_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def one_thread():
    """One thread of torch in this process, which other modules of tests share."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def precision(request):
    """``--precision``, as the arithmetic of every plain step."""
    from greendapt.train.step import PLAIN

    said = request.config.getoption("--precision")
    object.__setattr__(PLAIN, "precision", said)  # frozen; every engine of these tests holds it
    yield said
    object.__setattr__(PLAIN, "precision", "float32")


@pytest.fixture
def within(precision):
    """``within(tolerance)`` in float32; bfloat16 keeps 8 bits, a percent after a few operations."""
    return lambda usual: usual if precision == "float32" else max(usual, 0.05)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """The file of a suite that runs in about a second."""
    path = tmp_path_factory.mktemp("suites") / "tiny.toml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def tiny_own(tmp_path_factory):
    """The same with a network, an augmentation and a loss of its own, in ``own_code.py`` beside."""
    path = tmp_path_factory.mktemp("suites") / "own.toml"
    asked = '[phase.adapt]\naugmentation = "own_dim"\nloss = "own_smooth"'
    text = TINY.replace("test_resnet", "own_net").replace("[phase.adapt]", asked)
    path.write_text(text + OWN, encoding="utf-8")
    (path.parent / "own_code.py").write_text(OWN_CODE, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def program():
    """The start of a command line in a process of its own."""
    return [sys.executable, "-m", "greendapt"]


@pytest.fixture(scope="session")
def shell(program):
    """``greendapt ARGUMENTS`` in a process of its own."""

    def run(*arguments, **options):
        done = subprocess.run(
            [*program, *map(str, arguments)], capture_output=True, text=True, check=False, **options
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(autouse=True)
def _subnormal_numbers():
    """A run has its whole process take them for zero; the next test may draw some."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture(scope="session")
def in_process():
    """``greendapt ARGUMENTS`` in this process, where torch is imported once.

    It does not wait for the disk, which only a power cut asks for (tests/cli/test_power_cut.py),
    and a tenth of a second, not one, for the power at rest.
    """
    from greendapt.cli.app import main
    from greendapt.meter import Meter

    rest = Meter._rest

    def run(*arguments):
        with pytest.MonkeyPatch.context() as patch, _told() as told:
            patch.setattr(sys, "argv", ["greendapt", *map(str, arguments)])
            patch.setattr(os, "fsync", lambda _: None)
            patch.setattr(Meter, "_rest", lambda meter, seconds: rest(meter, seconds / 10))
            with pytest.raises(SystemExit) as end:
                main()
        if "torch" in sys.modules:
            _as_it_was()
        return Done(end.value.code, *told)

    return run


@contextmanager
def _told():
    """What is written to stdout and stderr, by other processes too; filled when it ends."""
    told, files = [], []
    with ExitStack() as stack:
        for number, redirect in ((1, redirect_stdout), (2, redirect_stderr)):
            file, before = stack.enter_context(tempfile.TemporaryFile()), os.dup(number)
            stack.callback(os.close, before)
            stack.callback(os.dup2, before, number)
            os.dup2(file.fileno(), number)
            raw = io.FileIO(number, "w", closefd=False)
            stack.enter_context(
                redirect(io.TextIOWrapper(raw, "utf-8", "replace", write_through=True))
            )
            files.append(file)
        yield told
        for file in files:
            file.seek(0)
            told.append(file.read().decode())


@pytest.fixture
def greendapt(in_process, monkeypatch, tmp_path):
    """``greendapt ARGUMENTS`` in this process, from an empty folder."""
    monkeypatch.chdir(tmp_path)
    return in_process


@pytest.fixture
def powercap_that_counts(tmp_path, monkeypatch):
    """A package that draws 12 W, and so many more (the fixture's value) for each thread of this
    process that is busy."""
    zone, thread_w = tmp_path / "counting" / "intel-rapl:0", 30.0
    zone.mkdir(parents=True)
    (zone / "name").write_text("package-0\n")
    (zone / "max_energy_range_uj").write_text("262143328850\n")
    counter, fresh, stop = zone / "energy_uj", zone / "fresh", threading.Event()
    begun_s, begun_cpu_s = time.monotonic(), time.process_time()

    def write():
        passed_s, cpu_s = time.monotonic() - begun_s, time.process_time() - begun_cpu_s
        fresh.write_text(f"{round(1e6 * (12.0 * passed_s + thread_w * cpu_s))}\n")
        fresh.replace(counter)  # a reader never sees half a number

    def tick():
        while not stop.wait(0.005):
            write()

    write()
    ticker = threading.Thread(target=tick)
    ticker.start()
    monkeypatch.setenv("GREENDAPT_POWERCAP", str(zone.parent))
    yield thread_w
    stop.set()
    ticker.join()


@pytest.fixture
def small_files():
    """``small_files(bytes)``: from now on the disk takes no larger file; OSError, as when full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda limit: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def undone():
    """For tests that start a session without the command line."""
    yield
    _as_it_was()


def _as_it_was():
    """Undo what a run sets for its whole process (greendapt.run.process)."""
    import torch

    torch.set_flush_denormal(False)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        for threshold in (-1, -3):  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD: glibc's defaults
            libc.mallopt(threshold, 128 * 1024)
        libc.malloc_trim(0)


@pytest.fixture(scope="session")
def only_run():
    """The one run folder in a folder."""

    def find(out):
        (run,) = [path for path in Path(out).iterdir() if (path / "run.json").exists()]
        return run

    return find


@pytest.fixture
def released(tmp_path):
    """Small tables of the shape that arXiv 2410.18677 released, made up."""
    folder = tmp_path / "released"
    folder.mkdir()
    epochs = (0, 1, 50, 100, 300)
    dice = {"ACDC": (0.1, 0.7, 0.8, 0.9, 0.85), "IDRiD": (0.1, 0.4, 0.45, 0.5, 0.55)}
    scores = {0: 0.5, 1: 0.4, 50: 0.2, 100: 0.1, 300: 0.2}
    accuracy = (0.0, 0.1, 0.5, 0.6, 0.7)
    downstream = [
        "model,dataset,pretraining length,ImageNet accuracy,freeze encoder,pretraining scheme,"
        "seed,dice index,mean dice index"
    ]
    setups = itertools.product(dice, (True, False), ("simple", "advanced"), range(3))
    for dataset, frozen, scheme, seed in setups:
        for epoch, acc, value in zip(epochs, accuracy, dice[dataset], strict=True):
            cells = f",{value}" if dataset == "ACDC" else f"{value + seed / 100},"
            start = f"basic U-Net,{dataset},{epoch},{acc},{frozen},{scheme}"
            downstream.append(f"{start},{seed},{cells}")
    robustness = [
        "dataset,metric,margin,encoder,pretraining_scheme,pooled,level,pretraining_length,robustness"
    ]
    variants = ("cosine_distance,0.5,True,4", "cosine_distance,0.5,True,5", "l2_loss,0.0,False,5")
    schemes = ("simple_training", "advanced_training")
    for dataset, scheme, variant in itertools.product(dice, schemes, variants):
        metric, margin, pooled, level = variant.split(",")
        start = f"{dataset},{metric},{margin},u-net_encoder,{scheme},{pooled},{level}"
        robustness += [f"{start},{epoch},{value}" for epoch, value in scores.items()]
        robustness.append(f"{start},50,0.4")  # a duplicate
    for name, rows in (("downstream", downstream), ("robustness", robustness)):
        (folder / f"{name}_scores.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder
