"""Stop rules in a suite's tables, those of other packages among them."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Literal

import pytest
from pydantic import ValidationError

from greendapt.stats.rules import ExpectedGain, PatienceSettings
from greendapt.suite.recipes import Phase
from greendapt.suite.stop_rules import STOP_RULES, Decision, Look, StopRule


@dataclass(frozen=True)
class After:
    looks: int

    def decide(self, looks):
        return Decision(len(looks) >= self.looks, len(looks) - 1)


class AfterSettings(StopRule):
    rule: Literal["after"]
    looks: int = 2

    def for_phase(self, epochs, keep):
        assert (epochs, keep) == (9, "best")
        return After(self.looks)


@pytest.fixture(autouse=True)
def _after(monkeypatch):
    entry = EntryPoint("after", f"{__name__}:AfterSettings", "greendapt.stop_rules")
    monkeypatch.setitem(STOP_RULES.__dict__, "_plugins", {"after": entry})


def phase(**stop):
    return Phase(train="all", epochs=9, learning_rate=0.1, stop=stop)


def test_another_packages_rule_is_read_kept_and_written():
    given = phase(rule="after", looks=3, every=2)
    assert isinstance(given.stop, AfterSettings)
    table = given.model_dump(mode="json")["stop"]
    assert table == {"every": 2, "on": "val_loss", "images": 200, "rule": "after", "looks": 3}
    assert Phase.model_validate(given.model_dump()) == given
    rule = given.stop.for_phase(given.epochs, given.select)
    assert [rule.decide([Look(1)] * n).stop for n in (2, 3)] == [False, True]


def test_ours_are_read_with_their_settings():
    assert phase(rule="patience").stop == PatienceSettings(rule="patience")
    assert phase(rule="gain", window=3).stop.for_phase(9, "last") == ExpectedGain(0, 3, 9, "last")


@pytest.mark.parametrize(
    ("stop", "where", "why"),
    [
        ({"rule": "wait"}, ("stop",), "one of 'patience', 'gain', 'budget', 'after'"),
        ({}, ("stop",), "a table with a rule"),
        ({"rule": "after", "looks": "x"}, ("stop", "looks"), "valid integer"),
        ({"rule": "patience", "patience": 3}, ("stop", "patience"), "not permitted"),
    ],
)
def test_what_is_no_rule_is_refused_where_it_stands(stop, where, why):
    with pytest.raises(ValidationError) as error:
        phase(**stop)
    (problem,) = error.value.errors()
    assert problem["loc"] == where
    assert why in problem["msg"]
