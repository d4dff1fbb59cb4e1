"""The Pareto front of cost (less is better) and value (more is better)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def pareto_front(costs: ArrayLike, values: ArrayLike) -> NDArray[np.bool_]:
    """Which points (N,) no other point beats: as cheap and as good, and better in one of both.

    Equal points are on the front together. A point with a NaN is never on it.
    """
    cost = np.asarray(costs, dtype=np.float64)[None, :]
    value = np.asarray(values, dtype=np.float64)[None, :]
    front: NDArray[np.bool_] = _fronts(cost, value)[0]
    return front


def front_probability(costs: ArrayLike, values: ArrayLike) -> Floats:
    """How often each point is on the front, (N,), over joint draws (draws, N) of both."""
    share: Floats = _fronts(
        np.asarray(costs, dtype=np.float64), np.asarray(values, dtype=np.float64)
    ).mean(axis=0)
    return share


def hypervolume(
    costs: ArrayLike, values: ArrayLike, reference_cost: float, reference_value: float
) -> float:
    """Area dominated by the points, up to ``reference_cost`` and down to ``reference_value``."""
    cost = np.asarray(costs, dtype=np.float64)
    value = np.asarray(values, dtype=np.float64)
    useful = (cost < reference_cost) & (value > reference_value)
    order = np.lexsort((-value[useful], cost[useful]))
    cost, value = cost[useful][order], value[useful][order]
    best = np.maximum.accumulate(np.r_[reference_value, value])
    return float(((reference_cost - cost) * np.diff(best)).sum())


def _fronts(costs: Floats, values: Floats) -> NDArray[np.bool_]:
    """Front membership (draws, N) of each row of costs and values (draws, N)."""
    member = ~(np.isnan(costs) | np.isnan(values))
    mine_cost, mine_value = costs[:, :, None], values[:, :, None]
    their_cost, their_value = costs[:, None, :], values[:, None, :]
    beaten = (
        (their_cost <= mine_cost)
        & (their_value >= mine_value)
        & ((their_cost < mine_cost) | (their_value > mine_value))
    )
    return member & ~beaten.any(axis=2)
