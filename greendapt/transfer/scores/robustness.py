"""The label-free robustness score (Hidy, Bakos, Lukacs 2024, arXiv 2410.18677); lower is better.

Two photometric augmentations of an image should lie closer together in feature space than two
different images do, by a margin.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from greendapt.transfer.scores.base import Floats, Score, Undefined, finite

Distance = Literal["cosine", "pearson", "l2"]


def robustness(
    first: Any, second: Any, seed: int, *, distance: Distance = "cosine", margin: float = 0.5
) -> float:
    """Mean of max(0, d(A_i, B_i) - d(A_i, B_j) + margin), j another image than i.

    ``first`` and ``second``: features [N, ...] of views A and B, flattened where not pooled.
    The images are put on one random cycle (from ``seed``) and j follows i on it, so that j is
    never i, whatever N, and each image is a negative once. Undefined for fewer than two images.
    """
    a, b = _rows(first), _rows(second)
    if a.shape != b.shape:
        raise ValueError(f"the two views have shapes {a.shape} and {b.shape}")
    if len(a) < 2:
        raise Undefined("it compares images, and there is only one")
    between = DISTANCES[distance]
    gaps = between(a, b) - between(a, b[another(len(a), seed)])
    return float(np.maximum(0.0, gaps + margin).mean())


def another(count: int, seed: int) -> Any:
    """For each of ``count`` >= 2 images the index of another one; a permutation [N]."""
    order = np.random.default_rng(seed).permutation(count)
    follower = np.empty(count, dtype=np.int64)
    follower[order] = np.roll(order, -1)
    return follower


def cosine(a: Floats, b: Floats) -> Floats:
    """1 - cosine similarity of rows [N, D]; a row of zeros is similar to nothing (1)."""
    products = np.sum(a * b, axis=1)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    similar = np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0)
    distances: Floats = 1.0 - np.clip(similar, -1.0, 1.0)
    return distances


def pearson(a: Floats, b: Floats) -> Floats:
    """1 - Pearson correlation of rows [N, D]; a constant row correlates with nothing (1)."""
    return cosine(_centred(a), _centred(b))


def l2(a: Floats, b: Floats) -> Floats:
    """Mean squared difference of rows [N, D]."""
    means: Floats = np.square(a - b).mean(axis=1)
    return means


DISTANCES: dict[Distance, Callable[[Floats, Floats], Floats]] = {
    "cosine": cosine,
    "pearson": pearson,
    "l2": l2,
}


def _centred(rows: Floats) -> Floats:
    """Rows minus their means; exactly zero for a constant row, whatever rounding says."""
    constant = np.ptp(rows, axis=1, keepdims=True) == 0
    return np.where(constant, 0.0, rows - rows.mean(axis=1, keepdims=True))


def _rows(views: Any) -> Floats:
    array = finite(views, "features of the views")
    if array.ndim < 2:
        raise ValueError(f"features of a view must be [N, ...], not {array.shape}")
    return array.reshape(len(array), -1)


def _variant(text: str) -> Score:
    """``DISTANCE`` or ``DISTANCE:MARGIN``."""
    name, _, margin = text.partition(":")
    for distance in DISTANCES:
        with contextlib.suppress(ValueError):
            if distance == name:
                return _score(distance, float(margin or 0.5))
    names = ", ".join(DISTANCES)
    raise ValueError(f"write robustness:DISTANCE:MARGIN with DISTANCE one of {names}")


def _score(distance: Distance = "cosine", margin: float = 0.5) -> Score:
    def of(views: tuple[Any, Any], seed: int) -> float:
        return robustness(*views, seed, distance=distance, margin=margin)

    about = "label-free: stability under photometric jitter"
    return Score(("views",), "lower", about, of, _variant)


ROBUSTNESS = _score()
