"""Laws of scale: error as a power of data or compute."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit


class PowerLaw(NamedTuple):
    """``error = factor * x ** exponent``; bounds of the exponent are None for two sizes."""

    factor: float
    exponent: float
    low: float | None
    high: float | None


def power_law(xs: Sequence[float], errors: Sequence[float], level: float = 0.95) -> PowerLaw | None:
    """Least squares on logarithms, with Student's t interval of the exponent.

    One point a seed and size. None for less than two sizes, or where a value is not positive: the
    logarithm of no error says nothing.
    """
    if len(set(xs)) < 2 or min(*xs, *errors) <= 0:
        return None
    x, y = np.log(np.asarray(xs, float)), np.log(np.asarray(errors, float))
    centred = x - x.mean()
    spread = float(centred @ centred)
    slope = float(centred @ y) / spread
    intercept = float(y.mean() - slope * x.mean())
    factor = float(np.exp(intercept))
    freedom = len(xs) - 2
    if freedom < 1 or len(set(xs)) < 3:
        return PowerLaw(factor, slope, None, None)
    residuals = y - intercept - slope * x
    error = float(np.sqrt(residuals @ residuals / freedom / spread))
    half = float(stdtrit(freedom, (1 + level) / 2)) * error
    return PowerLaw(factor, slope, slope - half, slope + half)
