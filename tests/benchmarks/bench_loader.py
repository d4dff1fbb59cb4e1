"""One epoch of images from a pack against the usual loaders, and against copying the same bytes.

Every loader gives shuffled float batches in [0, 1]. GREENDAPT_REAL_DATA takes the real chest X-rays
there (``kermany_cxr``); else phantoms of 512 px are written as JPEG.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from greendapt.data.dataset import load
from greendapt.data.pack.packs import Packs
from greendapt.data.sources.image_files import cores, read_images
from greendapt.data.sources.read_folder import read_folder
from greendapt.meter import Meter
from greendapt.suite.datasets import FolderData
from greendapt.train import inputs
from greendapt.train.inputs import Examples

SIZE = 128
BATCH = 64
IMAGES = 600
CPU = torch.device("cpu")
WORKERS = {"num_workers": cores(), "persistent_workers": True}


@pytest.fixture(scope="module")
def xrays(phantom_files):
    real = os.environ.get("GREENDAPT_REAL_DATA")
    return Path(real) / "kermany_cxr" if real else phantom_files(images=IMAGES, size=512)


@pytest.fixture(scope="module")
def packs(tmp_path_factory):
    meter = Meter(device="cpu")
    yield Packs(tmp_path_factory.mktemp("packs"), print, meter.window)
    meter.close()


@pytest.fixture(scope="module")
def examples(xrays, packs):
    spec = FolderData(source="folder", path=xrays)
    made = load(spec, name="x", image_size=SIZE, aliases={}, packs=packs)
    return Examples(inputs.of(made), torch.from_numpy(made.targets))


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def epoch(examples, scaled=True):
    for index in torch.randperm(len(examples)).split(BATCH):
        images, _ = examples.at(index, CPU)
        if scaled:
            images.float().div_(255)


def listed(xrays):
    return read_folder(FolderData(source="folder", path=xrays)).rows


def every(loader):
    for _ in loader:
        pass


def test_against_imagefolder(interleaved, xrays, examples, tmp_path):
    from torch.utils.data import DataLoader
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    ways = transforms.Compose(
        [transforms.Grayscale(), transforms.Resize((SIZE, SIZE)), transforms.ToTensor()]
    )
    for i, row in enumerate(listed(xrays)):
        (tmp_path / row.value("label")).mkdir(exist_ok=True)
        (tmp_path / row.value("label") / f"{i}{row.path.suffix}").symlink_to(row.path)
    folder = ImageFolder(tmp_path, ways)
    theirs = DataLoader(folder, batch_size=BATCH, shuffle=True, **WORKERS)
    assert len(folder) == len(examples)
    ratio = interleaved(lambda: every(theirs), lambda: epoch(examples), rounds=5, speedup=True)
    assert ratio >= 20


def test_against_torchxrayvision(interleaved, xrays, examples, tmp_path):
    """Its NIH reader with its own crop and resize, on the same images listed as it wants them."""
    xrv = pytest.importorskip("torchxrayvision", reason="the xrv extra is not installed")
    from torch.utils.data import DataLoader
    from torchvision import transforms

    names = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
    lines = [f"{row.path},No Finding,0,{i},50,F,PA" for i, row in enumerate(listed(xrays))]
    (tmp_path / "nih.csv").write_text("\n".join([names + "View Position", *lines]))
    sizes = [xrv.datasets.XRayCenterCrop(), xrv.datasets.XRayResizer(SIZE)]
    folder = xrv.datasets.NIH_Dataset(
        imgpath="/",
        csvpath=str(tmp_path / "nih.csv"),
        unique_patients=False,
        transform=transforms.Compose(sizes),
    )
    assert len(folder) == len(examples)
    theirs = DataLoader(folder, batch_size=BATCH, shuffle=True, **WORKERS)
    interleaved(lambda: every(theirs), lambda: epoch(examples), rounds=3, speedup=True)


def test_against_a_copy_of_the_same_bytes(interleaved, examples):
    """Gathering shuffled batches from the disk's map; a copy takes them in order from memory."""
    memory = examples.inputs.clone()

    def copy():
        for part in memory.split(BATCH):
            part.clone()

    def ours():
        for _ in range(5):
            epoch(examples, scaled=False)

    ratio = interleaved(lambda: [copy() for _ in range(5)], ours, rounds=15)
    assert ratio <= 2


def test_packing_against_decoding_alone(interleaved, xrays, packs, tmp_path):
    """What it costs to keep the result: digests, files, and the look at every file afterwards."""
    paths = [row.path for row in listed(xrays)]
    made = iter(range(100))

    def ours():
        Packs(tmp_path / str(next(made)), print, packs.meter).make(xrays, paths, SIZE)

    interleaved(lambda: read_images(paths, SIZE), ours, rounds=5)


PEAK = """
import sys, time
from pathlib import Path
import numpy as np, torch
from greendapt.data.pack.packs import Packs
from greendapt.meter import Meter
from greendapt.train.inputs import take
root, images = Path(sys.argv[1]), int(sys.argv[2])
paths = [root / f"{i}.jpg" for i in range(images)]
meter = Meter(device="cpu")
made = Packs(root.parent / "packs", print, meter.window).make(root, paths, 128).pack
pixels = torch.from_numpy(made.pixels)
for index in torch.randperm(images).split(64):
    take(pixels, index).float()
meter.close()
said = dict(line.split(":") for line in open("/proc/self/status"))
print(int(said["RssAnon"].split()[0]) * 1024)
"""


def test_grow(benchmark, tmp_path):
    """Memory of a process that packs and reads 1x and 8x the images; ``ratio`` of the two.

    Mapped files are the kernel's to drop, and do not count.
    """
    root = tmp_path / "images"
    root.mkdir()
    values = np.random.default_rng(0).integers(0, 256, (128, 128), dtype=np.uint8)
    Image.fromarray(values).save(root / "0.jpg")
    for i in range(1, 16_000):
        os.link(root / "0.jpg", root / f"{i}.jpg")

    def memory(images):
        command = [sys.executable, "-c", PEAK, str(root), str(images)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return int(done.stdout.splitlines()[-1])

    def grow():
        return {images: memory(images) for images in (2_000, 16_000)}

    seen = benchmark.pedantic(grow, rounds=1, iterations=1)
    ratio = seen[16_000] / seen[2_000]
    benchmark.extra_info.update(ratio=ratio, anonymous_bytes_by_images=seen)
    print(benchmark.extra_info)
    assert ratio < 1.25
