"""Metrics at the bedside against scikit-learn, by hand, and in simulation."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, softmax
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    f1_score,
    recall_score,
    roc_curve,
)
from torchmetrics.functional.classification import binary_calibration_error

from greendapt.run.stages.downstream import judged
from greendapt.stats.crossed import interval_alone
from greendapt.stats.intervals import log_odds
from greendapt.transfer.clinical import CLINICAL, judge_at, thresholds
from greendapt.transfer.metrics import judge

ALIKE = {"abs": 1e-6}


def _made(count=300, classes=3, seed=0, *, single=False, grid=0):
    """Logits (N, K) and targets of them; ``grid``: on so coarse a grid that scores tie."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, count) if single else draw.integers(0, 2, (count, classes))
    told = np.eye(classes)[labels] if single else labels
    logits = draw.normal(size=(count, classes)) + told
    return (np.round(logits * grid) / grid if grid else logits), labels


def _by_hand(labels, scores, probabilities, at):
    """Of one class, all labelled."""
    called = scores >= at
    return {
        "auprc": average_precision_score(labels, scores),
        "sensitivity": recall_score(labels, called),
        "specificity": recall_score(1 - labels, ~called),
        "f1": f1_score(labels, called),
        "brier": brier_score_loss(labels, probabilities),
    }


def _names(count):
    return tuple(f"class{k}" for k in range(count))


def _judge(at, logits, targets, **said):
    patients = said.pop("patients", np.arange(len(targets)))
    return judge_at(at, logits, targets, patients, _names(logits.shape[1]), **said)


@pytest.mark.parametrize("grid", [0, 4])
def test_findings_where_they_are_labelled(grid):
    logits, whole = _made(grid=grid)
    targets = whole.astype(float)
    targets[np.random.default_rng(1).random(targets.shape) < 0.3] = math.nan
    at = thresholds(logits, targets)
    said, _ = _judge(at, logits, targets)
    expected = []
    for k, (labels, scores) in enumerate(zip(targets.T, logits.T, strict=True)):
        known = ~np.isnan(labels)
        one = labels[known].astype(int), scores[known], expit(scores[known])
        expected.append(_by_hand(*one, at[k]))
        fpr, tpr, places = roc_curve(*one[:2], drop_intermediate=False)
        assert at[k] == places[np.argmax(tpr - fpr)]
    for metric in CLINICAL:
        by_class = [one[metric] for one in expected]
        assert [*said[f"{metric}_by_class"].values()] == pytest.approx(by_class, **ALIKE)
        assert said[metric] == pytest.approx(np.mean(by_class), **ALIKE)


@pytest.mark.parametrize("classes", [2, 4])
def test_one_label_is_one_class_against_the_rest_and_of_two_the_last(classes):
    logits, targets = _made(classes=classes, single=True)
    at = thresholds(logits, targets)
    said, _ = _judge(at, logits, targets)
    scores, probabilities = log_odds(logits), softmax(logits, axis=1)
    asked = range(classes) if classes > 2 else [1]
    expected = []
    for k, place in zip(asked, at, strict=True):
        labels = (targets == k).astype(int)
        expected.append(_by_hand(labels, scores[:, k], probabilities[:, k], place))
    for metric in CLINICAL:
        mean = np.mean([one[metric] for one in expected])
        assert said[metric] == pytest.approx(mean, **ALIKE)
        assert (f"{metric}_by_class" in said) == (classes > 2)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 1))
def test_a_threshold_reaches_the_sensitivity_and_the_next_one_does_not(seed, wanted):
    logits, targets = _made(40, 1, seed, grid=2)
    if targets.min() == targets.max():
        assert np.isnan(thresholds(logits, targets, wanted)).all()
        return
    (at,) = thresholds(logits, targets, wanted)
    positive, scores = targets[:, 0] == 1, logits[:, 0]
    assert (scores[positive] >= at).mean() >= wanted
    above = scores[scores > at]
    assert not len(above) or (scores[positive] >= above.min()).mean() < wanted


def test_a_threshold_is_of_validation_and_not_of_the_test():
    logits, targets = _made()
    said, _ = _judge(np.full(3, -math.inf), logits, targets)
    assert said["sensitivity"] == 1
    assert said["specificity"] == 0


