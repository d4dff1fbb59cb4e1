"""Joint draws of the means of several things measured on the same seeds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def mean_draws(values: ArrayLike, n: int = 2000, seed: int = 0) -> NDArray[np.float64]:
    """``n`` plausible means (n, K) of ``values`` (seeds, K), seeds paired across columns.

    A multivariate t with seeds - 1 degrees of freedom: what Student's interval says of one
    column, for all columns together with their covariance. Needs two seeds (ValueError).
    """
    sample = np.asarray(values, dtype=np.float64)
    seeds = len(sample)
    if seeds < 2:
        raise ValueError("draws of a mean need at least two seeds")
    mean = sample.mean(axis=0)
    generator = np.random.default_rng(seed)
    spread = generator.standard_normal((n, seeds)) @ (sample - mean) / np.sqrt(seeds - 1)
    chi2 = generator.chisquare(seeds - 1, size=(n, 1))
    draws: NDArray[np.float64] = mean + spread / np.sqrt(seeds) * np.sqrt((seeds - 1) / chi2)
    return draws
