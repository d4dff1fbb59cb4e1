"""Images as small pictures in which a change of brightness, contrast or file is gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

from greendapt.data.imageset import Ints

SIDE = 64
_CELLS = 16
_ZOOM = 0.9
_FLAT = 0.03  # spread of grey ranks below which there is nothing to see
_EVEN = 2
_CLIP = 2.5
_BATCH = 512
Floats = NDArray[np.float32]
Pictures = NDArray[np.uint8]


def areas(size: int, cells: int, part: float = 1.0) -> Floats:
    """[cells, size]: weights of the mean over equal stretches of the middle ``part`` of ``size``
    pixels."""
    margin = size * (1 - part) / 2
    edges = np.linspace(margin, size - margin, cells + 1)
    at = np.arange(size)
    cover = np.minimum(at + 1, edges[1:, None]) - np.maximum(at, edges[:-1, None])
    return np.asarray(np.maximum(cover, 0) * cells / (size * part), dtype=np.float32)


def pictures(pixels: NDArray[np.uint8]) -> Pictures:
    """Of images uint8 [N, C, H, W]: grey, [N, SIDE, SIDE]."""
    return np.asarray(np.rint(raster(pixels, SIDE)).clip(0, 255), dtype=np.uint8)


def raster(pixels: NDArray[np.uint8], side: int) -> Floats:
    """Of images uint8 [N, C, H, W]: mean greys of equal cells, [N, side, side]."""
    grey = pixels.mean(axis=1, dtype=np.float32)
    return np.asarray(areas(grey.shape[1], side) @ grey @ areas(grey.shape[2], side).T)


def ranked(seen: Pictures) -> Floats:
    """Each grey as its rank in its picture, 0 to 1: what no tone curve changes."""
    count, flat = len(seen), seen.reshape(len(seen), -1).astype(np.int64)
    own = flat + 256 * np.arange(count)[:, None]
    tally = np.bincount(own.ravel(), minlength=256 * count).reshape(count, 256)
    below = (np.cumsum(tally, axis=1) - tally / 2) / flat.shape[1]
    return np.take_along_axis(below, flat, 1).reshape(seen.shape).astype(np.float32)


def textured(seen: Pictures) -> Floats:
    """1 where there is anything to see, 0 in even areas (borders, marks, what is saturated) and
    beside them, where their edge is all that there is."""
    around = (1, 5, 5)
    span = maximum_filter(seen, around) - minimum_filter(seen, around)
    return np.asarray(minimum_filter(span > _EVEN, around), dtype=np.float32)


def halved(grey: Floats) -> Floats:
    """Means of 2 x 2."""
    count, side = grey.shape[:2]
    parts = grey.reshape(count, side // 2, 2, side // 2, 2)
    return np.asarray(parts.mean(axis=(2, 4)), dtype=np.float32)


def contrast(grey: Floats, fine: float, wide: float) -> Floats:
    """What is larger than ``fine`` and smaller than ``wide`` pixels, as strong everywhere."""
    detail = _blurred(grey, fine) - _blurred(grey, wide)
    spread = np.sqrt(_blurred(np.square(detail), wide))
    return np.asarray(np.clip(detail / (spread + _FLAT), -_CLIP, _CLIP), dtype=np.float32)


def _blurred(grey: Floats, sigma: float) -> Floats:
    return np.asarray(gaussian_filter(grey, (0, sigma, sigma), mode="nearest", truncate=3))


def mirrored(codes: Floats) -> Floats:
    """The codes of the mirrored images."""
    return codes.reshape(-1, _CELLS, _CELLS)[:, :, ::-1].reshape(codes.shape)


@dataclass(frozen=True)
class Looks:
    """How N images look: ``codes`` [N, 256] of unit length, ``zoomed`` those of their middle, and
    ``pictures`` of the images at some positions."""

    codes: Floats
    zoomed: Floats
    pictures: Callable[[Ints], Pictures]

    @classmethod
    def of(cls, count: int, gather: Callable[[Ints], NDArray[np.uint8]]) -> Looks:
        """Of so many images, ``gather`` giving some of them, uint8 [_, C, H, W].

        Only codes are kept; pictures are made again from the images.
        """
        parts = np.split(np.arange(count), range(_BATCH, count, _BATCH))
        return cls(
            *_joined(_codes(pictures(gather(part))) for part in parts),
            lambda at: pictures(gather(at)),
        )

    @classmethod
    def of_pixels(cls, pixels: NDArray[np.uint8]) -> Looks:
        """Of images uint8 [N, C, H, W]."""
        return cls.of_pictures(pictures(pixels))

    @classmethod
    def of_pictures(cls, seen: Pictures) -> Looks:
        parts = (seen[start : start + _BATCH] for start in range(0, len(seen), _BATCH))
        return cls(*_joined(map(_codes, parts)), lambda at: seen[at])

    @classmethod
    def together(cls, parts: Sequence[Looks]) -> Looks:
        """Of several sets, one after the other."""
        starts = np.cumsum([0, *(len(part) for part in parts)])

        def seen(at: Ints) -> Pictures:
            shown = np.empty((len(at), SIDE, SIDE), dtype=np.uint8)
            for start, part in zip(starts[:-1].tolist(), parts, strict=True):
                here = (at >= start) & (at < start + len(part))
                if here.any():
                    shown[here] = part.pictures(at[here] - start)
            return shown

        return cls(*_joined((part.codes, part.zoomed) for part in parts), seen)

    def at(self, index: Ints) -> Looks:
        return Looks(self.codes[index], self.zoomed[index], lambda at: self.pictures(index[at]))

    def __len__(self) -> int:
        return len(self.codes)


def _joined(parts: Iterable[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    nothing = np.empty((0, _CELLS * _CELLS), dtype=np.float32)
    codes, zoomed = zip((nothing, nothing), *parts, strict=True)
    return np.concatenate(codes), np.concatenate(zoomed)


def _codes(seen: Pictures) -> tuple[Floats, Floats]:
    grey = ranked(seen)
    zoom = areas(SIDE, SIDE, _ZOOM)
    return _code(grey), _code(np.asarray(zoom @ grey @ zoom.T, dtype=np.float32))


def _code(grey: Floats) -> Floats:
    rough = halved(contrast(halved(grey), 1.0, 4.0)).reshape(len(grey), -1)
    rough = rough - rough.mean(axis=1, keepdims=True)
    return np.asarray(rough / np.maximum(np.linalg.norm(rough, axis=1, keepdims=True), 1e-6))
