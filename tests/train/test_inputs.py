"""Batches are the same wherever the inputs lie."""

import pytest
import torch

from greendapt.train.inputs import Bank, Examples, Gathered, card_room

CPU = torch.device("cpu")
PIXELS = torch.arange(12 * 4, dtype=torch.uint8).reshape(12, 1, 2, 2)
TARGETS = torch.arange(6)


def bank():
    return Bank(views=1, images=6, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Examples(PIXELS[:6], TARGETS),
        lambda: Examples(PIXELS, TARGETS, rows=torch.tensor([5, 3, 1, 7, 9, 11])),
        lambda: Examples(Gathered(PIXELS, torch.arange(11, 5, -1)), TARGETS),
        lambda: Examples(PIXELS, TARGETS, bank=bank()),
    ],
    ids=["plain", "rows", "gathered", "bank"],
)
def test_inputs_that_fit_are_held_and_give_the_same_batches(make):
    index = torch.tensor([4, 0, 2])
    held = make().held_on(CPU, 1e6)
    assert isinstance(held.inputs, torch.Tensor)
    for ours, theirs in zip(held.at(index, CPU), make().at(index, CPU), strict=True):
        assert torch.equal(ours, theirs)


def test_inputs_that_do_not_fit_stay_where_they_are():
    examples = Examples(Gathered(PIXELS, torch.arange(6)), TARGETS)
    assert examples.held_on(CPU, 6 * 4) is not examples
    assert examples.held_on(CPU, 6 * 4 - 1) is examples


def test_nothing_is_moved_for_a_cpu_and_no_inputs_are_none():
    assert card_room(CPU) == 0
    empty = Examples(PIXELS[:0], TARGETS[:0])
    assert empty.held_on(CPU, 1e6) is empty
