"""The rule of the best buy, on error models made for it."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.stats.best_buy import best_buy, looks, needed
from greendapt.stats.crossed import Crossed


def model(means, error, seeds_share=1.0, cases=200):
    """Independent errors of that size, so much of their variance from seeds."""
    count = len(means)
    draws = np.random.default_rng(0).normal(0, error * np.sqrt(1 - seeds_share), (2000, count))
    return Crossed(
        tuple("abcdefgh"[:count]),
        np.asarray(means, float),
        draws,
        np.eye(count) * seeds_share * error**2,
        (20.0, 20.0),
        "seeds and patients",
        cases,
    )


def test_the_cheapest_within_the_margin_is_the_best_buy():
    choice = best_buy(model([0.70, 0.79, 0.80], 0.001), "abc", 0.02)
    assert choice.buy == "b"
    assert choice.regret["a"] > 0.99
    assert choice.racing == ("b", "c")
    assert best_buy(model([0.70, 0.79, 0.80], 0.001), "cba", 0.02).buy == "c"
    assert best_buy(model([0.70, 0.79, 0.80], 0.001), "abc", 0.2).buy == "a"


def test_what_errors_cover_is_undecided_between_the_likeliest_two():
    choice = best_buy(model([0.60, 0.80, 0.80], 0.05), "abc", 0.02)
    assert choice.buy is None
    assert choice.between == ("b", "c")


def test_what_would_decide_is_seeds_or_patients():
    by_seeds = needed(model([0.80, 0.80], 0.04), 0.02, seeds=3)
    assert by_seeds.of == "seeds"
    assert 3 < by_seeds.more < 40
    by_patients = needed(model([0.80, 0.80], 0.04, seeds_share=0.0), 0.02, seeds=3)
    assert by_patients.of == "patients"
    assert by_patients.more > 200
    assert needed(model([0.80, 0.80], 0.04, 0.0, cases=0), 0.02, seeds=1).of == "nothing"


def test_of_many_equal_ones_two_stay_in_the_race():
    choice = best_buy(model([0.8] * 8, 0.3), "abcdefgh", 1e-4)
    assert choice.buy is None
    assert set(choice.between) <= set(choice.racing)


@pytest.mark.parametrize("more", [4.0, 16.0])
def test_more_seeds_and_patients_shrink_their_own_error(more):
    one = model([0.8, 0.8], 0.04, seeds_share=0.5)
    width = np.subtract(*one.difference("a", "b")[:0:-1])
    both = one.with_more(seeds=more, patients=more)
    assert np.subtract(*both.difference("a", "b")[:0:-1]) == pytest.approx(
        width / np.sqrt(more), rel=0.1
    )


@given(st.integers(2, 50), st.integers(0, 100))
def test_looks_rise_from_the_first_to_the_last(first, more):
    planned = looks(first, first + more)
    assert planned[0] == first
    assert planned[-1] == first + more
    assert all(a < b for a, b in itertools.pairwise(planned))
    assert looks(3, 20) == (3, 5, 8, 13, 20)
