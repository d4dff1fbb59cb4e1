"""Laws of scale: error that falls by a power of data or compute to what is never learned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

Floats = NDArray[np.float64]

_STEP = 0.01
_EXPONENTS = np.arange(-300, 301) * _STEP
"""Those looked at, as fine as they are printed; an interval is widened by a step on either side."""
_WIDEST = 1.0
"""An interval that holds both a root and a straight line tells neither."""
_SIZE_SD = 0.03
"""What the images of a size move its log error by, at least: few sizes look calm by luck."""


class PowerLaw(NamedTuple):
    """``error = offset + factor * x ** exponent``; ``low`` and ``high`` bound the exponent.

    A bound at the edge of the search is infinite.
    """

    offset: float
    factor: float
    exponent: float
    low: float
    high: float

    @property
    def told(self) -> bool:
        """Whether the interval is narrow enough to name a law; such a one never holds 0."""
        return self.high - self.low <= _WIDEST


class _Profile(NamedTuple):
    """The best fit by exponent, each (E,); ``misfit``: the sum of squared relative residuals."""

    offset: Floats
    factor: Floats
    misfit: Floats


def power_law(points: Iterable[tuple[float, float]], level: float = 0.95) -> PowerLaw | None:
    """The law through (x, error), one point a seed and size, with an interval over the sizes.

    All seeds of a size share its images, so that its mean error is one observation: the exponents
    are kept whose best fit, offset and factor not negative, is not worse than the best of all by
    more than an F test of one and sizes - 3 degrees of freedom allows (profile likelihood; Bates,
    Watts 1988, chapter 6). The residuals' variance is no less than the seeds and `_SIZE_SD` give.
    ``tests/benchmarks/laws_table.py`` says how often that is right.

    None for less than four sizes, which any such law fits, or where an x or a size's mean error
    is not positive.
    """
    sizes: dict[float, list[float]] = {}
    for x, error in points:
        sizes.setdefault(x, []).append(error)
    means = np.array([np.mean(errors) for errors in sizes.values()])
    if len(sizes) < 4 or min(sizes) <= 0 or means.min() <= 0:
        return None
    logs = np.log(np.array(list(sizes), dtype=np.float64))
    fits = _profile(logs - logs.mean(), means)
    best = int(fits.misfit.argmin())
    exponent = float(_EXPONENTS[best])
    freedom = len(sizes) - 3
    seen = stdtrit(freedom, (1 + level) / 2) ** 2 * fits.misfit[best] / freedom
    allowed = max(float(seen), _floor([np.array(one) for one in sizes.values()], level))
    kept = np.flatnonzero(fits.misfit <= fits.misfit[best] + allowed)
    return PowerLaw(
        float(fits.offset[best]),
        float(fits.factor[best] * np.exp(-exponent * logs.mean())),
        exponent,
        -np.inf if kept[0] == 0 else float(_EXPONENTS[kept[0]]) - _STEP,
        np.inf if kept[-1] == len(_EXPONENTS) - 1 else float(_EXPONENTS[kept[-1]]) + _STEP,
    )


def _profile(u: Floats, means: Floats) -> _Profile:
    """Least squares of ``means`` (K,) by offset + factor * exp(exponent * u), errors relative."""
    power = np.exp(_EXPONENTS[:, None] * u) / means
    constant = 1 / means
    pp, cc, pc = (power**2).sum(1), constant @ constant, power @ constant
    p, c = power.sum(1), constant.sum()
    determinant = pp * cc - pc**2
    apart = determinant > 1e-9 * pp * cc  # at exponent 0 the power is a constant, too
    safe = np.where(apart, determinant, 1.0)
    factor, offset = (p * cc - c * pc) / safe, (c * pp - p * pc) / safe
    inside = apart & (factor >= 0) & (offset >= 0)
    # outside, the best fit has one of the two alone
    alone = p**2 / pp >= c**2 / cc
    factor = np.where(inside, factor, np.where(alone, p / pp, 0.0))
    offset = np.where(inside, offset, np.where(alone, 0.0, c / cc))
    residuals = 1 - factor[:, None] * power - offset[:, None] * constant
    return _Profile(offset, factor, (residuals**2).sum(1))


def _floor(sizes: list[Floats], level: float) -> float:
    """The misfit that the seeds of the sizes and the least effect of their images explain."""
    tail = (1 + level) / 2
    least = float(ndtri(tail) * _SIZE_SD) ** 2
    freedom = sum(len(errors) - 1 for errors in sizes)
    if freedom == 0:
        return least
    squares = sum(float((((one - one.mean()) / one.mean()) ** 2).sum()) for one in sizes)
    of_mean = squares / freedom * float(np.mean([1 / len(errors) for errors in sizes]))
    return float(stdtrit(freedom, tail)) ** 2 * of_mean + least
