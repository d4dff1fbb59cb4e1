"""GBC: Gaussian Bhattacharyya coefficient between classes (Pandy et al., CVPR 2022)."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from greendapt.transfer.scores.base import Floats, Score, Undefined, classes, matrix

_FLOOR = 1e-6
"""Smallest variance of a class, of the mean variance of all features."""


def gbc(features: Any, labels: Any, *, components: int = 64, spherical: bool = False) -> float:
    """Minus the summed overlap of each pair of classes, each a Gaussian; 0 is no overlap.

    ``features`` [N, D] are first projected on ``components`` principal axes, as in the paper;
    ``spherical`` takes one variance a class instead of one for each axis.
    Undefined where a class has fewer than two images: it has no spread.
    """
    f = matrix(features)
    y, count = classes(labels, len(f), least=2)
    projected = _principal(f, components)
    spread = float(projected.var(axis=0).mean())
    if spread <= np.finfo(float).eps * float(np.square(f).mean()):
        raise Undefined("all features are constant")
    gaussians = [_gaussian(projected[y == k], _FLOOR * spread, spherical) for k in range(count)]
    return -sum(float(np.exp(-bhattacharyya(*a, *b))) for a, b in combinations(gaussians, 2))


def bhattacharyya(mean_a: Floats, var_a: Floats, mean_b: Floats, var_b: Floats) -> float:
    """Distance of two Gaussians with diagonal covariances; all [D]."""
    var = (var_a + var_b) / 2
    apart = float((np.square(mean_a - mean_b) / var).sum()) / 8
    shape = float((np.log(var) - (np.log(var_a) + np.log(var_b)) / 2).sum()) / 2
    return apart + shape


def _principal(features: Floats, components: int) -> Floats:
    left, singular, _ = np.linalg.svd(features - features.mean(axis=0), full_matrices=False)
    return np.asarray(left * singular)[:, :components]


def _gaussian(rows: Floats, floor: float, spherical: bool) -> tuple[Floats, Floats]:
    variances = rows.var(axis=0)
    if spherical:
        variances = np.full_like(variances, variances.mean())
    return rows.mean(axis=0), np.maximum(variances, floor)


GBC = Score(
    ("features", "labels"), "higher", "minus the overlap of classes", lambda f, y, _: gbc(f, y)
)