def test_what_validation_cannot_say_has_no_value():
    logits, targets = _made()
    held = targets.copy()
    held[:, 0] = 0
    at = thresholds(logits, held)
    said, _ = _judge(at, logits, targets)
    assert said["sensitivity_by_class"]["class0"] is None
    others = [said["sensitivity_by_class"][f"class{k}"] for k in (1, 2)]
    assert said["sensitivity"] == pytest.approx(np.mean(others))
    assert said["auprc_by_class"]["class0"] is not None


def test_a_class_that_is_absent_is_left_out():
    logits, targets = _made()
    none_of_it = targets.copy()
    none_of_it[:, 1] = 0
    said, _ = _judge(thresholds(logits, targets), logits, none_of_it)
    assert {said[f"{metric}_by_class"]["class1"] for metric in CLINICAL} == {None}
    assert said["brier"] == pytest.approx(
        np.mean([said["brier_by_class"][f"class{k}"] for k in (0, 2)])
    )


def test_a_draw_is_the_metric_of_the_patients_drawn():
    logits, targets = _made(60)
    patients = np.arange(60) // 2
    at = thresholds(logits, targets)
    said, drawn = _judge(at, logits, targets, patients=patients, bootstrap=100)
    generator = np.random.default_rng(0)
    weights = generator.multinomial(30, np.full(30, 1 / 30), size=100)[:, patients]
    for draw in (0, 41, 99):
        rows = np.repeat(np.arange(60), weights[draw])
        alone, _ = _judge(at, logits[rows], targets[rows])
        for metric in CLINICAL:
            assert drawn[metric][draw] == pytest.approx(alone[metric], **ALIKE)
    for metric in CLINICAL:
        for name, value in said[f"{metric}_by_class"].items():
            low, high = (said[f"{metric}_by_class_{end}"][name] for end in ("low", "high"))
            assert low < value < high


def test_one_patient_tells_nothing_of_others():
    logits, targets = _made(60)
    patients = np.where(targets[:, 0] == 1, -1, np.arange(60))
    said, drawn = _judge(np.zeros(3), logits, targets, patients=patients, bootstrap=100)
    assert np.isnan(drawn["auprc"]).all()
    assert said["auprc_by_class_low"]["class0"] is None
    assert said["auprc_by_class_low"]["class1"] is not None


def test_they_stand_beside_the_auc_where_a_threshold_is_known():
    logits, targets = (torch.from_numpy(one) for one in _made())
    told = judge(logits, targets.double(), np.arange(300), _names(3), bootstrap=100, at=np.zeros(3))
    assert {"auc", *CLINICAL} <= told.keys()
    assert {"auc", *CLINICAL} <= told["draws"].keys()
    assert "auprc" not in judge(logits, targets.double(), np.arange(300), _names(3))


def test_a_calibration_error_a_class_is_the_librarys():
    logits, targets = _made()
    said, _ = _judge(np.zeros(3), logits, targets)
    for k, value in enumerate(said["ece_by_class"].values()):
        of = torch.from_numpy(expit(logits[:, k])), torch.from_numpy(targets[:, k])
        assert value == pytest.approx(binary_calibration_error(*of, n_bins=15).item(), **ALIKE)


def test_a_perfect_sensitivity_of_few_patients_is_no_sure_one():
    """Of four among 40; by Wilson (1927)."""
    targets = (np.arange(40) < 4).astype(float)[:, None]
    logits = 2 * targets - 1
    targets = torch.from_numpy(targets)
    of = torch.from_numpy(logits), targets, np.arange(40), ("it",)
    told = judged(judge(*of, bootstrap=100, at=np.zeros(1))).scores
    assert (told["patients_with"], told["patients_without"]) == (4, 36)
    assert told["sensitivity_low"] == pytest.approx(4 / (4 + 3.841))
    assert told["specificity_low"] == pytest.approx(36 / (36 + 3.841))


def test_intervals_cover_what_many_patients_say():
    """In 300 samples of 250 patients: such a share errs by 1.3 points (one sigma)."""
    at = np.zeros(1)
    truth, _ = judge_at(at, *_made(100_000, 1, 99), np.arange(100_000), ("it",))
    held = dict.fromkeys(CLINICAL, 0)
    for seed in range(300):
        said, drawn = judge_at(at, *_made(250, 1, seed), np.arange(250), ("it",), bootstrap=200)
        for metric in CLINICAL:
            low, high = interval_alone(said[metric], drawn[metric], 250)
            held[metric] += low <= truth[metric] <= high
    assert all(0.91 <= count / 300 <= 0.99 for count in held.values()), held
