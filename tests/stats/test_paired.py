"""Pairing by seed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.stats.paired import paired_ratio

by_seed = st.dictionaries(st.integers(0, 5), st.floats(0.01, 100), min_size=1)


def test_a_factor_common_to_all_seeds_is_certain_however_far_seeds_lie_apart():
    theirs = {0: 0.60, 1: 0.75, 2: 0.90}
    assert paired_ratio({s: 3 * v for s, v in theirs.items()}, theirs) == pytest.approx((3, 3, 3))


def test_only_common_seeds_count():
    assert paired_ratio({0: 1.0, 7: 3.0}, {0: 0.5, 1: 0.3}) == (5.0, None, None)
    assert paired_ratio({0: 1.0}, {1: 1.0}) is None


def test_a_ratio_to_nothing_says_nothing():
    assert paired_ratio({0: 1.0, 1: 2.0}, {0: 0.0, 1: 1.0}) is None


@given(by_seed, by_seed)
def test_exchanging_the_sides_turns_the_comparison_round(ours, theirs):
    forth, back = paired_ratio(ours, theirs), paired_ratio(theirs, ours)
    if forth is None or back is None:
        assert not ours.keys() & theirs.keys()
        return
    assert forth.mean * back.mean == pytest.approx(1)


def test_the_ratio_is_that_of_the_means_beside_it():
    ours, theirs = {0: 1.0, 1: 3.0}, {0: 2.0, 1: 2.0, 2: 5.0}
    ratio = paired_ratio(ours, theirs)
    assert ratio.mean == pytest.approx(2.0 / 3.0)
    assert ratio.low < ratio.mean < ratio.high
