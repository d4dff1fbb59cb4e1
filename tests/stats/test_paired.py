"""Pairing by seed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.stats.intervals import t_interval
from greendapt.stats.paired import paired_difference, paired_ratio

by_seed = st.dictionaries(st.integers(0, 5), st.floats(0.01, 100), min_size=1)


def test_a_shift_common_to_all_seeds_is_certain_however_far_seeds_lie_apart():
    theirs = {0: 0.60, 1: 0.75, 2: 0.90}
    ours = {seed: value + 0.02 for seed, value in theirs.items()}
    assert paired_difference(ours, theirs) == pytest.approx((0.02, 0.02, 0.02))
    assert paired_ratio({s: 3 * v for s, v in theirs.items()}, theirs) == pytest.approx((3, 3, 3))


def test_only_common_seeds_count():
    assert paired_difference({0: 1.0, 7: 99.0}, {0: 0.5, 1: 0.1}) == (0.5, None, None)
    assert paired_difference({0: 1.0}, {1: 1.0}) is None
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
    difference = paired_difference(ours, theirs)
    seeds = ours.keys() & theirs.keys()
    assert difference == pytest.approx(t_interval([ours[s] - theirs[s] for s in sorted(seeds)]))
