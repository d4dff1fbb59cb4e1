"""Packs: never stale, never half, never more memory for more images."""

import multiprocessing
import os
import signal
import sys
import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from greendapt.core.errors import DataError
from greendapt.data.dataset import load
from greendapt.data.pack import building
from greendapt.data.pack import marks as pack_module
from greendapt.data.pack.packs import Packs
from greendapt.data.sources import image_files as images_module
from greendapt.data.sources.image_files import read_images
from greendapt.meter import Meter
from greendapt.suite.datasets import FolderData

SIZE = 16


@pytest.fixture(scope="module")
def meter():
    opened = Meter(device="cpu")
    yield opened
    opened.close()


class Bench:
    """A folder of images and its packs; how often it was metered, and what was said."""

    def __init__(self, root, meter):
        self.root, self.meter, self.said, self.windows = root, meter, [], 0
        (root / "images").mkdir(exist_ok=True)
        self.packs = Packs(root / "packs", self.said.append, self.window)

    @contextmanager
    def window(self):
        self.windows += 1
        with self.meter.window() as window:
            yield window

    @property
    def paths(self):
        return sorted((self.root / "images").iterdir())

    def save(self, name, seed=0, shape=(20, 20), top=256, dtype=np.uint8):
        values = np.random.default_rng(seed).integers(0, top, shape).astype(dtype)
        Image.fromarray(values).save(self.root / "images" / name)

    def read(self, size=SIZE):
        """What the packs give, which must be what decoding gives."""
        batch, plain = (
            self.packs.images(self.root / "images", self.paths, size),
            read_images(self.paths, size),
        )
        assert np.array_equal(batch.pixels, plain.pixels)
        assert np.array_equal(batch.hashes, plain.hashes)
        assert batch.bad == plain.bad
        assert np.array_equal(batch.traits, plain.traits)
        assert batch.remarks()[:-1] == plain.remarks(), "but for that it was packed"
        return batch

    def made(self, size=SIZE):
        return self.packs.make(self.root / "images", self.paths, size)


@pytest.fixture
def bench(tmp_path, meter):
    made = Bench(tmp_path, meter)
    for i in range(6):
        made.save(f"{i}.png", i)
    return made


@pytest.fixture
def settled(monkeypatch):
    """As if every file were older than two seconds."""
    monkeypatch.setattr(pack_module, "_DOUBT_NS", -(10**10))


def test_packed_is_as_decoded_and_lies_on_the_disk(bench):
    batch = bench.read()
    assert isinstance(batch.pixels, np.memmap)
    assert "6 images were decoded and packed once" in str(batch.notes[0])
    assert bench.said == []


@pytest.mark.usefixtures("settled")
def test_what_has_not_changed_is_not_looked_at_twice(bench):
    for _ in range(3):
        bench.read()
    assert bench.windows == 1


def deeper(bench):
    bench.save("0.png", 7, top=5000, dtype=np.uint16)


def rewritten(bench):
    """Same length, same times of its content."""
    path = bench.paths[2]
    before, data = path.stat(), bytearray(path.read_bytes())
    other = bench.root / "other.png"
    Image.fromarray(np.full((20, 20), 9, np.uint8)).save(other)
    new = other.read_bytes()
    path.write_bytes(new + bytes(len(data) - len(new)))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


def turned_and_inverted(bench):
    exif = Image.Exif()
    exif[0x0112] = 6
    values = np.random.default_rng(3).integers(0, 4096, (20, 30), dtype=np.uint16)
    Image.fromarray(values).save(bench.root / "images" / "0.tif", tiffinfo={262: 0}, exif=exif)


def swapped(bench):
    a, b = bench.paths[:2]
    a.rename(bench.root / "a")
    b.rename(a)
    (bench.root / "a").rename(b)


CHANGES = {
    "rewritten": rewritten,
    "swapped": swapped,
    "added": lambda bench: bench.save("00.png", 9),
    "removed": lambda bench: bench.paths[3].unlink(),
    "in colour": lambda bench: bench.save("3.png", 3, (20, 20, 3)),
    "with 16 bits": deeper,
    "turned and inverted": turned_and_inverted,
    "cut off": lambda bench: bench.paths[1].write_bytes(bench.paths[1].read_bytes()[:90]),
    "no image": lambda bench: (bench.root / "images" / "x.png").write_text("text"),
}


@pytest.mark.parametrize("trusting", [False, True])
@pytest.mark.parametrize("change", CHANGES)
def test_a_stale_pack_is_never_met(bench, change, trusting, request):
    if trusting:
        request.getfixturevalue("settled")
    bench.read()
    CHANGES[change](bench)
    bench.read()
    bench.read()


