"""The front against its definition; hypervolume against counting; probabilities."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.stats.pareto import front_probability, hypervolume, pareto_front

points = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=12)


def beats(a, b):
    return a[0] <= b[0] and a[1] >= b[1] and a != b


@given(points)
def test_on_the_front_is_who_nobody_beats(cells):
    costs, values = zip(*cells, strict=True)
    expected = [not any(beats(other, cell) for other in cells) for cell in cells]
    assert pareto_front(costs, values).tolist() == expected


def test_ties_are_kept_and_nan_is_never_on_the_front():
    front = pareto_front([1, 1, np.nan, 2], [0.9, 0.9, 0.99, 0.8])
    assert front.tolist() == [True, True, False, False]


@given(points)
def test_hypervolume_counts_the_dominated_unit_squares(cells):
    costs, values = zip(*cells, strict=True)
    squares = {(x, y) for cost, value in cells for x in range(cost, 7) for y in range(value)}
    assert hypervolume(costs, values, 7, 0) == pytest.approx(len(squares))


def test_front_probability_is_the_share_of_draws():
    costs = [[1, 2, 3], [1, 2, 3]]
    values = [[0.5, 0.7, 0.6], [0.8, 0.7, 0.9]]
    assert front_probability(costs, values).tolist() == [1.0, 0.5, 0.5]
