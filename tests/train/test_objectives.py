"""Losses against their definitions."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from greendapt.train.objectives import LOSSES, dice, multiclass, multilabel, simclr


def _nt_xent(rows, temperature):
    """Chen et al. 2020, algorithm 1, one pair at a time."""
    z = [row / row.norm() for row in rows.double()]
    half = len(z) // 2
    losses = []
    for i in range(len(z)):
        j = (i + half) % len(z)
        others = [math.exp(float(z[i] @ z[k]) / temperature) for k in range(len(z)) if k != i]
        losses.append(-math.log(math.exp(float(z[i] @ z[j]) / temperature) / sum(others)))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("temperature", [0.1, 0.2, 1.0])
@pytest.mark.parametrize("pairs", [1, 2, 5])
def test_simclr_is_nt_xent(pairs, temperature):
    rows = torch.randn(2 * pairs, 7, generator=torch.Generator().manual_seed(pairs))
    loss = simclr(rows, torch.empty(0), temperature).item()
    assert loss == pytest.approx(_nt_xent(rows, temperature), rel=1e-4, abs=1e-6)


def test_simclr_has_finite_gradients_and_prefers_views_that_agree():
    rows = torch.randn(6, 4, requires_grad=True)
    simclr(rows, torch.empty(0)).backward()
    assert rows.grad.isfinite().all()
    one = torch.eye(3, 4)
    assert simclr(torch.cat([one, one]), one) < simclr(torch.cat([one, one.roll(1, 0)]), one)


def test_multilabel_is_the_mean_over_what_is_labelled():
    logits = torch.tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True)
    targets = torch.tensor([[1.0, math.nan], [math.nan, 0.0]])
    loss = multilabel(logits, targets)
    expected = (math.log1p(math.exp(-1.0)) + math.log1p(math.exp(3.0))) / 2
    assert loss.item() == pytest.approx(expected, rel=1e-6)
    loss.backward()
    assert logits.grad[0, 1] == 0
    assert logits.grad[1, 0] == 0
    assert (logits.grad[[0, 1], [0, 1]] != 0).all()


@settings(max_examples=30)
@given(st.integers(0, 2**31 - 1))
def test_multilabel_ignores_logits_of_missing_labels(seed):
    draw = torch.Generator().manual_seed(seed)
    logits = torch.randn(4, 3, generator=draw)
    targets = torch.randint(0, 2, (4, 3), generator=draw).float()
    missing = torch.rand(4, 3, generator=draw) < 0.5
    targets[missing] = math.nan
    other = torch.where(missing, torch.randn(4, 3, generator=draw), logits)
    assert torch.equal(multilabel(logits, targets), multilabel(other, targets))


def test_multilabel_with_nothing_labelled_is_zero():
    logits = torch.randn(3, 2, requires_grad=True)
    loss = multilabel(logits, torch.full((3, 2), math.nan))
    loss.backward()
    assert loss.item() == 0
    assert (logits.grad == 0).all()


def test_multiclass_is_cross_entropy():
    logits = torch.tensor([[2.0, 0.0], [0.0, 0.0]])
    expected = (math.log1p(math.exp(-2)) + math.log(2)) / 2
    assert multiclass(logits, torch.tensor([0, 1])).item() == pytest.approx(expected, rel=1e-6)


def test_losses_by_name():
    assert set(LOSSES) == {"multiclass", "multilabel", "simclr", "masks"}


def _dice(probabilities, wanted):
    return 2 * (probabilities * wanted).sum() / (probabilities.sum() + wanted.sum())


def test_dice_by_hand():
    torch.manual_seed(0)
    masks = torch.tensor([[[0, 1], [1, 1]], [[0, 0], [1, 0]]])
    one = torch.randn(2, 1, 2, 2)
    assert dice(one, masks).item() == pytest.approx(
        1 - _dice(one[:, 0].sigmoid(), masks).item(), abs=1e-5
    )
    three = torch.randn(2, 3, 2, 2)
    shares = three.softmax(1)
    by_class = [1 - _dice(shares[:, k], (masks == k)).item() for k in (0, 1)]
    assert dice(three, masks).item() == pytest.approx(sum(by_class) / 3, abs=1e-5)  # no class 2


@pytest.mark.parametrize("outputs", [1, 2])
def test_dice_ignores_what_is_not_labelled(outputs):
    torch.manual_seed(0)
    masks = torch.tensor([[[0, 1], [1, 255]]])
    logits = torch.randn(1, outputs, 2, 2, requires_grad=True)
    loss = dice(logits, masks)
    loss.backward()
    assert (logits.grad[..., 1, 1] == 0).all()
    assert (logits.grad[..., 0, 1] != 0).all()
    assert 0 <= loss.item() <= 1


def test_dice_of_a_perfect_mask_is_none():
    masks = torch.tensor([[[0, 1], [1, 0]]])
    sure = torch.where(masks == 1, 50.0, -50.0)[:, None]
    assert dice(sure, masks).item() == pytest.approx(0, abs=1e-6)
    assert dice(-sure, masks).item() == pytest.approx(1, abs=1e-6)
