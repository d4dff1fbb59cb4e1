"""Image files as squares of 8 bits, with every failure reported instead of raised."""

from __future__ import annotations

import stat
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from greendapt.core.machine import cores
from greendapt.core.remarks import Remark
from greendapt.data.imageset import Ints
from greendapt.data.sources.decoding import Decoded, decode
from greendapt.data.sources.traits import TRAITS, Traits, Way, has, remarks, whites

_CHUNK = 256
Item = TypeVar("Item")
Done = TypeVar("Done")


@dataclass(frozen=True)
class Look:
    """How N images of one set are shown: channels they share, the grey of each that is white."""

    channels: int
    whites: Ints
    inverted: NDArray[np.bool_]

    @classmethod
    def of(cls, traits: Traits) -> Look:
        """Of a set of files. What states its depth is inverted where it is decoded."""
        silent = has(traits, Way.DEEP) & ~has(traits, Way.STATED)
        channels = int(traits["channels"].max(initial=1))
        return cls(channels, whites(traits), silent & has(traits, Way.INVERTED))

    def pixels(
        self, row: int, values: NDArray[np.uint8] | NDArray[np.float32]
    ) -> NDArray[np.uint8]:
        """Decoded values [H, W] or [H, W, 3] of one image as uint8 [1 or 3, H, W]."""
        if values.dtype != np.uint8:
            scaled = np.rint(values * np.float32(255 / self.whites[row])).clip(0, 255)
            values = (255 - scaled if self.inverted[row] else scaled).astype(np.uint8)
        part = values.transpose(2, 0, 1) if values.ndim == 3 else values[None]
        return np.asarray(part, dtype=np.uint8)


@dataclass(frozen=True)
class Batch:
    """N images: uint8 [N, C, H, W], uint64 [N], `traits.TRAITS` [N], the white of each, and what
    could not be read (``position, reason``).
    """

    pixels: NDArray[np.uint8]
    hashes: NDArray[np.uint64]
    traits: Traits
    whites: Ints
    bad: list[tuple[int, str]]
    notes: tuple[Remark, ...] = ()

    def remarks(self, at: Ints | slice = slice(None)) -> tuple[Remark, ...]:
        """What a reader should know of how the images ``at`` these positions were read."""
        return (*remarks(self.traits[at], self.whites[at]), *self.notes)


def read_images(paths: Sequence[Path], size: int, picked: Ints | None = None) -> Batch:
    """Decode and resize to ``size`` x ``size`` (bilinear, antialiased), all in memory.

    Images that cannot be read are black, and listed as bad. ``picked``: which of a set are wanted;
    their white is that of the whole set.
    """
    rows = np.arange(len(paths)) if picked is None else picked
    done = list(in_threads(lambda i: decode(read_file(paths[i]), size), rows.tolist()))
    bad = [(i, item) for i, item in enumerate(done) if isinstance(item, str)]
    traits = _traits(done)
    look = Look.of(_with_others(traits, paths, rows, size))
    pixels = np.zeros((len(done), look.channels, size, size), dtype=np.uint8)
    hashes = np.zeros(len(done), dtype=np.uint64)
    for i, item in enumerate(done):
        if not isinstance(item, str):
            pixels[i], hashes[i] = look.pixels(i, item.values), item.hash
    return Batch(pixels, hashes, traits, look.whites[: len(done)], bad)


def _traits(done: Iterable[Decoded | str]) -> Traits:
    blank = (0,) * len(TRAITS.names or ())
    return np.array([blank if isinstance(one, str) else one.traits for one in done], TRAITS)


def _with_others(traits: Traits, paths: Sequence[Path], rows: Ints, size: int) -> Traits:
    """``traits`` of the ``rows``, then those of all others where they decide what is white."""
    if not (has(traits, Way.DEEP) & ~has(traits, Way.STATED)).any():
        return traits
    others = np.setdiff1d(np.arange(len(paths)), rows).tolist()
    more = _traits(in_threads(lambda i: decode(read_file(paths[i]), size), others))
    return np.concatenate([traits, more])


def open_file(path: Path) -> IO[bytes]:
    """For reading. Raises ValueError, before it is opened, where it is no file: a pipe would never
    end."""
    kind = path.stat().st_mode
    if not stat.S_ISREG(kind):
        raise ValueError("a folder, no file" if stat.S_ISDIR(kind) else "a device or pipe, no file")
    return path.open("rb")


def read_file(path: Path) -> bytes:
    """Its content; see `open_file`."""
    with open_file(path) as file:
        return file.read()


def in_threads(work: Callable[[Item], Done], items: Iterable[Item]) -> Iterator[Done | str]:
    """``work`` on every item, in order, on the cores of this process; a failure is its reason.

    Decoders let go of Python's lock, so threads do. A few hundred results wait at most.
    """
    left = iter(items)
    with ThreadPoolExecutor(cores() + 1) as pool, _without_warnings():  # one waits for the disk
        while chunk := list(islice(left, _CHUNK)):
            yield from pool.map(lambda item: _attempt(work, item), chunk)


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Of decoders, whose failures are told. Around all threads at once, for they share them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        for module in ("PIL", "pydicom"):
            warnings.filterwarnings("ignore", module=module)
        yield


def _attempt(work: Callable[[Item], Done], item: Item) -> Done | str:
    try:
        return work(item)
    except FileNotFoundError:
        return "no such file"
    except Exception as error:  # whatever a decoder raises, the image is bad
        return str(error) or type(error).__name__
