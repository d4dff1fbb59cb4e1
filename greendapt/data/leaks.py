"""How much a column alone gives away, and small pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from greendapt.core.remarks import Remark, note, weak
from greendapt.data.copies.appearance import raster

_TELLING = 0.55


def thumbnails(pixels: NDArray[np.uint8], side: int = 16) -> NDArray[np.float32]:
    """[N, side²] mean rasters of images uint8 [N, C, H, W], each of zero mean and unit length."""
    flat = raster(pixels, min(side, *pixels.shape[2:])).reshape(len(pixels), -1)
    flat -= flat.mean(axis=1, keepdims=True)
    return np.asarray(flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6))


def auc(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float | None:
    """Area under the ROC curve, ties half; None when one side is empty."""
    n, m = int(positive.sum()), int((~positive).sum())
    if n == 0 or m == 0:
        return None
    return float((rankdata(score)[positive].sum() - n * (n + 1) / 2) / (n * m))


def gives_away(what: str, alone: float, where: str) -> Remark:
    """That ``what`` predicts the label with this AUC; of one that tells nothing a note."""
    text = f"{what} reaches AUC {alone:.2f} on {where}"
    told = weak if alone >= _TELLING else note
    return told(f"{text} (0.50 would say that it gives nothing away).")


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
