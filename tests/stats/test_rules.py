"""Stop rules on looks made by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.core.errors import SuiteError
from greendapt.stats.rules import Budget, ExpectedGain, Fixed, Patience, lengths, named
from greendapt.suite.stop_rules import Decision, Look


def looks(*scores, epochs=None):
    return [Look(e, s) for e, s in zip(epochs or range(1, len(scores) + 1), scores, strict=True)]


def run(rule, given):
    """(places looked at, place kept)."""
    for seen in range(1, len(given) + 1):
        decision = rule.decide(given[:seen])
        if decision.stop:
            return seen, decision.keep
    return len(given), decision.keep


def test_fixed_stops_at_its_epoch_and_needs_no_score():
    assert run(Fixed(3), looks(None, None, None, None)) == (3, 2)
    assert run(Fixed(3), looks(0.1, 0.2, epochs=[2, 5])) == (2, 1)
    assert run(Fixed(3, "best"), looks(0.3, 0.9, 0.1, 1.0)) == (3, 1)


@pytest.mark.parametrize(
    ("patience", "least", "expected"),
    [(1, 0.0, (3, 1)), (2, 0.0, (6, 3)), (3, 0.0, (6, 3)), (1, 0.2, (3, 1)), (2, 0.5, (3, 1))],
)
def test_patience_counts_looks_without_a_better_one(patience, least, expected):
    assert run(Patience(patience, least), looks(1.0, 1.4, 1.2, 1.5, 1.5, 1.1)) == expected


def test_patience_measures_from_the_best_and_not_from_the_last():
    assert run(Patience(2), looks(5, 1, 2, 3))[0] == 3
    slow = looks(*(0.01 * i for i in range(20)))
    assert run(Patience(2, 0.5), slow) == (3, 2)
    assert run(Patience(2, 0.0), slow) == (20, 19)


def test_looks_without_a_score_count_neither_way():
    assert run(Patience(1), looks(1.0, None, None, 2.0, None, 1.5)) == (6, 3)
    assert run(Patience(1), looks(None, None)) == (2, 1)


def test_the_first_of_equal_looks_is_kept():
    assert run(Patience(2), looks(1, 2, 2, 2))[1] == 1


def test_expected_gain_is_the_line_over_log_epoch():
    epochs = [1, 10, 100]
    rising = looks(0, 1, 2, epochs=epochs)  # 1 for each factor of 10: from 100 to 1000 one more
    for least, stops in ((0.99, False), (1.01, True)):
        rule = ExpectedGain(least, window=3, horizon=1000)
        assert rule.decide(rising) == Decision(stops, 2)
    assert not ExpectedGain(1.01, window=4, horizon=1000).decide(rising).stop
    assert ExpectedGain(-9, window=9, horizon=100).decide(rising).stop  # the end


def test_expected_gain_stops_a_decline_and_keeps_the_best():
    declining = looks(1, 5, 4, 3, 2, 1, epochs=[1, 5, 20, 50, 100, 150])
    assert run(ExpectedGain(0.0, window=3), declining) == (4, 1)


def test_expected_gain_sees_only_the_window():
    given = looks(9, 1, 2, 3, epochs=[1, 5, 20, 50])
    assert not ExpectedGain(0.1, window=3).decide(given).stop
    assert ExpectedGain(0.1, window=4).decide(given).stop


def test_a_budget_is_not_overrun():
    spent = [Look(e, None, energy_j=10.0 * e, wall_s=2.0 * e) for e in range(1, 9)]
    assert run(Budget(energy_j=45), spent) == (4, 3)
    assert run(Budget(energy_j=40), spent) == (4, 3)
    assert run(Budget(wall_s=6), spent) == (3, 2)
    assert run(Budget(energy_j=1e9, wall_s=6), spent) == (3, 2)
    with pytest.raises(ValueError, match="what was spent"):
        Budget(energy_j=1).decide(looks(1.0))


RULES = st.one_of(
    st.builds(Fixed, st.integers(1, 12), st.sampled_from(["best", "last"])),
    st.builds(Patience, st.integers(1, 4), st.floats(0, 1)),
    st.builds(ExpectedGain, st.floats(-1, 1), st.integers(2, 5), st.integers(1, 12)),
)
SCORES = st.lists(st.one_of(st.none(), st.floats(-5, 5)), min_size=1, max_size=12)


@given(RULES, SCORES)
def test_what_is_kept_was_looked_at(rule, scores):
    given = looks(*scores)
    seen, keep = run(rule, given)
    assert 0 <= keep < seen <= len(given)
    if getattr(rule, "keep", "best") == "best" and any(s is not None for s in scores[:seen]):
        assert given[keep].score == max(s for s in scores[:seen] if s is not None)


@given(SCORES, st.integers(1, 4))
def test_more_patience_never_stops_earlier(scores, patience):
    given = looks(*scores)
    assert run(Patience(patience), given)[0] <= run(Patience(patience + 1), given)[0]


def test_rules_by_name():
    assert named("fixed:50", 300).rules == {"fixed:50": Fixed(50)}
    assert named("best:300@robustness", 300).rules == {"best:300": Fixed(300, "best")}
    assert named("patience:2@a:b", 300).rules == {"patience:2:0": Patience(2)}
    assert named("patience:2@a:b", 300).score == "a:b"
    gain = named("gain:0.3@transfer:2", 90)
    assert gain.rules == {"gain:0.3:4": ExpectedGain(0.3, 4, 90)}
    assert len(named("gain@x", 90).rules) == 21
    assert list(named("fixed", 60).rules.values()) == [Fixed(10 * k) for k in range(1, 7)]


@pytest.mark.parametrize(
    "text",
    ["", "wait:3", "fixed:50@robustness", "patience:2", "patience:2@", "fixed:1:2", "fixed:x"],
)
def test_what_is_no_rule_is_refused(text):
    with pytest.raises(SuiteError, match="--rule"):
        named(text, 300)


@given(st.integers(1, 400))
def test_lengths_are_sixths(horizon):
    found = lengths(horizon)
    assert found[-1] == horizon
    assert sorted(set(found)) == list(found)
    assert len(found) <= 6
    assert math.isclose(found[0], horizon / 6, abs_tol=1)
