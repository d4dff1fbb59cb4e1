"""Epochs, learning rate and batch size of every phase at once."""

import pytest

from greendapt.core.errors import SuiteError
from greendapt.suite.suite_files import find, load, setting

KEYS = {"epochs": 4, "learning_rate": 0.5, "batch_size": 7}


def phases(suite, strategy):
    return [(p.epochs, p.learning_rate, p.batch_size) for p in suite.phases(strategy)]


@pytest.fixture
def loaded(tiny):
    """A suite, and what was said while it was read."""

    def read(adaptation, *sets, profile="default", path=tiny):
        said = []
        changes = [setting(text) for text in sets]
        return load(path, profile, changes, said.append, adaptation), said

    return read


@pytest.mark.parametrize("profile", ["default", "long"])
def test_every_phase_takes_what_is_given_over_any_profile(loaded, profile):
    suite, said = loaded(KEYS, profile=profile)
    assert phases(suite, "full") == phases(suite, "partial") == [(4, 0.5, 7)] * 2
    assert said == []
    assert suite.transfer["probe"].epochs == 3
    assert suite.transfer["probe"].batch_size == 16


def test_it_is_what_set_would_do_phase_by_phase(loaded):
    suite, _ = loaded({"epochs": 4})
    assert suite == loaded({}, "phase.head.epochs=4", "phase.adapt.epochs=4")[0]
    assert suite.phase["head"].batch_size == 16


def test_nothing_given_changes_nothing(loaded):
    assert loaded({})[0] == loaded(None)[0]


def test_a_key_set_by_name_goes_before(loaded):
    suite, said = loaded(KEYS, "phase.adapt.epochs=9", "phase.adapt.batch_size=3")
    assert phases(suite, "full") == [(4, 0.5, 7), (9, 0.5, 3)]
    assert said == []


def test_what_a_strategy_says_itself_stays_and_is_named(loaded):
    suite, said = loaded({"epochs": 4, "learning_rate": 0.5}, path=find("chestxray"))
    assert [phase.epochs for phase in suite.phases("hybrid:last1")] == [4, 7, 4]
    assert said == [
        "note: --epochs leaves alone what strategies say themselves: "
        "hybrid:last1 (adapt: 7), hybrid:last2 (adapt: 7), "
        "freezing:last2 (adapt: 5), freezing:last2 (adapt: 10)"
    ]


def test_only_strategies_that_run_are_named_and_those_they_start_from(loaded):
    own = 'strategy.first.phases=["head", {use="adapt", batch_size=2}]'
    then = 'strategy.then={base="first", phases=["adapt"]}'
    suite, said = loaded({"batch_size": 7}, own, then)
    assert said == []
    suite, said = loaded({"batch_size": 7}, own, then, 'run.strategies=["none", "then"]')
    assert [phase.batch_size for phase in suite.phases("then")] == [7, 2, 7]
    assert said == [
        "note: --batch-size leaves alone what strategies say themselves: first (adapt: 2)"
    ]


@pytest.mark.parametrize(
    ("key", "value"), [("epochs", 0), ("learning_rate", -1.0), ("learning_rate", float("inf"))]
)
def test_what_no_phase_could_be_is_refused_by_its_key(loaded, key, value):
    with pytest.raises(SuiteError, match=rf"phase.head.{key}: "):
        loaded({key: value})
