"""Replay, regret and rank agreement on trajectories small enough to work out by hand."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.stats.rule_replay import (
    Replayed,
    agreement,
    leave_one_dataset_out,
    replay,
    spearman,
    totals,
    weighted_kendall,
)
from greendapt.stats.series import Series, mean, views
from greendapt.suite.stop_rules import Decision


@dataclass(frozen=True)
class After:
    """Stops after so many looks; keeps the best, or the last where nothing is scored."""

    looks: int

    def decide(self, looks):
        scored = [(look.score, i) for i, look in enumerate(looks) if look.score is not None]
        return Decision(len(looks) >= self.looks, max(scored)[1] if scored else len(looks) - 1)


def series(quality, dataset="d", name="s", **scores):
    quality = np.atleast_2d(np.array(quality, dtype=float))
    epochs = np.array([1, 5, 20, 50])[: quality.shape[1]]
    known = {key: np.array(value, dtype=float) for key, value in scores.items()}
    return Series(name, dataset, epochs, quality, known)


def test_regret_paid_and_kept():
    one = series([[1, 4, 2, 3]], good=[1, 3, 2, 9])
    assert replay(one, After(1)) == Replayed("s", "d", 3, 1, 1, 1, -2)
    assert replay(one, After(3), "good") == Replayed("s", "d", 0, 20, 5, 3, 1)
    assert replay(one, After(9), "good") == Replayed("s", "d", 1, 50, 50, 4, 0)


def test_regret_is_against_the_mean_over_seeds():
    one = series([[1, 4, 2, 3], [3, 0, 2, 3]])
    np.testing.assert_array_equal(mean(one.quality), [2, 2, 2, 3])
    assert replay(one, After(2)).regret == 1


def test_missing_runs_are_left_out_of_means():
    np.testing.assert_array_equal(mean(np.array([[1, np.nan, np.nan], [3, 5, np.nan]]))[:2], [2, 5])
    assert np.isnan(mean(np.array([[np.nan], [np.nan]])))[0]


def test_transfer_is_judged_by_other_seeds():
    one = series([[9, 0, 0, 0], [0, 0, 0, 4], [0, 0, 0, 4]])
    seen = list(views(one, "transfer:1"))
    assert len(seen) == 3
    np.testing.assert_array_equal(seen[0].seen, [9, 0, 0, 0])
    np.testing.assert_array_equal(seen[0].judged, [0, 0, 0, 4])
    np.testing.assert_array_equal(seen[1].judged, [4.5, 0, 0, 2])
    # the first seed keeps epoch 1: regret 4; the others keep epoch 50: 4.5 - 2 each
    assert replay(one, After(4), "transfer:1").regret == pytest.approx((4 + 2.5 + 2.5) / 3)
    (two, *_) = views(one, "transfer:2")
    np.testing.assert_array_equal(two.seen, [4.5, 0, 0, 2])
    assert two.transfers == 2


def test_a_seed_whose_absence_leaves_an_epoch_unjudged_is_not_looked_at():
    one = series([[1, 2], [np.nan, 2], [np.nan, 3]])
    seen = [view.seen for view in views(one, "transfer:1")]
    np.testing.assert_array_equal(seen, [[np.nan, 2], [np.nan, 3]])
    with pytest.raises(ValueError, match="leaves an epoch"):
        next(views(series([[1, np.nan], [np.nan, 2]]), "transfer:1"))


def test_looks_by_transfer_are_charged():
    one = series([[0, 0, 0, 1], [0, 0, 0, 1], [0, 0, 0, 1]], good=[0, 0, 0, 1])
    assert replay(one, After(3), "transfer:2", transfer_epochs=0.5).paid == 20 + 3 * 2 * 0.5
    assert replay(one, After(3), "good", transfer_epochs=0.5).paid == 20


@pytest.mark.parametrize("score", ["bad", "transfer:0", "transfer:x", "transfer:2", "transfers"])
def test_scores_that_are_not_there(score):
    with pytest.raises(ValueError, match=r"score|seeds"):
        replay(series([[1, 2], [1, 2]]), After(1), score)


def test_looks_carry_what_was_spent_and_leave_gaps_empty():
    seen = []

    class Spy:
        def decide(self, looks):
            seen.append(looks[-1])
            return Decision(False, 0)

    one = Series(
        "s", "d", np.array([1, 2]), np.ones((1, 2)), {"x": np.array([np.nan, 2.0])},
        energy_j=np.array([5.0, 9.0]),
    )  # fmt: skip
    replay(one, Spy(), "x")
    assert [(look.score, look.energy_j, look.wall_s) for look in seen] == [
        (None, 5.0, None),
        (2.0, 9.0, None),
    ]


def rows(regrets, paid, datasets, versus=0.0):
    return [
        Replayed("s", d, r, p, p, 1, versus)
        for r, p, d in zip(regrets, paid, datasets, strict=True)
    ]


def test_totals_count_wins_beyond_the_tie():
    given = [Replayed("s", "d", 1, 25, 25, 2, v) for v in (-0.3, -0.05, 0.05, 0.0, 0.2)]
    found = totals([series([1, 1, 1, 1])] * 5, given, tie=0.1)
    assert (found.wins, found.ties, found.losses) == (1, 3, 1)
    assert found.regret == (1, 1, 1)
    assert found.versus_full.mean == pytest.approx(-0.02)
    assert found.versus_full.low < -0.02 < found.versus_full.high
    assert (found.paid, found.paid_share, found.looks) == (25, 0.5, 2)


def test_equal_price_is_a_fixed_length_of_what_was_paid_in_the_mean():
    rising, falling = series([0, 0, 3, 9]), series([9, 9, 3, 0])
    kept = [replay(rising, After(4)), replay(falling, After(1))]  # 50 epochs, and 1
    found = totals([rising, falling], kept).versus_equal
    at = (25.5 - 20) / 30  # of the way from 20 to 50
    assert found.mean == pytest.approx(((9 - (3 + 6 * at)) + (9 - (3 - 3 * at))) / 2)
    assert found.low < found.mean < found.high
    fixed = [replay(one, After(3)) for one in (rising, falling)]
    assert totals([rising, falling], fixed).versus_equal == (0, 0, 0)
    dear = [Replayed("s", "d", 0, 99, 50, 4, 0.0)]  # looks cost more than full length
    assert totals([rising], dear).versus_equal.mean == 0


def test_the_interval_is_that_of_series_drawn_with_replacement():
    regrets = [0.0, 0.2, 0.9, 1.4, 0.1, 0.6] * 2
    found = totals([series([1, 1])] * 12, rows(regrets, [1] * 12, "abcdef" * 2)).regret
    rng = np.random.default_rng(1)
    draws = rng.choice(regrets, size=(20_000, 12)).mean(axis=1)
    assert found.low == pytest.approx(np.quantile(draws, 0.025), abs=0.03)
    assert found.high == pytest.approx(np.quantile(draws, 0.975), abs=0.03)


def test_few_series_have_the_interval_of_student():
    found = totals([series([1, 1])] * 3, rows([1.0, 2.0, 6.0], [1] * 3, "abc")).regret
    half = 4.302653 * np.std([1, 2, 6], ddof=1) / np.sqrt(3)  # t of two degrees of freedom
    assert found == pytest.approx((3, 3 - half, 3 + half))
    one = totals([series([1, 1])], rows([1.0], [1], "a")).regret
    assert one == (1, None, None)


def test_settings_come_from_the_other_datasets():
    datasets = "aabbcc"
    candidates = {
        "early": rows([0, 0, 5, 5, 5, 5], [10] * 6, datasets),  # best on a alone
        "late": rows([3, 3, 1, 1, 1, 1], [40] * 6, datasets),
        "longest": rows([0] * 6, [100] * 6, datasets),  # over budget
    }
    found, chosen = leave_one_dataset_out(candidates, budget=50)
    assert chosen == {"a": "late", "b": "late", "c": "late"}
    assert [one.regret for one in found] == [3, 3, 1, 1, 1, 1]
    assert leave_one_dataset_out(candidates, budget=1000)[1]["a"] == "longest"
    assert set(leave_one_dataset_out(candidates, budget=1)[1].values()) == {"early"}


def test_the_left_out_dataset_has_no_say():
    def candidates(own):
        return {
            "x": rows([own, 1, 1], [1] * 3, "abc"),
            "y": rows([0, 2, 2], [1] * 3, "abc"),
        }

    for own in (0.0, 100.0):
        assert leave_one_dataset_out(candidates(own), budget=9)[1]["a"] == "x"


def test_one_dataset_cannot_be_left_out():
    with pytest.raises(ValueError, match="at least two"):
        leave_one_dataset_out({"x": rows([1], [1], "a"), "y": rows([2], [1], "a")}, 9)


def test_rank_agreement_by_hand():
    a, b = np.array([1.0, 2, 3, 4]), np.array([10.0, 30, 20, 40])
    assert spearman(a, b) == pytest.approx(1 - 6 * 2 / (4 * 15))
    assert spearman(a, -a) == -1
    assert weighted_kendall(a, a) == pytest.approx(1)
    assert weighted_kendall(a, -a) == pytest.approx(-1)
    # the swap of two middling ones costs less than one of the two best
    assert weighted_kendall(a, np.array([1.0, 2, 4, 3])) < weighted_kendall(
        a, np.array([2.0, 1, 3, 4])
    )
    for of in (spearman, weighted_kendall):
        assert math.isnan(of(a, np.ones(4)))
        assert math.isnan(of(a[:1], a[:1]))


def test_weighted_kendall_against_its_definition():
    """Vigna's additive hyperbolic weights, averaged over the two rankings' orders."""
    rng = np.random.default_rng(3)
    x, y = rng.permutation(6).astype(float), rng.permutation(6).astype(float)

    def one_order(by):
        rank = np.empty(6)
        rank[np.argsort(-by)] = np.arange(6)
        up = down = 0.0
        for i in range(6):
            for j in range(i):
                weight = 1 / (rank[i] + 1) + 1 / (rank[j] + 1)
                up += weight * np.sign(x[i] - x[j]) * np.sign(y[i] - y[j])
                down += weight
        return up / down

    assert weighted_kendall(x, y) == pytest.approx((one_order(x) + one_order(y)) / 2)


def test_agreement_is_the_mean_over_series():
    every = [
        series([[1, 2, 3, 4]], x=[1, 2, 3, 4]),
        series([[1, 2, 3, 4]], x=[4, 3, 2, 1]),
        series([[1, 2, 3, 4]], x=[5, 5, 5, 5]),  # says nothing: left out
        series([[1, 2, 3, 4]], x=[1, np.nan, 3, 4]),
    ]
    found = agreement(every, "x", spearman)
    assert found.mean == pytest.approx(1 / 3)
    assert found.low <= found.mean <= found.high
    nothing = agreement(every[2:3], "x", spearman)
    assert math.isnan(nothing.mean)
    assert nothing.low is None


@given(st.lists(st.floats(0, 100), min_size=4, max_size=4), st.integers(1, 4))
def test_regret_is_never_negative_and_nothing_at_the_best(quality, looks):
    one = series([quality], perfect=quality)
    assert replay(one, After(looks)).regret >= 0
    assert replay(one, After(4), "perfect").regret == 0
