"""Races replayed where everything was run: their answers, their bills, their money."""

import numpy as np
import pytest

from greendapt.stats.crossed import Sample
from greendapt.stats.race_replay import (
    Cell,
    Question,
    Recorded,
    cells,
    orders,
    replayed,
    shares,
)

MARGIN, SEEDS = 0.02, range(6)
LEVELS = {"none": 0.60, "partial": 0.78, "full": 0.90}
COSTS = {"none": 1.0, "partial": 40.0, "full": 100.0}


@pytest.fixture
def recorded():
    """``recorded(LEVELS, noise)``: every strategy shares the stage ``head`` of its seed."""

    def make(levels=LEVELS, noise=0.005, truths=None):
        draw = np.random.default_rng(1)
        return Recorded(
            Question("d", "net", "probe", "full"),
            MARGIN,
            {
                n: Sample(dict(enumerate(v + noise * draw.normal(size=6))))
                for n, v in levels.items()
            },
            COSTS,
            {
                Cell(name, None, seed): {f"head {seed}": 10.0, f"{name} {seed}": COSTS[name]}
                for name in levels
                for seed in SEEDS
            },
            truths=truths or {},
        )

    return make


def test_what_cells_share_is_spent_once(recorded):
    of = recorded()
    assert of.spent([Cell("none", None, 0), Cell("full", None, 0)]) == 10 + 1 + 100
    assert of.everything == 6 * (10 + 141)


def test_a_race_finds_the_best_for_less(recorded):
    of = recorded()
    (one, *_) = (replayed(of, order) for order in orders(SEEDS, 1))
    assert (one.take, one.is_sure, one.regret, one.short) == ("full", True, 0.0, 0.0)
    assert one.cost == pytest.approx(1 / 6)
    assert of.verdict.buy == "full"


def test_the_truth_is_what_more_patients_say(recorded):
    told = replayed(recorded(truths={"none": 0.6, "partial": 0.9, "full": 0.85}), SEEDS)
    assert told.take == "full"
    assert told.short == pytest.approx(0.05)
    assert told.regret == 0, "everything would have said the same"


@pytest.mark.parametrize("most", [0.001, 0.01, 0.1, 0.16, 0.5, 1.0])
def test_no_race_costs_more_than_it_may(recorded, most):
    one = replayed(recorded({"none": 0.8, "partial": 0.81, "full": 0.82}, 0.03), SEEDS, most)
    assert one.cost <= most
    assert (one.take == "") == (most < 11 / (6 * 151))


def test_orders_are_of_the_same_seeds_and_come_again():
    first, *others = orders(SEEDS, 5)
    assert first == [*SEEDS]
    assert all(sorted(one) == first for one in others)
    assert [first, *others] == [*orders(SEEDS, 5)]


def test_shares_of_many_races(recorded):
    of = recorded(noise=0.02)
    gone = [replayed(of, order) for order in orders(SEEDS, 20)]
    told = shares(gone, MARGIN)
    assert told.races == sum(told.takes.values()) == 20
    assert next(iter(told.takes)) == "full"
    assert 0 < told.cost[0] <= told.cost[1] < 1


def test_cells_come_seed_by_seed():
    assert cells(["a", "b"], [1, 0])[:2] == [Cell("a", None, 1), Cell("b", None, 1)]