def test_colour_and_depth_follow_what_is_there(bench):
    bench.save("rgb.png", 1, (20, 20, 3))
    bench.save("deep.png", 1, top=60_000, dtype=np.uint16)
    bench.save("shallow.png", 1, top=900, dtype=np.uint16)
    assert bench.read().pixels.shape[1] == 3
    for name in ("rgb.png", "deep.png", "shallow.png"):
        (bench.root / "images" / name).unlink()
        bench.read()
    assert bench.read().pixels.shape[1] == 1


def test_white_follows_what_is_there(bench):
    """One outlier changes none; ever more of them change the others, too."""
    for i in range(6):
        bench.save(f"{i}.png", i, top=4096, dtype=np.uint16)
    decoded = [6]
    before = bench.read().pixels.copy()
    bench.save("0.png", 0, top=65536, dtype=np.uint16)
    assert np.array_equal(bench.read().pixels[1:], before[1:])
    decoded.append(1)
    assert [build.decoded for build in bench.made().manifest.builds] == decoded
    for i in (1, 2):
        bench.save(f"{i}.png", i, top=16384, dtype=np.uint16)
        bench.read()
    assert bench.read().pixels[5].mean() < before[5].mean() / 3
    assert [build.decoded for build in bench.made().manifest.builds] == [6], "all anew"


def test_another_size_is_another_pack(bench):
    assert bench.read(8).pixels.shape != bench.read(12).pixels.shape
    bench.read(8)


def test_only_what_has_changed_is_decoded(bench):
    bench.read()
    bench.save("1.png", 99)
    bench.save("new.png", 98)
    bench.read()
    assert [build.decoded for build in bench.made().manifest.builds] == [6, 2]


def test_touched_and_copied_files_are_not_decoded(bench):
    bench.read()
    for path in bench.paths:
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
    inode = (bench.made().folder / "pixels.npy").stat().st_ino
    bench.read()
    assert [build.decoded for build in bench.made().manifest.builds] == [6]
    assert (bench.made().folder / "pixels.npy").stat().st_ino == inode


def test_a_mended_image_is_decoded_alone(bench):
    bench.paths[4].write_bytes(b"broken")
    assert bench.read().bad == [(4, "not an image")]
    bench.save("4.png", 4)
    assert bench.read().bad == []
    assert [build.decoded for build in bench.made().manifest.builds] == [5, 1]


def flip(path, what):
    """Another bit in the first of these bytes."""
    data = bytearray(path.read_bytes())
    data[data.index(what)] ^= 1
    path.write_bytes(data)


