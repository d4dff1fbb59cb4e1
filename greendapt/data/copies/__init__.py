"""Copies of images: saved again, resized, brightened, inverted, mirrored, turned, cropped, marked.

Each image is compared with the few that look most like it, laid over one another
(`registration`). Radiographs of different people look alike, too: what counts is their detail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from greendapt.data.copies.appearance import Floats, Looks, mirrored
from greendapt.data.copies.registration import likeness
from greendapt.data.imageset import Ints
from greendapt.data.joined import components

__all__ = ["MOST_PAIRS", "Looks", "alike", "copied", "near_pairs", "too_many"]

MOST_PAIRS = 20_000**2
"""More comparisons than that are not made: 20,000 images with as many."""
_COPY = (0.88, 0.94)
_ALIKE = 0.97
_CANDIDATES = 3
_LEAST = 0.6
_QUERIES = 128
_PAIRS = 512
_ZOOMS = np.array([1, 1, 0.9, 0.9, 1 / 0.9, 1 / 0.9], dtype=np.float32)
_MIRRORS = np.array([1, -1, 1, -1, 1, -1], dtype=np.float32)


def too_many(one: int, other: int) -> bool:
    return one * other > MOST_PAIRS


def copied(one: Looks, other: Looks) -> NDArray[np.bool_]:
    """True [N of other] for its images that are copies of images of ``one``."""
    copies = np.zeros(len(other), dtype=bool)
    copies[near_pairs(one, other)[0]] = True
    return copies


def near_pairs(one: Looks, other: Looks) -> tuple[Ints, Ints]:
    """Pairs of copies: positions in ``other`` (ascending) and in ``one``.

    An image with many copies is paired with some of them. Where ``other`` is ``one``, with images
    before it.
    """
    tried = _Candidates.joined(list(_candidates(one, other)))
    likenesses = np.zeros(len(tried.at), dtype=np.float32)
    for start in range(0, len(tried.at), _PAIRS):
        rows = slice(start, start + _PAIRS)
        part = tried.part(rows)
        shown = other.pictures(part.at), one.pictures(part.near)
        likenesses[rows] = likeness(*shown, part.poses(), part.signs)
    copies = likenesses >= _enough(tried.at, likenesses)
    return tried.at[copies], tried.near[copies]


def _enough(at: Ints, likenesses: Floats) -> float:
    """From which likeness on two images of these sets are one: half way between 1 and how alike
    different ones are, by the least of each image's candidates."""
    if not len(at):
        return _COPY[0]
    least = np.minimum.reduceat(likenesses, np.flatnonzero(np.diff(at, prepend=-1)))
    return float(np.clip((1 + np.quantile(least, _ALIKE)) / 2, *_COPY))


def alike(hashes: NDArray[np.uint64], looks: Looks | None) -> Ints:
    """Numbers [N] that are the same for images of the same content and, by their ``looks``, for
    copies of one image."""
    _, same = np.unique(hashes, return_inverse=True)
    if looks is None:
        return np.asarray(same, dtype=np.int64)
    first = np.full(len(hashes), len(hashes), dtype=np.int64)
    np.minimum.at(first, same, np.arange(len(hashes)))
    left, right = near_pairs(looks, looks)
    every = np.arange(len(hashes))
    return components(
        len(hashes), np.concatenate([every, left]), np.concatenate([first[same], right])
    )


@dataclass(frozen=True)
class _Candidates:
    """Pairs to look at closely; ``ways``: how theirs is to be taken; ``signs``: -1 inverted."""

    at: Ints
    near: Ints
    ways: Ints
    signs: Floats

    @classmethod
    def joined(cls, parts: Sequence[_Candidates]) -> _Candidates:
        nothing = np.empty(0, dtype=np.int64)
        start = cls(nothing, nothing, nothing, np.empty(0, dtype=np.float32))
        columns = zip(*((p.at, p.near, p.ways, p.signs) for p in (start, *parts)), strict=True)
        return cls(*map(np.concatenate, columns))

    def part(self, rows: slice) -> _Candidates:
        return _Candidates(self.at[rows], self.near[rows], self.ways[rows], self.signs[rows])

    def poses(self) -> Floats:
        poses = np.zeros((len(self.at), 2, 3), dtype=np.float32)
        poses[:, 0, 0] = _ZOOMS[self.ways]
        poses[:, 1, 1] = _ZOOMS[self.ways] * _MIRRORS[self.ways]
        return poses


def _candidates(one: Looks, other: Looks) -> Iterator[_Candidates]:
    """The images of ``one`` that look most like each of ``other``: as they are, mirrored, or one
    of the two cropped; inverted or not."""
    if not len(one) or not len(other):
        return
    plain, zoomed = (
        np.concatenate([codes, mirrored(codes)]).T for codes in (one.codes, one.zoomed)
    )
    for start in range(0, len(other), _QUERIES):
        part = slice(start, start + _QUERIES)
        ours, zoomed_ours = other.codes[part], other.zoomed[part]
        products = [ours @ plain, ours @ zoomed, zoomed_ours @ plain]
        by_way = np.stack(products, axis=1).reshape(len(ours), 6, len(one))
        if other is one:
            later = np.arange(len(one)) >= start + np.arange(len(ours))[:, None]
            np.copyto(by_way, 0, where=later[:, None])
        yield _nearest(by_way, start)


def _nearest(by_way: Floats, start: int) -> _Candidates:
    """Of likenesses [Q, ways, N]."""
    best = np.abs(by_way).argmax(axis=1)
    value = np.take_along_axis(by_way, best[:, None], 1)[:, 0]
    few = min(_CANDIDATES, value.shape[1])
    near = np.argpartition(-np.abs(value), few - 1, axis=1)[:, :few]
    near.sort(axis=1)
    at = np.repeat(np.arange(len(value)), few)
    near = near.ravel()
    kept = np.abs(value[at, near]) >= _LEAST
    at, near = at[kept], near[kept]
    return _Candidates(start + at, near, best[at, near], np.sign(value[at, near]))
