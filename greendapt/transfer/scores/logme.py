"""LogME: maximum log evidence of a linear model on the features (You et al., ICML 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from greendapt.transfer.scores.base import Floats, Score, Undefined, classes, matrix

_GRID = np.linspace(-25.0, 15.0, 81)
"""log of alpha / beta, relative to the largest squared singular value."""


def logme(features: Any, labels: Any) -> float:
    """Mean over classes (one against the rest) of the maximum log evidence per image.

    ``features`` [N, D], taken as they are (no intercept); ``labels`` int [N]. The evidence (eq. 2
    of the paper) is maximised over beta in closed form and over alpha / beta on a line, which
    finds the maximum that the paper's fixed-point iteration looks for.
    """
    f = matrix(features)
    y, count = classes(labels, len(f))
    left, singular, _ = np.linalg.svd(f, full_matrices=False)
    squares = singular**2
    if squares[0] == 0:
        raise Undefined("all features are zero")
    targets = (y[:, None] == np.arange(count)).astype(np.float64)
    projected = (left.T @ targets) ** 2
    rest = np.maximum(0.0, (targets**2).sum(axis=0) - projected.sum(axis=0))
    values = [_largest(squares, projected[:, k], float(rest[k]), len(f)) for k in range(count)]
    return float(np.mean(values)) / len(f)


def _largest(squares: Floats, projected: Floats, rest: float, n: int) -> float:
    """The evidence at its maximum over log(alpha / beta): a grid, then the best bracket."""

    def loss(log_ratio: float) -> float:
        return -_evidence(squares, projected, rest, n, log_ratio + np.log(squares[0]))

    at = int(np.argmin([loss(x) for x in _GRID]))
    low, high = _GRID[max(0, at - 1)], _GRID[min(len(_GRID) - 1, at + 1)]
    minimum = minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-9})
    return -min(float(minimum.fun), loss(_GRID[at]))


def _evidence(squares: Floats, projected: Floats, rest: float, n: int, log_ratio: float) -> float:
    """log N(y; 0, (I + F F^T / ratio) / beta) at the best beta, ratio = alpha / beta."""
    gain = squares / np.exp(log_ratio)
    variance = (rest + float((projected / (1 + gain)).sum())) / n
    return -0.5 * float(n * np.log(2 * np.pi * variance) + n + float(np.log1p(gain).sum()))


LOGME = Score(
    ("features", "labels"), "higher", "evidence of a linear model", lambda f, y, _: logme(f, y)
)
