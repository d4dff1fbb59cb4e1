"""A race: who enters when, who goes on, and what it says of recorded scores."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.stats.best_buy import best_buy
from greendapt.stats.crossed import Sample, crossed
from greendapt.stats.racing import SPREAD, going_on, nothing_better, race, waves
from greendapt.stats.seed_spread import Prior

MARGIN = 0.02
costs = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3), st.floats(0, 1e18), min_size=1, max_size=8
)


@given(costs)
def test_everybody_enters_once_the_cheaper_waves_first(given_costs):
    found = waves(given_costs)
    assert sorted(name for wave in found for name in wave) == sorted(given_costs)
    for earlier, later in itertools.pairwise(found):
        assert max(map(given_costs.get, earlier)) <= min(map(given_costs.get, later))


def samples(levels, noise=0.0, seeds=12):
    draw = np.random.default_rng(3)
    return {
        name: Sample(dict(enumerate(level + noise * draw.standard_normal(seeds))))
        for name, level in levels.items()
    }


def one_seed(levels, spread=SPREAD):
    return crossed(samples(levels, seeds=1), prior=spread)


def test_one_seed_is_judged_by_how_seeds_spread_elsewhere():
    assert crossed(samples({"a": 0.7, "b": 0.8}, seeds=1)).basis == "none"
    low, high = one_seed({"a": 0.7, "b": 0.8}, Prior(0.01, 4)).difference("b", "a")[1:]
    assert 0.05 < low < 0.08 < 0.12 < high < 0.15
    wide = one_seed({"a": 0.7, "b": 0.8}, Prior(0.05, 4)).difference("b", "a")
    assert wide.low < 0 < wide.high


def test_seeds_correct_what_was_seen_elsewhere():
    apart = {"a": Sample({0: 0.5, 1: 0.7}), "b": Sample({0: 0.6, 1: 0.8})}
    guessed = one_seed({"a": 0.6, "b": 0.7}).seeds
    assert 2 * crossed(apart, prior=SPREAD).seeds[0, 0] > 4 * guessed[0, 0]
    many = samples({"a": 0.7, "b": 0.8}, 0.03)
    assert crossed(many, prior=SPREAD).seeds == pytest.approx(crossed(many).seeds)
    assert crossed(apart, prior=SPREAD).guided
    assert not crossed(many, prior=SPREAD).guided


def test_near_its_ends_a_score_spreads_less():
    assert nothing_better(one_seed({"a": 0.5, "b": 0.999}), MARGIN)
    assert not nothing_better(one_seed({"a": 0.5, "b": 0.97}), MARGIN)


def test_a_race_ends_where_the_best_buy_is_found_or_more_seeds_cannot_find_it():
    plain = one_seed({"a": 0.5, "b": 0.8, "c": 0.8})
    choice = best_buy(plain, plain.names, MARGIN)
    assert "a" not in going_on(plain, choice, MARGIN, 12)
    assert set(going_on(plain, choice, MARGIN, 12)) == {"b", "c"}
    assert going_on(plain, choice, MARGIN, 1) == (), "no seed is left"
    told = one_seed({"a": 0.5, "b": 0.7, "c": 0.9})
    assert going_on(told, best_buy(told, told.names, MARGIN), MARGIN, 12) == ()


def test_a_race_takes_fewer_cells_than_everything_for_the_same_answer():
    levels = {"none": 0.60, "partial": 0.70, "hybrid": 0.78, "full": 0.83}
    of = samples(levels, 0.01)
    raced = race(of, waves({"none": 1, "partial": 20, "hybrid": 60, "full": 100}), MARGIN)
    whole = crossed(of)
    assert raced.choice.buy == best_buy(whole, [*levels], MARGIN).buy == "full"
    assert sum(raced.seeds.values()) < 4 * 12 / 3
    assert raced.seeds["none"] == min(raced.seeds.values())


def test_nobody_enters_behind_a_score_that_nothing_can_beat():
    of = samples({"none": 0.998, "partial": 0.998, "full": 0.999})
    raced = race(of, [["none"], ["partial"], ["full"]], MARGIN)
    assert raced.seeds == {"none": 1}
    assert raced.choice.buy == "none"


def test_a_race_never_takes_more_seeds_than_there_are():
    raced = race(samples({"a": 0.80, "b": 0.81}, 0.02, seeds=5), [["a", "b"]], 0.005)
    assert max(raced.seeds.values()) <= 5
