"""How well predicted label maps fit masks: Dice, Jaccard, 95% Hausdorff distance, MCC. No torch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt

from greendapt.stats.intervals import bootstrap_interval

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
    ``dice_low`` and ``dice_high``: 95% percentile interval over patients, when ``bootstrap``
    draws are asked for. A class that neither has in an image is left out there; a metric that
    cannot be had is None.
    """
    maps, true = np.asarray(predicted), np.asarray(masks)
    if maps.shape != true.shape or maps.ndim != 3:
        raise ValueError(f"label maps {maps.shape} do not fit masks {true.shape}")
    values = np.stack([_image(p, t, classes) for p, t in zip(maps, true, strict=True)])
    by_image = {name: _mean(values[:, :, i], axis=1) for i, name in enumerate(_METRICS)}
    result: dict[str, Any] = {name: _number(_mean(v, axis=0)) for name, v in by_image.items()}
    if bootstrap:
        defined = ~np.isnan(by_image["dice"])
        low_high = _interval(by_image["dice"][defined], np.asarray(patients)[defined], bootstrap)
        result["dice_low"], result["dice_high"] = low_high
    if classes > 2:
        per_class = _mean(values[:, :, 0], axis=0)
        result["dice_by_class"] = {str(k + 1): _number(v) for k, v in enumerate(per_class)}
    result["images"] = len(true)
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


def _interval(
    values: Floats, patients: NDArray[Any], draws: int
) -> tuple[float | None, float | None]:
    if len(values) == 0:
        return None, None
    return bootstrap_interval(
        lambda weights: weights @ values / weights.sum(axis=1), patients, draws
    )


def _number(value: Any) -> float | None:
    return float(value) if math.isfinite(value) else None
