"""Metrics against torchmetrics, and what is said where one cannot be had."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchmetrics.functional.classification import (
    binary_auroc,
    binary_calibration_error,
    multiclass_accuracy,
    multiclass_auroc,
    multiclass_calibration_error,
)

from greendapt.transfer.metrics import judge


def _single(classes, count=200, seed=0):
    draw = torch.Generator().manual_seed(seed)
    targets = torch.randint(0, classes, (count,), generator=draw)
    logits = torch.randn(count, classes, generator=draw)
    logits[torch.arange(count), targets] += 1
    return logits, targets


def _names(count):
    return tuple(f"class{k}" for k in range(count))


def _judge(logits, targets, **said):
    return judge(logits, targets, np.arange(len(targets)), _names(logits.shape[1]), **said)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_one_label_of_many(classes):
    logits, targets = _single(classes)
    said = _judge(logits, targets)
    probabilities = logits.softmax(1)
    how = {"num_classes": classes}
    assert said["auc"] == pytest.approx(
        multiclass_auroc(probabilities, targets, average="macro", **how).item(), abs=1e-6
    )
    assert said["balanced_accuracy"] == pytest.approx(
        multiclass_accuracy(logits, targets, average="macro", **how).item(), abs=1e-6
    )
    assert said["ece"] == pytest.approx(
        multiclass_calibration_error(probabilities, targets, n_bins=15, **how).item(), abs=1e-6
    )
    assert said["images"] == 200
    assert ("auc_by_class" in said) == (classes > 2)
    for k, (name, auc) in enumerate(said.get("auc_by_class", {}).items()):
        assert name == f"class{k}"
        assert auc == pytest.approx(
            binary_auroc(probabilities[:, k], (targets == k).long()).item(), abs=1e-6
        )


def test_two_classes_are_the_binary_auc():
    logits, targets = _single(2)
    expected = binary_auroc(logits[:, 1] - logits[:, 0], targets).item()
    assert _judge(logits, targets)["auc"] == pytest.approx(expected, abs=1e-6)


def test_findings_are_judged_where_they_are_labelled():
    draw = torch.Generator().manual_seed(1)
    targets = torch.randint(0, 2, (150, 3), generator=draw).float()
    logits = torch.randn(150, 3, generator=draw) + targets
    targets[torch.rand(150, 3, generator=draw) < 0.3] = math.nan
    said = _judge(logits, targets)
    aucs, accuracies, errors = [], [], []
    for scores, labels in zip(logits.sigmoid().T, targets.T, strict=True):
        known = ~labels.isnan()
        scores, labels = scores[known], labels[known].long()
        aucs.append(binary_auroc(scores, labels).item())
        two = torch.stack([1 - scores, scores], 1)
        accuracies.append(multiclass_accuracy(two, labels, num_classes=2, average="macro").item())
        errors.append(binary_calibration_error(scores, labels, n_bins=15).item())
    assert list(said["auc_by_class"].values()) == pytest.approx(aucs, abs=1e-6)
    assert said["auc"] == pytest.approx(np.mean(aucs), abs=1e-6)
    assert said["balanced_accuracy"] == pytest.approx(np.mean(accuracies), abs=1e-6)
    assert said["ece"] == pytest.approx(np.mean(errors), abs=1e-6)


def test_what_is_not_labelled_does_not_count():
    logits = torch.randn(40, 2)
    targets = torch.randint(0, 2, (40, 2)).float()
    targets[:20, 0] = math.nan
    other = logits.clone()
    other[:20, 0] = 99
    assert _judge(logits, targets) == _judge(other, targets)


def test_a_class_that_is_absent_is_left_out():
    logits, targets = _single(4)
    seen = targets != 2
    logits, targets = logits[seen], targets[seen]
    said = _judge(logits, targets)
    assert said["auc_by_class"]["class2"] is None
    others = [said["auc_by_class"][f"class{k}"] for k in (0, 1, 3)]
    assert said["auc"] == pytest.approx(np.mean(others))
    recalls = [(logits.argmax(1)[targets == k] == k).float().mean().item() for k in (0, 1, 3)]
    assert said["balanced_accuracy"] == pytest.approx(np.mean(recalls), abs=1e-6)


def test_one_class_alone_has_no_auc():
    logits = torch.randn(10, 3)
    said = _judge(logits, torch.zeros(10, dtype=torch.long), bootstrap=100)
    assert said["auc"] is None
    assert np.isnan(said["draws"]["auc"]).all()
    assert 0 <= said["ece"] <= 1


def test_logits_of_a_confident_network_are_told_apart():
    """Sigmoids of these are all 1 in float32; so are softmaxes of margins beyond 17."""
    logits = torch.tensor([[20.0], [19.0], [18.0], [17.0], [16.9]])
    labels = torch.tensor([1, 1, 1, 0, 0])
    assert logits.sigmoid().unique().numel() < 5
    assert _judge(logits, labels[:, None].float())["auc"] == 1
    for others in (torch.zeros(5, 1), torch.tensor([[0.0, -3.0]]).expand(5, 2)):
        said = _judge(torch.cat([others, logits + 40], 1), labels * others.shape[1])
        assert said["auc"] == 1


def test_margins_beyond_float64s_softmax_are_told_apart():
    logits = torch.tensor([[0.0, 300.0], [0.0, 200.0], [0.0, 100.0], [0.0, 90.0]])
    said = _judge(logits, torch.tensor([1, 1, 0, 0]))
    assert (said["auc"], said["ece"]) == (1, pytest.approx(0.5))


@st.composite
def _logits(draw):
    """Quarters, which float32 adds and scales exactly."""
    images, classes = draw(st.integers(4, 12)), draw(st.integers(2, 4))
    quarters = st.integers(-400, 400).map(lambda n: n / 4)
    rows = st.lists(quarters, min_size=classes, max_size=classes)
    return torch.tensor(draw(st.lists(rows, min_size=images, max_size=images)))


@given(_logits(), st.data())
@settings(max_examples=60, deadline=None)
def test_a_constant_on_all_logits_of_an_image_leaves_the_order(logits, data):
    targets = torch.arange(len(logits)) % logits.shape[1]
    shifts = data.draw(
        st.lists(st.integers(-1000, 1000), min_size=len(logits), max_size=len(logits))
    )
    moved = logits + torch.tensor(shifts)[:, None]
    assert _judge(moved, targets)["auc"] == _judge(logits, targets)["auc"]


@given(_logits(), st.sampled_from([0.25, 4.0, 1024.0]))
@settings(max_examples=60, deadline=None)
def test_surer_logits_leave_the_order(logits, scale):
    """Of findings always; of two classes, whose log-odds are a difference of logits."""
    two, single = logits[:, :2], torch.arange(len(logits)) % 2
    findings = torch.stack([single, 1 - single], 1).float()
    for targets in (single, findings):
        assert _judge(two * scale, targets)["auc"] == _judge(two, targets)["auc"]


def test_findings_never_labelled_have_no_metric():
    said = _judge(torch.randn(10, 3), torch.full((10, 3), math.nan))
    assert [said[k] for k in ("auc", "balanced_accuracy", "ece")] == [None] * 3


def test_perfect_and_reversed_scores():
    targets = torch.arange(20) % 3
    logits = torch.nn.functional.one_hot(targets).float() * 50
    good, bad = _judge(logits, targets), _judge(-logits, targets)
    assert (good["auc"], good["balanced_accuracy"]) == (1, 1)
    assert good["ece"] == pytest.approx(0, abs=1e-6)
    assert (bad["auc"], bad["balanced_accuracy"]) == (0, 0)


@pytest.mark.parametrize("classes", [2, 4])
def test_draws_hold_the_point_and_are_the_same_every_time(classes):
    logits, targets = _single(classes)
    patients = np.repeat(np.arange(50), 4)
    first, second = (
        judge(logits, targets, patients, _names(classes), bootstrap=300) for _ in range(2)
    )
    assert (first["patients"], first["images"]) == (50, 200)
    for metric, drawn in first["draws"].items():
        np.testing.assert_array_equal(drawn, second["draws"][metric])
        assert drawn.min() < first[metric] < drawn.max()
    assert "draws" not in _judge(logits, targets)


@pytest.mark.parametrize("single", [True, False])
def test_a_draw_is_the_metric_of_the_images_it_draws(single):
    """Each draw by hand: images as often as they were drawn, judged anew."""
    rng = np.random.default_rng(0)
    logits = torch.tensor(rng.normal(size=(40, 3)), dtype=torch.float32)
    targets = torch.tensor(rng.integers(0, 3, 40))
    if not single:
        targets = torch.tensor(rng.choice([0.0, 1.0, np.nan], size=(40, 3)), dtype=torch.float32)
    drawn = judge(logits, targets, np.arange(40), _names(3), bootstrap=5)["draws"]
    counts = np.random.default_rng(0).multinomial(40, np.full(40, 1 / 40), size=5)
    for n, often in enumerate(counts):
        index = torch.tensor(np.repeat(np.arange(40), often))
        by_hand = judge(logits[index], targets[index], np.arange(40), _names(3))
        for metric in ("auc", "balanced_accuracy", "ece"):
            assert drawn[metric][n] == pytest.approx(by_hand[metric], abs=1e-5), metric


@pytest.mark.parametrize("single", [True, False])
def test_one_positive_patient_has_no_interval(single):
    logits, targets = _single(2, count=40)
    targets = torch.zeros(40, dtype=torch.long)
    targets[:3] = 1  # three images of one patient
    patients = np.repeat(np.arange(20), 2)
    patients[:3] = 99
    if not single:
        logits, targets = logits[:, 1:], targets[:, None].float()
    said = judge(logits, targets, patients, _names(2 if single else 1), bootstrap=100)
    assert said["auc"] is not None
    assert np.isnan(said["draws"]["auc"]).all()
    patients[0] = 100
    said = judge(logits, targets, patients, _names(2 if single else 1), bootstrap=100)
    assert not np.isnan(said["draws"]["auc"]).all()


def test_images_of_one_patient_move_together():
    """Each patient four times over says no more than each once."""
    logits, targets = _single(2, count=60)
    once = judge(logits, targets, np.arange(60), _names(2), bootstrap=2000)
    often = judge(
        logits.repeat(4, 1), targets.repeat(4), np.tile(np.arange(60), 4), _names(2), bootstrap=2000
    )
    assert often["auc"] == pytest.approx(once["auc"])
    np.testing.assert_allclose(often["draws"]["auc"], once["draws"]["auc"])
