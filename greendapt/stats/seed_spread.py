"""How much scores spread over seeds: variances of a few values each, drawn towards one another or
towards what was seen elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import polygamma

Floats = NDArray[np.float64]
_LEAST_SPREAD = 1e-4


@dataclass(frozen=True)
class Prior:
    """How much scores spread over seeds, as seen elsewhere: ``sd`` half way between what a metric
    can be, less towards the ends, as a share's; so many degrees of ``freedom`` stand behind it."""

    sd: float
    freedom: float

    def variances(self, shares: Floats) -> Floats:
        """Of scores that reach so much of the range, (K,)."""
        return np.asarray(self.sd**2 * 4 * np.maximum(shares * (1 - shares), _LEAST_SPREAD))


def guided_variances(variances: Floats, freedom: Floats, common: Floats, prior: float) -> Floats:
    """Variances drawn towards those ``common`` elsewhere, which ours first correct together."""
    ours = (freedom * variances / common).sum()
    common = common * (prior + ours) / (prior + freedom.sum())
    return np.asarray((prior * common + freedom * variances) / (prior + freedom))


def moderated_variances(variances: Floats, freedom: Floats) -> tuple[Floats, float]:
    """Variances drawn towards their common value, and that value's degrees of freedom.

    Empirical Bayes of Smyth (2004, section 6.2): the prior's freedom is what the spread of the log
    variances leaves over chance; infinite where they spread no more than chance says.
    """
    known = (freedom > 0) & (variances > 0)
    if not known.any():
        return variances, 0.0
    d, s2 = freedom[known], variances[known]
    pooled = float((d * s2).sum() / d.sum())
    if known.sum() < 3:
        return np.full_like(variances, pooled), math.inf
    logs = np.log(s2) - polygamma(0, d / 2) + np.log(d / 2)
    excess = float(logs.var(ddof=1) - polygamma(1, d / 2).mean())
    if excess <= 0:
        return np.full_like(variances, pooled), math.inf
    prior = 2 * _inverse_trigamma(excess)
    centre = math.exp(float(logs.mean()) + float(polygamma(0, prior / 2)) - math.log(prior / 2))
    return (prior * centre + freedom * variances) / (prior + freedom), prior


def _inverse_trigamma(value: float) -> float:
    """By Newton's method on 1 / trigamma, which is nearly linear (Smyth 2004, appendix)."""
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-8 * x:
            break
    return x
