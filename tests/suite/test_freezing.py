"""Which units a freezing rule freezes, by how far they went in each epoch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from greendapt.suite.freezing import FREEZING, RelativeGradients, Scheduled, Settled
from greendapt.suite.recipes import Phase

STEADY = [(1.0, 2.0, 4.0, 8.0), (1.0, 2.0, 2.0, 2.0)]
"""The first two units move as before, the others by half and a quarter of it."""


def test_what_changes_least_is_frozen_from_the_image_on():
    assert Settled().front(STEADY[:1], 10) == 0
    assert Settled().front(STEADY, 10) == 2
    assert Settled(percentile=0).front([(1.0, 1.0), (1.0, 2.0)], 10) == 1
    late = [(1.0, 2.0, 4.0), (4.0, 2.0, 4.0)]  # the second settled, but not the first
    assert Settled().front(late, 10) == 0


def test_units_that_are_frozen_no_longer_count_and_stay_frozen():
    assert Settled().front([*STEADY, (0.0, 0.0, 2.0, 4.0)], 10) == 3
    assert Settled().front([*STEADY, (9.0, 9.0, 2.0, 4.0)], 10) == 3
    assert Settled().front([(1.0, 1.0)] * 9, 10) == 1, "the last unit trains to the end"


def test_a_schedule_freezes_by_the_share_of_the_epochs():
    rule = Scheduled(first=0.5, cubed=False)
    moves = [(1.0, 1.0, 1.0, 1.0)] * 8
    fronts = [rule.front(moves[:done], 8) for done in range(9)]
    assert fronts == [0, 0, 0, 0, 1, 2, 3, 3, 3]  # at 1/2, 5/8, 6/8 and 7/8
    assert Scheduled(first=0.5).front(moves[:1], 8) == 1  # 1/8 is the third power of 1/2


def test_each_unit_learns_by_its_relative_gradient_and_the_flattest_first_ones_freeze():
    seen = [(9.0, 9.0, 1.0, 1.0), (0.0, 1.0, 2.0, 4.0)]
    assert RelativeGradients().rates(seen) == [0.0, 0.25, 0.5, 1.0]  # of the last epoch
    assert RelativeGradients().front(seen, 8) == 0
    assert RelativeGradients(least=0.3).front(seen, 8) == 2
    assert RelativeGradients().rates([(0.0, 0.0)]) == [1.0, 1.0]
    assert Settled().rates(seen) == [1.0] * 4


moves = st.lists(st.tuples(*[st.floats(0, 10)] * 4), max_size=6)


RULES = [Settled(), Settled(percentile=100), Scheduled(first=0.1), RelativeGradients(least=0.5)]


@given(moves, st.sampled_from(RULES))
def test_what_is_frozen_stays_so(history, rule):
    fronts = [rule.front(history[:count], 6) for count in range(len(history) + 1)]
    assert fronts == sorted(fronts)
    assert all(0 <= front < 4 for front in fronts)


def test_a_suite_names_its_rule():
    phase = {"train": "all", "epochs": 4, "learning_rate": 0.1}
    assert Phase(**phase, freeze={"rule": "settled"}).freeze == Settled()
    assert "freeze" not in Phase(**phase).model_dump()
    assert Phase(**phase, freeze={"rule": "settled"}).in_parts
    assert not Phase(**phase, freeze={"rule": "scheduled"}).in_parts
    assert FREEZING.names() == ("settled", "scheduled", "rgn")
    with pytest.raises(ValidationError, match="one of 'settled', 'scheduled', 'rgn'"):
        Phase(**phase, freeze={"rule": "setled"})
