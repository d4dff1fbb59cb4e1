"""What a phase trains, read from text, and what another package may add."""

from dataclasses import dataclass
from importlib.metadata import EntryPoint

import pytest

from greendapt.core.errors import ModelError, SuiteError
from greendapt.core.registry import PluginError
from greendapt.suite.trainable import (
    TRAIN_SETS,
    Parameter,
    TrainSet,
    Units,
    of_option,
    train_set,
    train_text,
)

BACKBONE = Units("net", (0, 1, 1, 2))


@dataclass(frozen=True)
class Early(TrainSet):
    count: int

    @classmethod
    def parse(cls, argument):
        return cls(int(argument))

    def units(self, backbone):
        return frozenset(range(min(self.count, len(backbone.stages))))


@pytest.fixture
def early(monkeypatch):
    group = "greendapt.train_sets"
    plugins = {"early": "Early", "broken": "BACKBONE"}
    entries = {
        name: EntryPoint(name, f"{__name__}:{value}", group) for name, value in plugins.items()
    }
    monkeypatch.setitem(TRAIN_SETS.__dict__, "_plugins", entries)


@pytest.mark.parametrize(
    ("train", "units"),
    [
        ("head", set()), ("last:2", {2, 3}), ("all", {0, 1, 2, 3}), (("stem", "stage1"), {0, 1, 2}),
        ("first:1", {0}), ("bias", set()), (("last:1", "stem"), {0, 3}), (("norm", "last:1"), {3}),
    ],
)  # fmt: skip
def test_units(train, units):
    assert train_set(train).units(BACKBONE) == units


@pytest.mark.parametrize(
    "train",
    ["first", "first:0", "names", "bias:1", "head:", "head:1", "last", "last:", "last:0", "all:x"],
)
def test_what_is_no_train_set(train):
    with pytest.raises(SuiteError, match=f"here: '{train}' is not 'head', 'last:N', 'first"):
        train_set(train, "here")


@pytest.mark.parametrize(
    ("train", "name", "of_norm", "trains"),
    [
        ("bias", "blocks.0.norm1.bias", True, True), ("bias", "blocks.0.attn.q_bias", False, True),
        ("bias", "blocks.0.attn.qkv.weight", False, False), ("norm", "bn1.weight", True, True),
        ("norm", "conv1.weight", False, False), (("norm", "last:1"), "bn1.bias", True, True),
        ("names:attn.proj", "blocks.3.attn.proj.weight", False, True),
        ("names:attn.proj", "blocks.3.attn.proj_drop.weight", False, False),
        ("names:*.fc?.weight", "blocks.3.mlp.fc1.weight", False, True),
        ("last:1", "bn1.weight", True, False), ("all", "bn1.weight", True, False),
    ],
)  # fmt: skip
def test_parameters_beside_whole_units(train, name, of_norm, trains):
    assert train_set(train).also(Parameter(name, of_norm)) == trains


@pytest.mark.parametrize(
    ("train", "stays", "moved"),
    [
        ("head", True, False), (("head", "last:1"), True, True), (("last:1", "stage2"), True, True),
        ("first:1", False, True), ("bias", False, True), (("last:1", "norm"), False, True),
    ],
)  # fmt: skip
def test_what_a_stored_prefix_may_rest_on(train, stays, moved):
    """Whether the stem stays as it is, and whether it may have moved what ``head`` freezes."""
    assert train_set(train).freezes_stem == stays
    assert train_set(train).may_move_frozen(train_set("head")) == moved
    assert not train_set(train).may_move_frozen(train_set(train))


def test_more_units_than_there_are():
    with pytest.raises(ModelError, match="'first:5': 'net' has 4 units"):
        train_set("first:5").units(BACKBONE)


def test_an_option_and_a_title():
    texts = {
        "last:1": "last:1", "stem,stage1": ("stem", "stage1"), "bias": "bias", "x": ("x",),
        "bias,last:1": ("bias", "last:1"), "last:1,stem": ("last:1", "stem"),
        "names:attn.proj": "names:attn.proj",
    }  # fmt: skip
    assert {text: of_option(text) for text in texts} == texts
    assert [train_text(train) for train in ("last:1", ("stem", "stage1"))] == [
        "last:1", "stem+stage1",
    ]  # fmt: skip


@pytest.mark.usefixtures("early")
def test_another_packages_is_read_by_its_name():
    ours = train_set("early:2")
    assert ours.units(BACKBONE) == {0, 1}
    assert not ours.freezes_stem
    assert ours.may_move_frozen(train_set("head"))
    assert ours.may_move_frozen(train_set("early:3"))
    assert not ours.may_move_frozen(train_set("early:2"))
    assert train_set("last:1").may_move_frozen(ours)
    with pytest.raises(SuiteError, match=r"'early:x' is not .*'early'.*: invalid literal"):
        train_set("early:x")


@pytest.mark.usefixtures("early")
def test_what_another_package_offers_must_be_a_train_set():
    with pytest.raises(PluginError, match="is no TrainSet"):
        train_set("broken")
