"""Decoding image files to squares of 8 bits, with every failure reported instead of raised."""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from greendapt.core.remarks import Remark
from greendapt.data.imageset import NO_MASK, content_hash

_BIT_DEPTHS = (8, 10, 12, 14, 16)
_EIGHT_BIT_GREY = ("1", "L", "LA")
_CHUNK = 256
Item = TypeVar("Item")
Done = TypeVar("Done")


@dataclass(frozen=True)
class Decoded:
    """One image: [H, W] grey or [H, W, 3]; 16-bit ones as float32, with the file's maximum."""

    values: NDArray[np.uint8] | NDArray[np.float32]
    hash: int
    top: int | None

    @property
    def channels(self) -> int:
        return 3 if self.values.ndim == 3 else 1


@dataclass(frozen=True)
class Look:
    """What the images of one set share: channels, and which grey of 16-bit ones becomes white."""

    channels: int
    white: int

    @classmethod
    def of(cls, channels: int, top: int | None) -> Look:
        """Of a set with so many channels at most, whose 16-bit greys reach ``top`` at most.

        White is the last grey of the smallest of 8, 10, 12, 14, 16 bits that holds it.
        """
        return cls(channels, 2 ** next(n for n in _BIT_DEPTHS if (top or 0) < 2**n) - 1)

    def pixels(self, values: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.uint8]:
        """Decoded values [H, W] or [H, W, 3] as uint8 [1 or 3, H, W]."""
        scale = np.float32(255 / self.white)
        grey = (
            values
            if values.dtype == np.uint8
            else np.rint(values * scale).clip(0, 255).astype(np.uint8)
        )
        return np.asarray(grey.transpose(2, 0, 1) if grey.ndim == 3 else grey[None], dtype=np.uint8)


@dataclass(frozen=True)
class Batch:
    """uint8 [N, C, H, W], uint64 [N], and what could not be read (``position, reason``)."""

    pixels: NDArray[np.uint8]
    hashes: NDArray[np.uint64]
    bad: list[tuple[int, str]]
    notes: tuple[Remark, ...] = ()


def read_images(paths: Sequence[Path], size: int) -> Batch:
    """Decode and resize to ``size`` x ``size`` (bilinear, antialiased), all in memory.

    Images that cannot be read are black, and listed as bad.
    """
    done = list(in_threads(lambda path: decode(path.read_bytes(), size), paths))
    bad = [(i, item) for i, item in enumerate(done) if isinstance(item, str)]
    good = [item for item in done if isinstance(item, Decoded)]
    look = Look.of(
        max((item.channels for item in good), default=1),
        max((item.top for item in good if item.top is not None), default=None),
    )
    pixels = np.zeros((len(done), look.channels, size, size), dtype=np.uint8)
    hashes = np.zeros(len(done), dtype=np.uint64)
    for i, item in enumerate(done):
        if not isinstance(item, str):
            pixels[i], hashes[i] = look.pixels(item.values), item.hash
    return Batch(pixels, hashes, bad)


def read_masks(paths: Sequence[Path | None], size: int) -> tuple[NDArray[np.uint8], list[str]]:
    """Label maps uint8 [N, H, W] (nearest neighbour; 0/255 becomes 0/1) and what went wrong."""
    done = list(in_threads(lambda path: _decode_mask(path, size), paths))
    bad = [f"{paths[i]} ({item})" for i, item in enumerate(done) if isinstance(item, str)]
    masks = [item for item in done if not isinstance(item, str)]
    return (np.stack(masks) if masks else np.empty((0, size, size), np.uint8)), bad


def in_threads(work: Callable[[Item], Done], items: Iterable[Item]) -> Iterator[Done | str]:
    """``work`` on every item, in order, on the cores of this process; a failure is its reason.

    Decoders let go of Python's lock, so threads do. A few hundred results wait at most.
    """
    left = iter(items)
    with ThreadPoolExecutor(cores() + 1) as pool:  # one of them waits for the disk
        while chunk := list(islice(left, _CHUNK)):
            yield from pool.map(lambda item: _attempt(work, item), chunk)


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _attempt(work: Callable[[Item], Done], item: Item) -> Done | str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return work(item)
    except FileNotFoundError:
        return "no such file"
    except UnidentifiedImageError:
        return "not an image"
    except Exception as error:  # whatever a decoder raises, the image is bad
        return str(error) or type(error).__name__


def decode(data: bytes, size: int) -> Decoded:
    """An image file's bytes, resized. Raises whatever its decoder does."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        if image.mode.startswith("I"):
            return _deep(np.asarray(image), size)
        if image.mode == "F":
            raise ValueError("floating-point pixels; save it with 8 or 16 bits")
        whole = np.asarray(image.convert("L" if image.mode in _EIGHT_BIT_GREY else "RGB"))
    if whole.ndim == 3 and _is_grey(whole):
        whole = np.ascontiguousarray(whole[..., 0])
    small = Image.fromarray(whole).resize((size, size), Image.Resampling.BILINEAR)
    return Decoded(np.asarray(small, dtype=np.uint8), content_hash(whole), None)


def _deep(whole: NDArray[Any], size: int) -> Decoded:
    if whole.min() < 0 or whole.max() > 65535:
        raise ValueError("grey values beyond 16 bits")
    small = Image.fromarray(whole.astype(np.float32)).resize(
        (size, size), Image.Resampling.BILINEAR
    )
    hashed = content_hash(whole.astype(np.uint16))
    return Decoded(np.asarray(small, dtype=np.float32), hashed, int(whole.max()))


def _is_grey(rgb: NDArray[np.uint8]) -> bool:
    few = rgb[::16, ::16]
    return all(np.array_equal(part[..., 0], part[..., k]) for part in (few, rgb) for k in (1, 2))


def _decode_mask(path: Path | None, size: int) -> NDArray[np.uint8]:
    if path is None:
        return np.full((size, size), NO_MASK, dtype=np.uint8)
    with Image.open(path) as image:
        flat = image if image.mode in ("L", "P") else image.convert("L")
        values = np.asarray(flat.resize((size, size), Image.Resampling.NEAREST), dtype=np.uint8)
    return (values > 127).astype(np.uint8) if values.max() > 127 else values
