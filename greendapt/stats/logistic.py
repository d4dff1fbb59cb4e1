"""Multinomial logistic regression, solved to the end."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def logistic(x: Floats, y: Ints, count: int, penalty: float) -> tuple[Floats, Floats]:
    """Weights [D, K] and unpenalised bias [K] of least penalised cross-entropy.

    ``x`` [N, D]; ``y`` [N] in 0 ... ``count`` - 1; ``penalty`` times half the squared weights is
    added to the summed cross-entropy.

    The weights lie in the span of the rows of ``x``, so with more features than images the
    problem is solved there, exactly.
    """
    rows, axes = x, None
    if x.shape[1] > x.shape[0]:
        left, singular, axes = np.linalg.svd(x, full_matrices=False)
        rows = left * singular
    wanted = (y[:, None] == np.arange(count)).astype(np.float64)

    def loss(flat: Floats) -> tuple[float, Floats]:
        theta = flat.reshape(-1, count)
        logs = log_softmax(rows @ theta[:-1] + theta[-1], axis=1)
        off = np.exp(logs) - wanted
        slope = np.vstack([rows.T @ off + penalty * theta[:-1], off.sum(axis=0)])
        value = -float((logs * wanted).sum()) + penalty / 2 * float(np.square(theta[:-1]).sum())
        return value, slope.ravel()

    start = np.zeros((rows.shape[1] + 1) * count)
    minimum = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 500})
    theta = minimum.x.reshape(-1, count)
    return theta[:-1] if axes is None else axes.T @ theta[:-1], theta[-1]
