"""Decoding image files to squares of 8 bits, with every failure reported instead of raised."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from greendapt.data.imageset import NO_MASK, content_hash

_BIT_DEPTHS = (8, 10, 12, 14, 16)
_EIGHT_BIT_GREY = ("1", "L", "LA")


@dataclass(frozen=True)
class Decoded:
    """One image: [H, W] grey or [H, W, 3]; 16-bit ones as float32, with the file's maximum."""

    values: NDArray[np.uint8] | NDArray[np.float32]
    hash: int
    top: int | None


@dataclass(frozen=True)
class Batch:
    """uint8 [N, C, H, W], uint64 [N], and what could not be read (``position, reason``)."""

    pixels: NDArray[np.uint8]
    hashes: NDArray[np.uint64]
    bad: list[tuple[int, str]]


def read_images(paths: Sequence[Path], size: int) -> Batch:
    """Decode and resize to ``size`` x ``size`` (bilinear, antialiased) on a few threads.

    16-bit grey is scaled from the smallest of 8, 10, 12, 14, 16 bits that holds the set's maximum.
    """
    done = _in_threads(_decode, paths, size)
    bad = [(i, item) for i, item in enumerate(done) if isinstance(item, str)]
    good = [item for item in done if isinstance(item, Decoded)]
    hashes = np.array([item.hash for item in good], dtype=np.uint64)
    return Batch(_stack(good, size), hashes, bad)


def read_masks(paths: Sequence[Path | None], size: int) -> tuple[NDArray[np.uint8], list[str]]:
    """Label maps uint8 [N, H, W] (nearest neighbour; 0/255 becomes 0/1) and what went wrong."""
    done = _in_threads(_decode_mask, paths, size)
    bad = [f"{paths[i]} ({item})" for i, item in enumerate(done) if isinstance(item, str)]
    masks = [item for item in done if not isinstance(item, str)]
    return (np.stack(masks) if masks else np.empty((0, size, size), np.uint8)), bad


def _in_threads(work: Any, paths: Sequence[Any], size: int) -> list[Any]:
    with ThreadPoolExecutor(min(8, (os.cpu_count() or 1) + 1)) as pool:
        return list(pool.map(lambda path: _said(work, path, size), paths))


def _said(work: Any, path: Path | None, size: int) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return work(path, size)
    except FileNotFoundError:
        return "no such file"
    except UnidentifiedImageError:
        return "not an image"
    except Exception as error:  # whatever a decoder raises, the image is bad
        return str(error) or type(error).__name__


def _decode(path: Path, size: int) -> Decoded:
    with Image.open(path) as image:
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


def _stack(images: Sequence[Decoded], size: int) -> NDArray[np.uint8]:
    channels = 3 if any(item.values.ndim == 3 for item in images) else 1
    deepest = max((item.top for item in images if item.top is not None), default=255)
    full = 2 ** next(bits for bits in _BIT_DEPTHS if deepest < 2**bits) - 1
    pixels = np.empty((len(images), channels, size, size), dtype=np.uint8)
    for out, item in zip(pixels, images, strict=True):
        if item.top is not None:
            out[:] = np.rint(item.values * np.float32(255 / full)).clip(0, 255)
        else:
            out[:] = item.values if item.values.ndim == 2 else item.values.transpose(2, 0, 1)
    return pixels


def _decode_mask(path: Path | None, size: int) -> NDArray[np.uint8]:
    if path is None:
        return np.full((size, size), NO_MASK, dtype=np.uint8)
    with Image.open(path) as image:
        flat = image if image.mode in ("L", "P") else image.convert("L")
        values = np.asarray(flat.resize((size, size), Image.Resampling.NEAREST), dtype=np.uint8)
    return (values > 127).astype(np.uint8) if values.max() > 127 else values
