"""Power laws: known ones are found, and what cannot be told is not."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.stats.power import power_law

DOUBLING = [250, 500, 1000, 2000, 4000, 8000]
SIZES = st.lists(st.integers(1, 10**6), min_size=4, max_size=9, unique=True)


@given(
    offset=st.floats(0, 0.3),
    factor=st.floats(0.01, 10),
    exponent=st.floats(-2, 2),
    xs=SIZES,
)
def test_the_interval_holds_a_law_without_noise(offset, factor, exponent, xs):
    found = power_law((x, offset + factor * x**exponent) for x in xs)
    assert found.low <= exponent <= found.high
    assert found.low <= found.exponent <= found.high
    assert found.offset >= 0
    assert found.factor >= 0


@given(
    errors=st.lists(st.floats(0.001, 1), min_size=4, max_size=9),
    noise=st.lists(st.floats(0.9, 1.1), min_size=9, max_size=9),
)
def test_a_law_that_is_told_has_a_sign(errors, noise):
    found = power_law((2**n, e * by) for n, e in enumerate(errors) for by in (1, noise[n]))
    assert not found.told or found.low >= -1e-9 or found.high <= 1e-9


@given(
    errors=st.lists(st.floats(0.01, 1), min_size=4, max_size=6),
    scale=st.floats(0.01, 100),
    unit=st.floats(0.001, 1e12),
)
def test_units_of_size_and_of_error_change_nothing(errors, scale, unit):
    one = power_law(zip(DOUBLING, errors, strict=False))
    other = power_law((x * unit, e * scale) for x, e in zip(DOUBLING, errors, strict=False))
    if one.high - one.low < 0.95:  # at the limit of what is told, rounding may decide
        assert tuple(other[2:]) == pytest.approx(tuple(one[2:]), abs=0.011)
        assert other.told


@pytest.mark.parametrize("offset", [0.0, 0.02, 0.10])
@pytest.mark.parametrize("exponent", [-1.0, -0.35, 0.5])
def test_offset_factor_and_exponent_are_found(offset, exponent):
    found = power_law((x, offset + 0.25 * (x / 1000) ** exponent) for x in DOUBLING)
    assert found.exponent == pytest.approx(exponent, abs=0.001)
    assert found.offset == pytest.approx(offset, abs=0.001)
    assert found.factor == pytest.approx(0.25 / 1000**exponent, rel=0.01)
    assert found.told


def test_more_seeds_of_the_same_sizes_are_not_more_sizes():
    draw = random.Random(1)
    shared = [0.25 * (x / 1000) ** -0.35 * math.exp(draw.gauss(0, 0.1)) for x in DOUBLING]
    few, many = (power_law(list(zip(DOUBLING, shared, strict=True)) * seeds) for seeds in (2, 50))
    assert (few.low, few.high) == (many.low, many.high)


def test_seeds_that_disagree_widen_the_interval():
    means = [(x, 0.05 + 0.25 * (x / 1000) ** -0.35) for x in DOUBLING]
    calm, wild = (
        power_law((x, mean * (1 + by)) for x, mean in means for by in (-sd, 0, sd))
        for sd in (0.01, 0.2)
    )
    assert wild.low < calm.low
    assert calm.high < wild.high


def test_an_error_that_stays_as_it_is_tells_no_law():
    found = power_law((x, 0.2) for x in DOUBLING)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert not found.told


@pytest.mark.parametrize(
    ("xs", "errors"),
    [
        ([10, 20, 40] * 3, [0.4, 0.3, 0.2] * 3),
        ([1, 2, 3, 4], [0.1, 0.0, 0.2, 0.2]),
        ([0, 1, 2, 3], [0.1, 0.2, 0.2, 0.2]),
        ([], []),
    ],
)
def test_what_cannot_be_fitted(xs, errors):
    assert power_law(zip(xs, errors, strict=True)) is None


def test_a_seed_without_an_error_is_fitted_with_the_others():
    points = [(x, e) for x in DOUBLING for e in (0.0, 0.1 * (x / 1000) ** -0.5)]
    assert power_law(points).exponent == pytest.approx(-0.5, abs=0.01)
