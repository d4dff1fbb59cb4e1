import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.data.leaks import auc, column_auc


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=30))
def test_auc_is_the_share_of_pairs_in_order(pairs):
    score = np.array([s for s, _ in pairs], dtype=float)
    positive = np.array([p for _, p in pairs])
    ours = auc(score, positive)
    above = [(a > b) + 0.5 * (a == b) for a in score[positive] for b in score[~positive]]
    assert ours is None if not above else ours == pytest.approx(np.mean(above))


def test_a_column_that_says_nothing_and_one_that_says_all():
    targets = np.arange(200) % 2
    train = np.arange(200) < 100
    useless = np.array(["x", "x", "y", "y"] * 50)
    assert column_auc(useless, targets, train, ~train, 2) == pytest.approx(0.5)
    telling = np.array(["x", "y"] * 100)
    assert column_auc(telling, targets, train, ~train, 2) == 1.0


def test_missing_findings_are_left_out():
    targets = np.array([[1], [0], [np.nan], [1], [0], [np.nan]], dtype=np.float32)
    column = np.array(["a", "b", "b", "a", "b", "a"])
    train = np.array([True, True, True, False, False, False])
    assert column_auc(column, targets, train, ~train, 1) == 1.0
