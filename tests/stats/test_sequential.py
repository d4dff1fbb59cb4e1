"""Pairs until it is clear: seldom wrong at the limit, never against what all pairs say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.stats.ratios import log_ratio
from greendapt.stats.sequential import ERROR, decide, looks

LIMIT = 0.05
logs_of_pairs = st.lists(st.floats(-2, 2), min_size=2, max_size=32)
limits = st.sampled_from([0.0, 0.02, 0.05, 0.1, 0.5])


def judged(logs, budget, limit=LIMIT):
    """The answer that ends a comparison, and how many pairs it took."""
    for pairs in looks(budget):
        answer, _ = decide(logs[:pairs], limit, budget=budget)
        if answer != "more":
            return answer, pairs
    raise AssertionError("no answer at the budget")


def shares(truth, budget, noise, runs=4000):
    generator = np.random.default_rng(5)
    logs = generator.normal(np.log(truth), noise, (runs, budget))
    answers = [judged(row, budget)[0] for row in logs]
    return {answer: answers.count(answer) / runs for answer in set(answers)}


@pytest.mark.parametrize(
    ("budget", "planned"), [(2, (2,)), (4, (4,)), (7, (4, 7)), (8, (4, 8)), (20, (4, 8, 16, 20))]
)
def test_looks_double_up_to_the_budget(budget, planned):
    assert looks(budget) == planned


@pytest.mark.parametrize("budget", [4, 8, 16])
@pytest.mark.parametrize("noise", [0.001, 0.03, 0.3])
def test_a_change_at_the_limit_is_seldom_called_on_either_side(budget, noise):
    found = shares(1 + LIMIT, budget, noise)
    margin = 3 * np.sqrt(ERROR / 4000)
    assert found.get("regression", 0) <= ERROR + margin
    assert found.get("pass", 0) <= ERROR + margin


def test_looking_often_is_what_the_levels_are_for():
    """The same looks with plain 96% intervals are wrong more often than ERROR allows."""
    generator = np.random.default_rng(5)
    logs = generator.normal(0, 1, (4000, 16))
    wrong = sum(any(log_ratio(row[:n], 1 - 2 * ERROR).low > 1 for n in looks(16)) for row in logs)
    assert wrong / 4000 > 1.5 * ERROR


def test_more_pairs_are_asked_for_only_where_few_do_not_tell():
    clear = [0.2 + 0.01 * (-1) ** n for n in range(16)]
    assert judged(clear, 16) == ("regression", 4)
    assert judged([-x for x in clear], 16) == ("pass", 4)
    close = [np.log(1 + LIMIT) + 0.05 * (-1) ** n for n in range(16)]
    assert judged(close, 16) == ("inconclusive", 16)


def test_between_looks_there_is_no_interval_to_believe():
    answer, change = decide([1.0] * 5, LIMIT, budget=8)
    assert answer == "more"
    assert change == (pytest.approx(np.e), None, None)


def test_counts_that_never_change_need_no_width():
    assert decide([0.0] * 4, 0.0, budget=8) == ("pass", (1.0, 1.0, 1.0))


@pytest.mark.parametrize(("pairs", "budget"), [(0, 8), (9, 8), (1, 1)])
def test_a_comparison_that_cannot_be_is_refused(pairs, budget):
    with pytest.raises(ValueError, match="pairs of"):
        decide([0.0] * pairs, LIMIT, budget=budget)


@given(st.lists(st.floats(1e-6, 5), min_size=2, max_size=32), limits, st.booleans())
def test_perfectly_separated_pairs_are_never_called_the_other_way(gaps, limit, above):
    """Outliers may make them inconclusive, but where every pair is above, it is never a pass."""
    logs = [np.log1p(limit) + (gap if above else -gap) for gap in gaps]
    assert judged(logs, len(logs), limit)[0] != ("pass" if above else "regression")


@given(st.lists(st.floats(-1, 1), min_size=8, max_size=8, unique=True), st.floats(0.01, 2))
def test_separated_samples_of_little_spread_are_told_apart(noise, gap):
    """Every run of the head dearer than every run of the base, by 20 times the runs' range."""
    spread = gap / 20
    base = [spread * x for x in noise]
    head = [gap + spread * x for x in reversed(noise)]
    logs = [h - b for h, b in zip(head, base, strict=True)]
    assert judged(logs, 8, limit=0.0)[0] == "regression"
    assert judged([-x for x in logs], 8, limit=0.0)[0] == "pass"


@given(logs_of_pairs, limits)
def test_an_answer_follows_its_interval_and_the_looks_hold_one_budget(logs, limit):
    budget = len(logs)
    for pairs in looks(budget):
        answer, change = decide(logs[:pairs], limit, budget=budget)
        assert change.low <= change.mean * (1 + 1e-12)
        assert (answer == "regression") == (change.low > 1 + limit)
        assert (answer == "pass") == (change.high <= 1 + limit)
        assert (answer == "inconclusive") == (
            pairs == budget and change.low <= 1 + limit < change.high
        )
