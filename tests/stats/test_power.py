"""Power laws: known ones are found, and what cannot be fitted is not."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.stats.power import power_law


@given(
    factor=st.floats(0.01, 10),
    exponent=st.floats(-2, 2),
    xs=st.lists(st.integers(1, 10**6), min_size=3, max_size=9, unique=True),
)
def test_a_law_without_noise_is_found(factor, exponent, xs):
    found = power_law(xs, [factor * x**exponent for x in xs])
    assert found.exponent == pytest.approx(exponent, abs=1e-6)
    assert math.log(found.factor) == pytest.approx(math.log(factor), abs=1e-5)
    assert found.low <= found.exponent <= found.high


def test_the_interval_holds_the_truth_as_often_as_it_says():
    draw = random.Random(0)
    sizes = [100, 200, 400, 800] * 3
    held = 0
    for _ in range(400):
        law = power_law(sizes, [0.5 * x**-0.3 * math.exp(draw.gauss(0, 0.05)) for x in sizes])
        held += law.low <= -0.3 <= law.high
    assert 0.92 <= held / 400 <= 0.98


def test_two_sizes_have_no_interval():
    found = power_law([10, 10, 20, 20], [0.4, 0.41, 0.2, 0.21])
    assert found.exponent == pytest.approx(-1, abs=0.1)
    assert found.low is found.high is None


@pytest.mark.parametrize(
    ("xs", "errors"), [([10, 10], [0.1, 0.2]), ([1, 2, 3], [0.1, 0.0, 0.2]), ([0, 1], [0.1, 0.2])]
)
def test_what_cannot_be_fitted(xs, errors):
    assert power_law(xs, errors) is None
