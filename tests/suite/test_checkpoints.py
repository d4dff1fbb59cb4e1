"""Strategies that checkpoints of a last phase are."""

import pytest

from greendapt.core.errors import SuiteError
from greendapt.suite.checkpoints import kept_epochs, with_checkpoints
from greendapt.suite.models import Suite


def suite(run=("kept", "plain"), base=None, **last):
    phase = {"train": "all", "epochs": 6, "learning_rate": 1e-3}
    return Suite(
        schema=1,
        name="s",
        title="s",
        run={"strategies": run, "transfers": ["t"]},
        model={"backbones": ["test_resnet"]},
        data={"pool": {"source": "phantom"}, "development": {"source": "phantom"}},
        phase={"head": phase | {"train": "head"}, "adapt": phase},
        strategy={
            "plain": {"cut": 2, "phases": ["head"]},
            "kept": {"about": "all", "base": base, "phases": ["head", {"use": "adapt", **last}]},
            "after": {"base": "kept", "phases": ["adapt"]},
        },
        transfer={"t": {"kind": "probe", "epochs": 1, "learning_rate": 1e-3}},
    )


@pytest.mark.parametrize(
    ("kept", "epochs"),
    [(2, [2, 4, 6]), (4, [4, 6]), (9, [6]), ((5, 1, 1, 99), [1, 5, 6]), ((6,), [6])],
)
def test_every_so_many_epochs_or_these_and_the_end(kept, epochs):
    found = kept_epochs(suite(keep_checkpoints=kept), "kept")
    assert list(found.values()) == epochs
    assert list(found) == [*(f"kept@{n}" for n in epochs[:-1]), "kept"]


def test_nothing_kept_nothing_changed():
    assert kept_epochs(suite(), "kept") == kept_epochs(suite(), "plain") == {}
    assert with_checkpoints(suite()) == suite()


def test_a_checkpoint_is_a_strategy_that_ends_early():
    before = suite(base="plain", keep_checkpoints=(1, 3), schedule="cosine")
    found = with_checkpoints(before)
    assert found.run.strategies == ("kept@1", "kept@3", "kept", "plain")
    assert found.cut("kept@3") == before.cut("kept") == 2
    assert found.strategy["kept@3"].about == "all: after 3 epochs"
    *earlier, last = found.phases("kept@3")
    assert tuple(earlier) == before.phases("kept")[:-1]
    assert (last.epochs, last.until, last.length, last.schedule) == (6, 3, 3, "cosine")
    again = Suite.model_validate(found.model_dump(by_alias=True))
    assert again == found
    assert kept_epochs(again, "kept") == kept_epochs(before, "kept")
    assert kept_epochs(again, "kept@3") == {}


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"keep_checkpoints": 1, "stop": {"rule": "gain"}}, "without a stop rule"),
        ({"keep_checkpoints": 1, "min_steps": 5}, "min_steps = 0"),
        ({"keep_checkpoints": 1, "watch": {"on": ["robustness"]}}, "select = 'last'"),
        ({"save_every": 1, "stop": {"rule": "gain"}}, "save_every needs a phase without a stop"),
        ({"save_every": 1, "min_steps": 5}, "save_every needs min_steps = 0"),
        ({"keep_checkpoints": 1, "run": ["after"]}, "strategy.after: .* the last phase only"),
    ],
)
def test_what_keeps_none(said, sentence):
    with pytest.raises(SuiteError, match=sentence):
        with_checkpoints(suite(**said))
