"""Curves of probabilities: against scikit-learn, by hand, and what is not told."""

import math

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.calibration import calibration_curve

from greendapt.transfer.curves import curves


def _true(count, seed=0):
    """Probabilities that are true, and labels drawn by them."""
    draw = np.random.default_rng(seed)
    probabilities = draw.uniform(0.02, 0.98, count)
    return probabilities, (draw.random(count) < probabilities).astype(float)


def _of(probabilities, labels, bootstrap=100, patients=None, **said):
    people = np.arange(len(labels)) if patients is None else patients
    logits = logit(probabilities)[:, None]
    return curves(logits, labels[:, None], people, ("it",), bootstrap=bootstrap, **said)


def test_calibration_is_scikit_learns():
    probabilities, labels = _true(400)
    points = _of(probabilities, labels).calibration["it"]
    observed, predicted = calibration_curve(labels, probabilities, n_bins=10, strategy="quantile")
    assert [point.observed for point in points] == pytest.approx(observed)
    assert [point.predicted for point in points] == pytest.approx(predicted)
    assert all(point.low <= point.observed <= point.high for point in points)


def test_true_probabilities_lie_within_their_intervals():
    points = [p for seed in range(20) for p in _of(*_true(600, seed)).calibration["it"]]
    held = np.mean([point.low <= point.predicted <= point.high for point in points])
    assert 0.9 < held < 0.99


def test_a_bin_has_patients_enough_to_be_told():
    probabilities, labels = _true(90)
    assert len(_of(probabilities, labels).calibration["it"]) == 4
    assert not _of(probabilities, labels, patients=np.arange(90) // 3).calibration
    tied = np.where(np.arange(90) < 86, 0.5, 0.9)  # four images alone in the last bin
    assert len(_of(tied, labels).calibration["it"]) == 1


def test_net_benefit_by_hand():
    probabilities, labels = np.array([0.1, 0.3, 0.6, 0.7, 0.9]), np.array([0.0, 1, 0, 1, 1])
    points = _of(probabilities, labels, net_benefit=(0.2, 0.65)).net_benefit["it"]
    first, last = points[0], points[-1]
    assert (first.threshold, last.threshold) == pytest.approx((0.2, 0.65))
    assert first.net == pytest.approx((3 - 1 * 0.25) / 5)
    assert last.net == pytest.approx(2 / 5)
    assert first.all == pytest.approx((3 - 2 * 0.25) / 5)
    assert not _of(probabilities, labels).net_benefit


def test_what_is_not_labelled_does_not_count():
    probabilities, labels = _true(200)
    labels[:50] = math.nan
    other = probabilities.copy()
    other[:50] = 0.99
    asked = {"net_benefit": (0.1, 0.5)}
    assert _of(probabilities, labels, **asked) == _of(other, labels, **asked)


def test_a_class_without_a_positive_has_no_curve():
    probabilities, _ = _true(200)
    told = _of(probabilities, np.zeros(200), net_benefit=(0.1, 0.5))
    assert not told.calibration
    assert not told.net_benefit


def test_of_two_classes_the_last_one_is_drawn():
    probabilities, labels = _true(200)
    logits = np.stack([np.zeros(200), logit(probabilities)], axis=1)
    both = curves(logits, labels.astype(int), np.arange(200), ("no", "yes"), bootstrap=0)
    (points,) = both.calibration.values()
    assert list(both.calibration) == ["yes"]
    assert [p.observed for p in points] == [
        p.observed for p in _of(expit(logits[:, 1]), labels, 0).calibration["it"]
    ]
    assert points[0].low is None
