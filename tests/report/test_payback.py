"""After how many adaptations, and on which pool, a question has paid for itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.report.view.bill_text import adaptations, count
from greendapt.report.view.payback import adaptations_to_pay, pool_to_pay
from greendapt.stats.intervals import Interval

WORTH = st.floats(1e-3, 1e6)
SHARE = st.floats(1e-6, 0.97)


@given(WORTH, SHARE)
def test_so_many_savings_are_the_cost(worth, ratio):
    after = adaptations_to_pay(worth, Interval(ratio, None, None))
    assert after.mean * (1 - ratio) == pytest.approx(worth)
    assert (after.low, after.high) == (None, None)


@given(WORTH, st.tuples(SHARE, SHARE, st.floats(0, 3)).map(sorted))
def test_the_interval_is_that_of_the_saving(worth, ends):
    low, mean, high = ends
    after = adaptations_to_pay(worth, Interval(mean, low, high))
    if mean > 0.98:
        assert after is None
        return
    assert after.low <= after.mean
    assert (after.high is None) == (high >= 1)
    assert after.high is None or after.high >= after.mean


@pytest.mark.parametrize("ratio", [0.981, 1.0, 1.4])
def test_what_is_as_good_as_no_saving_never_pays(ratio):
    assert adaptations_to_pay(5.0, Interval(ratio, 0.5, 2.0)) is None


@given(st.floats(0.1, 1e4), st.floats(0.1, 10), st.floats(0, 5), st.floats(0, 5))
def test_on_the_larger_pool_one_adaptation_saves_what_the_question_cost(
    worth, dear, cheap, transfer
):
    """Costs of adaptation grow with the pool, those of transfer stay."""
    if dear - cheap < 0.01:
        assert dear > cheap or pool_to_pay(worth, dear - cheap, dear - cheap) is None
        return
    saving = dear + transfer - cheap
    ratio = pool_to_pay(worth, saving, dear - cheap)
    if ratio is None:  # the transfer alone saves more
        assert transfer >= worth
    else:
        assert ratio * (dear - cheap) + transfer == pytest.approx(worth)


@pytest.mark.parametrize(
    ("after", "text"),
    [
        (Interval(0.3, None, None), "1 adaptation"),
        (Interval(1.0, 0.9, 1.0), "1 adaptation"),
        (Interval(21.2, None, None), "22 adaptations"),
        (Interval(21.2, 21.1, 21.3), "22 adaptations"),
        (Interval(21.2, 19.5, 25.0), "22 [20, 25] adaptations"),
        (Interval(1.2, 0.8, 3.3), "2 [1, 4] adaptations"),
        (Interval(21.2, 19.5, None), "22 adaptations (20 at least; "),
        (Interval(12345.0, None, None), "12,400 adaptations"),
    ],
)
def test_adaptations_are_whole_and_rounded_up(after, text):
    assert adaptations(after).startswith(text)
    assert adaptations(after) == text or after.high is None


@pytest.mark.parametrize(("value", "text"), [(1.0, "1.0"), (9.96, "10"), (1234.0, "1,230")])
def test_what_a_question_is_worth(value, text):
    assert count(value) == text
