"""Keys: the same for the same content, other for any other content."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from greendapt.core.keys import key_of, seed_of
from greendapt.suite.recipes import Phase

CONTENT = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3),
        max_leaves=6,
    ),
    max_size=4,
)


@given(CONTENT)
def test_the_order_of_names_does_not_matter(content):
    assert key_of(x=dict(reversed(content.items()))) == key_of(x=content)


@given(CONTENT, CONTENT)
def test_other_content_has_another_key(one, other):
    assume(json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True))
    assert key_of(x=one) != key_of(x=other)


def test_arguments_may_come_in_any_order_and_their_names_count():
    assert key_of(a=1, b=2) == key_of(b=2, a=1)
    assert key_of(a=1, b=2) != key_of(a=2, b=1)
    assert key_of(a=1) != key_of(b=1)


@pytest.mark.parametrize(
    "change", [{"learning_rate": 2e-4}, {"epochs": 3}, {"train": "last:1"}, {"min_steps": 1}]
)
def test_every_setting_of_a_phase_counts(change):
    phase = Phase(train="all", epochs=2, learning_rate=1e-4)
    assert key_of(phase=phase) == key_of(phase=phase.model_copy())
    assert key_of(phase=phase) != key_of(phase=phase.model_copy(update=change))


def test_what_has_no_json_is_refused():
    with pytest.raises(TypeError, match="object has no place in a key"):
        key_of(x=object())


@given(st.text())
def test_seeds_fit_every_generator(key):
    assert 0 <= seed_of(key) < 2**31
    assert seed_of(key) == seed_of(key)
    assert seed_of(key) != seed_of(key + "'")


def test_keys_do_not_change_between_releases():
    """Stored runs are found again by these."""
    assert key_of(a=1, b=[1.5, None, "é"]) == "700fa8a95fa98e2f"
    assert seed_of("head 0") == 107822120
