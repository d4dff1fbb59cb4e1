"""How well predicted label maps fit masks: Dice, Jaccard, 95% Hausdorff distance, MCC. No torch."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt

from greendapt.stats.intervals import cluster_bootstrap

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

UNLABELLED = 255


def judge_masks(
    predicted: ArrayLike, masks: ArrayLike, patients: ArrayLike, classes: int, *, bootstrap: int = 0
) -> dict[str, Any]:
    """Metrics of label maps [N, H, W] against masks [N, H, W] with ``classes`` values, 0 being
    background and 255 unlabelled.

    Each metric is averaged over the foreground classes of an image, then over images:
    ``dice``, ``jaccard``, ``mcc`` (Matthews correlation of pixels), ``hausdorff95_px``.
    A class that neither has in an image is left out there; a metric that cannot be had is None.
    ``draws``, where ``bootstrap`` of them are asked for: each metric on patients drawn anew,
    (bootstrap,).
    """
    maps, true = np.asarray(predicted), np.asarray(masks)
    if maps.shape != true.shape or maps.ndim != 3:
        raise ValueError(f"label maps {maps.shape} do not fit masks {true.shape}")
    values = np.stack([_image(p, t, classes) for p, t in zip(maps, true, strict=True)])
    by_image = {name: _mean(values[:, :, i], axis=1) for i, name in enumerate(_METRICS)}
    result: dict[str, Any] = {name: _number(_mean(v, axis=0)) for name, v in by_image.items()}
    if classes > 2:
        per_class = _mean(values[:, :, 0], axis=0)
        result["dice_by_class"] = {str(k + 1): _number(v) for k, v in enumerate(per_class)}
    result["images"] = len(true)
    result["patients"] = len(set(np.asarray(patients).tolist()))
    if bootstrap and len(true):
        table = np.stack([*by_image.values()], axis=1)
        draws = cluster_bootstrap(partial(_weighted_means, table), patients, bootstrap)
        result["draws"] = dict(zip(by_image, draws.T, strict=True))
    return result


def overlap(a: Mask, b: Mask) -> tuple[float, float, float]:
    """Dice, Jaccard and MCC of two sets of pixels [P]; NaN when both are empty.

    MCC is 0 where one of them is empty or full (it is undefined there).
    """
    both, only_a, only_b = (int(np.sum(s)) for s in (a & b, a & ~b, b & ~a))
    neither = a.size - both - only_a - only_b
    if both + only_a + only_b == 0:
        return math.nan, math.nan, math.nan
    dice = 2 * both / (2 * both + only_a + only_b)
    jaccard = both / (both + only_a + only_b)
    margins = [both + only_a, both + only_b, neither + only_a, neither + only_b]
    product = math.prod(map(float, margins))
    if product == 0:
        return dice, jaccard, float(only_a + only_b == 0)
    return dice, jaccard, (both * neither - only_a * only_b) / math.sqrt(product)


def hausdorff95(a: Mask, b: Mask) -> float:
    """95% Hausdorff distance in pixels of two masks [H, W]: the larger of both directions' 95th
    percentile of distances between borders. NaN when both are empty; the image's diagonal, the
    worst there is, when one is."""
    if not a.any() and not b.any():
        return math.nan
    if not a.any() or not b.any():
        return math.hypot(*a.shape)
    border_a, border_b = border(a), border(b)
    to_b = distance_transform_edt(~border_b)[border_a]
    to_a = distance_transform_edt(~border_a)[border_b]
    return float(max(np.percentile(to_b, 95), np.percentile(to_a, 95)))


def border(mask: Mask) -> Mask:
    """Pixels of the mask with one of their four neighbours outside (the image's edge counts)."""
    edge: Mask = mask & ~binary_erosion(mask)
    return edge


_METRICS = ("dice", "jaccard", "mcc", "hausdorff95_px")


def _image(maps: NDArray[Any], true: NDArray[Any], classes: int) -> Floats:
    """[K - 1, 4]: each foreground class by each of _METRICS."""
    labelled = true != UNLABELLED
    rows = []
    for k in range(1, classes):
        a, b = (maps == k) & labelled, true == k
        rows.append((*overlap(a[labelled], b[labelled]), hausdorff95(a, b)))
    return np.array(rows)


def _mean(values: Floats, axis: int) -> Any:
    """The mean of what is known; NaN where nothing is."""
    defined = ~np.isnan(values)
    count = defined.sum(axis=axis)
    means = np.full(count.shape, np.nan)
    np.divide(np.where(defined, values, 0.0).sum(axis=axis), count, out=means, where=count > 0)
    return means


def _weighted_means(values: Floats, weights: Floats) -> Floats:
    """Of the columns of ``values`` (N, M), what is NaN left out, for weights (draws, N)."""
    defined = ~np.isnan(values)
    summed, counted = weights @ np.where(defined, values, 0.0), weights @ defined
    means: Floats = np.full(summed.shape, np.nan)
    np.divide(summed, counted, out=means, where=counted > 0)
    return means


def _number(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
