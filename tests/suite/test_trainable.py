"""What a phase trains, read from text, and what another package may add."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pytest

from greendapt.core.errors import SuiteError
from greendapt.core.registry import PluginError
from greendapt.suite.trainable import TRAIN_SETS, TrainSet, Units, of_option, train_set, train_text

BACKBONE = Units("net", (0, 1, 1, 2))


@dataclass(frozen=True)
class First(TrainSet):
    count: int

    @classmethod
    def parse(cls, argument):
        return cls(int(argument))

    def units(self, backbone):
        return frozenset(range(min(self.count, len(backbone.stages))))


@pytest.fixture
def first(monkeypatch):
    group = "greendapt.train_sets"
    plugins = {"first": "First", "broken": "BACKBONE"}
    entries = {
        name: EntryPoint(name, f"{__name__}:{value}", group) for name, value in plugins.items()
    }
    monkeypatch.setitem(TRAIN_SETS.__dict__, "_plugins", entries)


@pytest.mark.parametrize(
    ("train", "units"),
    [
        ("head", set()), ("last:2", {2, 3}), ("all", {0, 1, 2, 3}), (("stem", "stage1"), {0, 1, 2}),
    ],
)  # fmt: skip
def test_units(train, units):
    assert train_set(train).units(BACKBONE) == units


@pytest.mark.parametrize(
    "train", ["first:2", "head:", "head:1", "last", "last:", "last:0", "all:x"]
)
def test_what_is_no_train_set(train):
    with pytest.raises(SuiteError, match=f"here: '{train}' is not 'head', 'last:N', 'all' or"):
        train_set(train, "here")


def test_an_option_and_a_title():
    assert [of_option(text) for text in ("last:1", "stem,stage1")] == ["last:1", ("stem", "stage1")]
    assert [train_text(train) for train in ("last:1", ("stem", "stage1"))] == [
        "last:1", "stem+stage1",
    ]  # fmt: skip


@pytest.mark.usefixtures("first")
def test_another_packages_is_read_by_its_name():
    ours = train_set("first:2")
    assert ours.units(BACKBONE) == {0, 1}
    assert not ours.freezes_stem
    assert ours.may_move_frozen(train_set("head"))
    assert ours.may_move_frozen(train_set("first:3"))
    assert not ours.may_move_frozen(train_set("first:2"))
    assert train_set("last:1").may_move_frozen(ours)
    with pytest.raises(SuiteError, match=r"'first:x' is not .*'first'.*: invalid literal"):
        train_set("first:x")


@pytest.mark.usefixtures("first")
def test_what_another_package_offers_must_be_a_train_set():
    with pytest.raises(PluginError, match="is no TrainSet"):
        train_set("broken")
