"""A loss of one's own trains what the built-in one would."""

import pytest
import torch

from greendapt.core import own_code
from greendapt.core.own_code import OwnCodeError
from greendapt.train.objectives import multiclass, own_loss

CODE = """
from torch.nn import functional

def same(logits, targets):
    return functional.cross_entropy(logits, targets)

def each(logits, targets):
    return functional.cross_entropy(logits, targets, reduction="none")

def number(logits, targets):
    return 0.5

def wrong(logits, targets):
    return logits @ targets
"""


@pytest.fixture
def loss(tmp_path, monkeypatch):
    monkeypatch.setattr(own_code, "_LOADED", {})
    file = tmp_path / "my_losses.py"
    file.write_text(CODE)

    def make(function):
        own_code.load("loss", function, file, function)
        return own_loss(function)

    return make


def test_it_is_called_with_logits_and_targets(loss):
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    targets = torch.tensor([0, 1, 2, 0])
    value = loss("same")(logits, targets)
    assert value == multiclass(logits, targets)
    assert torch.autograd.grad(value, logits)[0].abs().sum() > 0


@pytest.mark.parametrize(
    ("function", "says"),
    [
        ("each", "each of my_losses.py gives [4], not one number"),
        ("number", "gives float, not one number"),
        ("wrong", "own.wrong: my_losses.py, line 14: RuntimeError: "),
    ],
)
def test_what_is_no_loss_is_said(loss, function, says):
    with pytest.raises(OwnCodeError) as error:
        loss(function)(torch.zeros(4, 3), torch.zeros(4, dtype=torch.int64))
    assert says in str(error.value)


@pytest.mark.usefixtures("loss")
def test_without_a_name_there_is_none_and_an_unknown_one_is_no_other():
    assert own_loss(None) is None
    with pytest.raises(OwnCodeError, match="not allowed to run loss code"):
        own_loss("other")