DAMAGES = {
    "pixel": lambda folder, made: flip(folder / "pixels.npy", made.pixels.tobytes()),
    "mark": lambda folder, made: flip(folder / "files.npz", made.marks.contents.tobytes()),
    "torn": lambda folder, _: os.truncate(folder / "pixels.npy", 200),
    "manifest": lambda folder, _: (folder / "manifest.json").write_text('{"version": 1}'),
    "gone": lambda folder, _: (folder / "files.npz").unlink(),
    "empty": lambda folder, _: (folder / "files.npz").write_bytes(b""),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_pack_is_made_again_with_a_warning(bench, damage):
    bench.read()
    made = bench.made()
    DAMAGES[damage](made.folder, made.pack)
    bench.read()
    assert len(bench.said) == 1
    assert "damaged" in bench.said[0]
    assert [build.decoded for build in bench.made().manifest.builds] == [6]


def test_without_room_images_are_decoded_plainly_and_nothing_stays(bench, small_files):
    small_files(1000)
    batch = bench.read()
    assert not isinstance(batch.pixels, np.memmap)
    (warning,) = bench.said
    assert "decoded for this run alone" in warning
    assert "File too large" in warning
    assert "GREENDAPT_CACHE" in warning
    assert [p.name for p in bench.packs.folder.iterdir() if p.suffix != ".lock"] == []


def test_more_than_the_disk_has_is_not_begun(bench):
    with pytest.raises(DataError, match=r"do not fit on the disk"):
        bench.packs.make(bench.root, [bench.paths[0]] * 6, 10**9)
    assert bench.windows == 0


def test_it_is_the_users_alone_and_names_nobody(bench):
    bench.save("mrs_smith.png")
    folder = bench.made().folder
    assert folder.parent.stat().st_mode & 0o077 == 0
    assert all(b"mrs_smith" not in path.read_bytes() for path in folder.iterdir())


def making(root, meter, barrier, done):
    bench = Bench(root, meter)
    barrier.wait()
    made = bench.made()
    done.put((int(made.pack.pixels.sum()), [b.decoded for b in made.manifest.builds], bench.said))


def test_two_processes_at_once_make_one_pack(bench, meter):
    fork = multiprocessing.get_context("fork")
    barrier, done = fork.Barrier(3), fork.Queue()
    processes = [
        fork.Process(target=making, args=(bench.root, meter, barrier, done)) for _ in range(3)
    ]
    for process in processes:
        process.start()
    told = [done.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(60)
    assert told == [(int(bench.read().pixels.sum()), [6], [])] * 3


def test_a_kill_at_any_moment_leaves_a_whole_pack_or_none(bench):
    """The nth time that a process touches a file of the cache is its last moment."""
    bench.read()
    bench.save("new.png")  # so that there is a pack before, and something to do
    deaths = 0
    for nth in range(1, 200):
        child = os.fork()
        if child == 0:
            die_at(nth, str(bench.packs.folder))
            bench.made()
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
        deaths += 1
    assert deaths > 10
    bench.read()
    assert bench.said == []
    assert not [p for p in bench.packs.folder.iterdir() if p.suffix == ".tmp"]


def die_at(nth, folder):
    left = nth

    def hook(_event, arguments):
        nonlocal left
        if any(isinstance(a, str | os.PathLike) and str(a).startswith(folder) for a in arguments):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


# --- what uses packs


def folder_set(root, packs, split=None):
    spec = FolderData(source="folder", path=root, split=split)
    return load(spec, name="set", image_size=SIZE, aliases={}, packs=packs)


def test_splits_of_a_folder_share_its_pack(folder, rows, bench):
    for i, row in enumerate(rows):
        row["split"] = ("train", "val", "test")[i % 3]
    root = folder(rows)
    train, test = (folder_set(root, bench.packs, split) for split in ("train", "test"))
    assert bench.windows == 2, "the second time the new files are doubted, not decoded"
    assert len(list(bench.packs.folder.glob("*/pixels.npy"))) == 1
    for part, split in ((train, "train"), (test, "test")):
        assert isinstance(part.pixels, np.memmap)
        assert part.digest == folder_set(root, None, split).digest
    assert not np.isin(train.hashes, test.hashes).any()


def test_white_is_that_of_the_folder_whichever_split_is_picked(folder, rows, bench):
    for i, row in enumerate(rows):
        row["split"] = "train" if i < 8 else "test"
    root = folder(rows)
    for i in range(12):
        top = 60_000 if i >= 8 else 16_000
        values = np.random.default_rng(i).integers(0, top, (20, 20), dtype=np.uint16)
        Image.fromarray(values).save(root / f"{i:02d}.png")
    whole = folder_set(root, None)
    for packs in (bench.packs, None):
        train = folder_set(root, packs, "train")
        assert np.array_equal(train.gather(), whole.gather(np.arange(8)))


def test_what_cannot_be_read_matters_where_it_is_picked(folder, rows, bench):
    for i, row in enumerate(rows):
        row["split"] = "train" if i < 8 else "test"
    root = folder(rows)
    (root / "11.png").write_text("text")
    assert len(folder_set(root, bench.packs, "train")) == 8
    for packs in (None, bench.packs):
        with pytest.raises(DataError, match=r"1 images cannot be read: 11.png \(not an image\)"):
            folder_set(root, packs)


def test_a_part_of_a_set_copies_nothing(folder, rows, bench):
    whole = folder_set(folder(rows), bench.packs)
    part = whole.subset(np.array([5, 3, 4])).subset(np.array([True, False, True]))
    assert part.pixels is whole.pixels
    assert np.array_equal(part.gather(), whole.pixels[[5, 4]])
    assert np.array_equal(np.concatenate([*part.batches(1)]), whole.pixels[[5, 4]])


def test_memory_does_not_grow_with_the_images(tmp_path, meter, monkeypatch):
    monkeypatch.setattr(images_module, "_CHUNK", 32)
    monkeypatch.setattr(building, "_ROWS", 32)

    def peak(count):
        root = tmp_path / str(count)
        root.mkdir()
        bench = Bench(root, meter)
        bench.save("0.png", 0, (64, 64))
        for i in range(1, count):
            os.link(bench.paths[0], root / "images" / f"{i}.png")
        paths = bench.paths
        tracemalloc.start()
        try:
            batch = bench.packs.images(root / "images", paths, 64)
            assert batch.pixels.nbytes == count * 64 * 64
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    small, large = peak(100), peak(400)
    assert (large - small) / 300 < 1024, "bytes an image; its pixels are 4096"
