"""Near-duplicates by difference hash, and how much a column alone gives away."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

_BITS = 8
_CHUNK = 512


def difference_hash(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """[N, 64] of -1/+1: is each cell of an 8 x 9 mean raster darker than its right neighbour?"""
    grey = pixels.mean(axis=1, dtype=np.float32)
    small = _areas(grey.shape[1], _BITS) @ grey @ _areas(grey.shape[2], _BITS + 1).T
    bits = np.diff(small, axis=2).reshape(len(pixels), -1) > 0
    return np.where(bits, np.float32(1), np.float32(-1))


def thumbnails(pixels: NDArray[np.uint8], side: int = 16) -> NDArray[np.float32]:
    """[N, side²] mean rasters, each of zero mean and unit length."""
    grey = pixels.mean(axis=1, dtype=np.float32)
    side = min(side, *grey.shape[1:])
    small = _areas(grey.shape[1], side) @ grey @ _areas(grey.shape[2], side).T
    flat = small.reshape(len(pixels), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6))


@dataclass(frozen=True)
class Rasters:
    """Of N images: difference hashes [N, 64] and thumbnails [N, side²]."""

    hashes: NDArray[np.float32]
    small: NDArray[np.float32]

    @classmethod
    def of(cls, parts: Iterable[NDArray[np.uint8]]) -> Rasters:
        """Of images that come some at a time, uint8 [_, C, H, W]."""
        return cls.together([cls(difference_hash(part), thumbnails(part)) for part in parts])

    @classmethod
    def together(cls, parts: Sequence[Rasters]) -> Rasters:
        """Those of several sets, one after the other."""
        return cls(
            np.concatenate([part.hashes for part in parts]),
            np.concatenate([part.small for part in parts]),
        )

    def at(self, index: NDArray[np.int64]) -> Rasters:
        return Rasters(self.hashes[index], self.small[index])

    def __len__(self) -> int:
        return len(self.hashes)


def near_duplicates(one: Rasters, other: Rasters) -> int:
    """How many images of ``other`` have a near-duplicate in ``one`` (see `near_pairs`)."""
    return sum(len(np.unique(at)) for at, _ in near_pairs(one, other))


def near_pairs(
    one: Rasters, other: Rasters, distance: int = 3, likeness: float = 0.995
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of near-duplicates, some at a time: positions in ``other`` (ascending) and in ``one``.

    Near: Hamming distance of the hashes at most ``distance``, and thumbnails that correlate at
    least ``likeness`` (radiographs of different people share much of their hash).
    """
    for start in range(0, len(other), _CHUNK):
        part = slice(start, start + _CHUNK)
        at, near = np.nonzero(other.small[part] @ one.small.T >= likeness)
        agree = np.einsum("ij,ij->i", other.hashes[part][at], one.hashes[near])
        kept = (_BITS * _BITS - agree) / 2 <= distance
        yield start + at[kept], near[kept]


def _areas(size: int, cells: int) -> NDArray[np.float32]:
    """[cells, size]: weights of the mean over equal stretches of ``size`` pixels."""
    edges = np.linspace(0, size, cells + 1)
    at = np.arange(size)
    cover = np.minimum(at + 1, edges[1:, None]) - np.maximum(at, edges[:-1, None])
    return np.asarray(np.maximum(cover, 0) * cells / size, dtype=np.float32)


def auc(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float | None:
    """Area under the ROC curve, ties half; None when one side is empty."""
    n, m = int(positive.sum()), int((~positive).sum())
    if n == 0 or m == 0:
        return None
    return float((rankdata(score)[positive].sum() - n * (n + 1) / 2) / (n * m))


def column_auc(
    column: NDArray[np.str_],
    targets: NDArray[np.int64] | NDArray[np.float32],
    train: NDArray[np.bool_],
    test: NDArray[np.bool_],
    classes: int,
) -> float | None:
    """Macro one-versus-rest AUC on ``test`` of predicting by the column's value alone.

    The score of a value is the share of each class among its training images.
    """
    values, which = np.unique(column, return_inverse=True)
    hot = np.eye(classes)[targets.astype(np.int64)] if targets.ndim == 1 else targets
    areas = []
    for k in range(classes):
        there = ~np.isnan(hot[:, k])
        share = np.array([_share(hot[train & there & (which == v), k]) for v in range(len(values))])
        use = test & there
        area = auc(share[which[use]], hot[use, k] > 0.5)
        areas += [] if area is None else [area]
    return float(np.mean(areas)) if areas else None


def _share(labels: NDArray[np.floating]) -> float:
    return float(labels.mean()) if len(labels) else 0.0
