"""H-score (Bao et al. 2019) with a shrunk covariance (Ibrahim, Ponomareva, Mazumder 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np

from greendapt.transfer.scores.base import Floats, Score, Undefined, classes, matrix


def hscore(features: Any, labels: Any) -> float:
    """(1 - a) tr(C_a^-1 C_between): between-class against total covariance of features [N, D].

    C_a = (1 - a) C + a tr(C) / D I with the shrinkage ``a`` of Ledoit and Wolf (2004), so that it
    is defined for more features than images. From 0 to K - 1 for K classes; higher is better.
    """
    f = matrix(features)
    y, count = classes(labels, len(f))
    centred = f - f.mean(axis=0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    n, d = f.shape
    variances = singular**2 / n
    mean_variance = float(variances.sum()) / d
    if mean_variance <= np.finfo(float).eps * float(np.square(f).mean()):
        raise Undefined("all features are constant")
    a = shrinkage(centred, variances)
    sizes = np.bincount(y, minlength=count)
    means = (y == np.arange(count)[:, None]).astype(np.float64) @ centred / sizes[:, None]
    between = (sizes[:, None] * (means @ axes.T) ** 2).sum(axis=0) / n
    shrunk = (1 - a) * variances + a * mean_variance
    kept = shrunk > np.finfo(float).eps * variances[0]
    return float((1 - a) * (between[kept] / shrunk[kept]).sum())


def shrinkage(centred: Floats, variances: Floats) -> float:
    """Ledoit and Wolf's intensity in [0, 1] for centred [N, D] whose covariance (divided by N)
    has the eigenvalues ``variances``, as many as are not zero."""
    n, d = centred.shape
    mean = variances.sum() / d
    total = np.square(variances).sum()
    distance = total - d * mean**2
    if distance <= np.finfo(float).eps * total:
        return 1.0
    fourth = np.square(np.square(centred).sum(axis=1)).sum() / n
    return float(min(distance, (fourth - total) / n) / distance)


HSCORE = Score(
    ("features", "labels"),
    "higher",
    "between-class over total covariance, shrunk",
    lambda f, y, _: hscore(f, y),
)
