"""Laying one picture over another, and how alike they then are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from greendapt.data.copies.appearance import Floats, Pictures, contrast, halved, ranked, textured

_ROUGH_STEPS, _FINE_STEPS = 6, 3
_WORTH_A_LOOK = 0.85
_BLOCKS = 4
_KEPT = 0.75
_LEAST_BLOCKS = 6
_INFORMATIVE = 0.1
_OUTLIER = 1.0
_SHOWN = 0.9
_THE_SAME = 0.997
Weighted = tuple[Floats, Floats]
"""Pictures [P, s, s], and 1 where they show anything."""


def likeness(ours: Pictures, theirs: Pictures, poses: Floats, signs: Floats) -> Floats:
    """[P], at most 1: how much of each of ``ours`` is in ``theirs``, in the best position near
    ``poses`` [P, 2, 3] (row and column, from -1 to 1, of theirs for those of ours); 0 where a rough
    look shows that it is not.

    ``signs``: -1 where theirs is to be inverted. Least squares of the six numbers of an affine map
    (Lucas, Kanade 1981; Baker, Matthews 2004), roughly, then finely; then the correlation of
    details, block by block, without the worst quarter: a mark or a border is in few blocks.
    """
    one, other = ranked(ours), ranked(theirs)
    flips = signs[:, None, None].astype(np.float32)
    same = _outright(one, other, poses, signs)
    small, small_other = halved(one), halved(other)
    poses = _aligned(
        contrast(small, 1.0, 4.0), contrast(small_other, 1.0, 4.0) * flips, poses, _ROUGH_STEPS
    )
    shown, shown_other = textured(ours), textured(theirs)
    rough = _correlation(
        (contrast(small, 0.5, 2.0), halved(shown)),
        (contrast(small_other, 0.5, 2.0) * flips, halved(shown_other)),
        poses,
    )
    alike = np.where(same, np.float32(1), np.float32(0))
    near = np.flatnonzero((rough >= _WORTH_A_LOOK) & ~same)
    if len(near):
        details = contrast(one[near], 0.5, 2.0)
        others = contrast(other[near], 0.5, 2.0) * flips[near]
        fitted = _aligned(details, others, poses[near], _FINE_STEPS)
        alike[near] = _correlation((details, shown[near]), (others, shown_other[near]), fitted)
    return alike


def _outright(one: Floats, other: Floats, poses: Floats, signs: Floats) -> NDArray[np.bool_]:
    """[P]: the same without any shift, even where no detail could tell."""
    turned = np.where(poses[:, 1, 1, None, None] < 0, other[:, :, ::-1], other)
    flat = [part.reshape(len(part), -1) for part in (one, turned)]
    ours, theirs = (part - part.mean(axis=1, keepdims=True) for part in flat)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    correlation = signs * (ours * theirs).sum(axis=1) / np.maximum(lengths, 1)
    return np.asarray(correlation >= _THE_SAME)


def _aligned(template: Floats, image: Floats, poses: Floats, steps: int) -> Floats:
    """``poses`` after some steps of the inverse compositional algorithm."""
    count, side, _ = template.shape
    grid, half = _grid(side), (side - 1) / 2
    down, right = np.gradient(template, axis=(1, 2))
    slopes = [part.reshape(count, 1, -1) * half * grid for part in (down, right)]
    jacobian = np.concatenate(slopes, axis=1).astype(np.float32)
    square = jacobian @ jacobian.transpose(0, 2, 1)
    solved = np.linalg.solve(square + np.float32(0.01 * side) * np.eye(6, dtype="f4"), jacobian)
    flat = template.reshape(count, -1)
    for _ in range(steps):
        values, inside = _sampled(image, poses)
        error = np.clip(values - flat, -_OUTLIER, _OUTLIER) * inside
        change = (solved @ error[..., None]).reshape(count, 2, 3)
        poses = (_whole(poses) @ np.linalg.inv(_whole(change + np.eye(2, 3, dtype="f4"))))[:, :2]
    return poses


def _whole(poses: Floats) -> Floats:
    """Affine maps as matrices [P, 3, 3]."""
    last = np.broadcast_to(np.array([0, 0, 1], dtype=np.float32), (len(poses), 1, 3))
    return np.concatenate([poses, last], axis=1)


def _grid(side: int) -> Floats:
    """[3, side²]: row and column from -1 to 1, and ones."""
    row, column = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    return np.stack([row.ravel(), column.ravel(), np.ones(side * side)]).astype(np.float32)


def _sampled(image: Floats, poses: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Values [P, side²] of the image at the poses (bilinear), and which lie inside it."""
    count, side, _ = image.shape
    half = (side - 1) / 2
    row, column = ((poses[:, k] @ _grid(side) + 1) * half for k in range(2))
    inside = (row >= 0) & (row <= side - 1) & (column >= 0) & (column <= side - 1)
    row, column = (np.clip(part, 0, side - 1.001) for part in (row, column))
    top, left = row.astype(np.int64), column.astype(np.int64)
    down, right = row - top, column - left
    flat, at = image.reshape(count, -1), top * side + left
    a, b, c, d = (np.take_along_axis(flat, at + step, 1) for step in (0, 1, side, side + 1))
    values = (a * (1 - right) + b * right) * (1 - down) + (c * (1 - right) + d * right) * down
    return np.asarray(values, dtype=np.float32), inside


def _correlation(template: Weighted, image: Weighted, poses: Floats) -> Floats:
    """[P]: mean over the best three quarters of the blocks that show anything; 0 with few."""
    values, inside = _sampled(image[0], poses)
    both = inside & (_sampled(image[1], poses)[0] > _SHOWN)
    both &= template[1].reshape(len(values), -1) > _SHOWN
    ours, theirs, weight = (_cut(part) for part in (template[0], values, both.astype("f4")))
    total = weight.sum(axis=-1, keepdims=True)
    ours = (ours - (ours * weight).sum(axis=-1, keepdims=True) / np.maximum(total, 1)) * weight
    theirs = (
        theirs - (theirs * weight).sum(axis=-1, keepdims=True) / np.maximum(total, 1)
    ) * weight
    energies = np.square(ours).sum(axis=-1), np.square(theirs).sum(axis=-1)
    shows = np.minimum(*energies) > _INFORMATIVE * ours.shape[-1]
    each = (ours * theirs).sum(axis=-1) / np.sqrt(np.maximum(energies[0] * energies[1], 1e-6))
    ordered = -np.sort(np.where(shows, -each, 2.0), axis=1)  # best first, empty blocks last
    informative = shows.sum(axis=1)
    kept = np.rint(informative * _KEPT).astype(int)
    use = np.arange(_BLOCKS**2) < kept[:, None]
    mean = np.where(use, ordered, 0).sum(axis=1) / np.maximum(kept, 1)
    return np.asarray(np.where(informative >= _LEAST_BLOCKS, mean, 0), dtype=np.float32)


def _cut(flat: Floats) -> Floats:
    """In blocks, [P, blocks, pixels]."""
    count, blocks = len(flat), _BLOCKS
    size = round(flat[0].size ** 0.5) // blocks
    parts = flat.reshape(count, blocks, size, blocks, size).transpose(0, 1, 3, 2, 4)
    return parts.reshape(count, blocks * blocks, size * size)
