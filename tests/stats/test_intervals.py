"""Intervals against brute force, torchmetrics, known quantiles, and the clock."""

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from torchmetrics.functional.classification import multiclass_auroc, multilabel_auroc

from greendapt.stats.intervals import (
    bootstrap_interval,
    cluster_bootstrap_auc,
    log_odds,
    macro_auc,
    percentile_interval,
    t_interval,
)

tied_scores = hnp.arrays(np.float64, st.integers(2, 40), elements=st.sampled_from([0, 0.1, 0.5, 1]))


def pair_count(targets: np.ndarray, scores: np.ndarray) -> float:
    wins = [
        1.0 if p > n else 0.5 if p == n else 0.0
        for p in scores[targets == 1]
        for n in scores[targets == 0]
    ]
    return float(np.mean(wins)) if wins else float("nan")


@given(tied_scores, st.randoms(use_true_random=False))
def test_auc_is_the_share_of_pairs_in_the_right_order(scores, random):
    targets = np.array([random.randint(0, 1) for _ in scores])
    np.testing.assert_allclose(macro_auc(targets, scores), pair_count(targets, scores))


def test_log_odds_are_the_logit_of_the_softmax_and_go_on_where_it_ends():
    draw = np.random.default_rng(0)
    logits = draw.normal(size=(20, 4))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(log_odds(logits), np.log(shares / (1 - shares)))
    sure = log_odds([[0.0, 1000.0], [0.0, 2000.0]])
    np.testing.assert_array_equal(sure, [[-1000, 1000], [-2000, 2000]])


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_multiclass_auc_agrees_with_torchmetrics(seed):
    generator = np.random.default_rng(seed)
    targets = np.r_[0, 1, 2, generator.integers(0, 3, 60)]
    scores = generator.dirichlet([1, 1, 1], len(targets)).round(2)  # rounded: ties
    theirs = multiclass_auroc(torch.tensor(scores), torch.tensor(targets), num_classes=3)
    assert macro_auc(targets, scores) == pytest.approx(float(theirs), abs=1e-6)


def test_multilabel_auc_masks_missing_labels_as_torchmetrics_does():
    generator = np.random.default_rng(3)
    targets = generator.integers(0, 2, (80, 5)).astype(float)
    scores = generator.random((80, 5)).round(2)
    targets[generator.random(targets.shape) < 0.3] = np.nan
    labels = torch.tensor(np.nan_to_num(targets, nan=-1)).long()
    theirs = multilabel_auroc(torch.tensor(scores), labels, num_labels=5, ignore_index=-1)
    assert macro_auc(targets, scores) == pytest.approx(float(theirs), abs=1e-6)


def test_absent_classes_are_left_out_and_one_class_alone_has_no_auc():
    scores = np.array([[0.2, 0.7, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1]])
    assert macro_auc([1, 0, 1], scores) == 1.0  # class 2 is nobody's
    assert np.isnan(macro_auc([1, 1, 1], scores))
    assert np.isnan(macro_auc(np.full((3, 3), np.nan), scores))


def test_shapes_and_nan_scores_are_refused():
    with pytest.raises(ValueError, match="do not fit"):
        macro_auc(np.zeros((3, 2)), np.zeros((3, 4)))
    with pytest.raises(ValueError, match="NaN"):
        macro_auc([0, 1], [0.1, np.nan])


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_a_bootstrap_draw_is_the_auc_of_the_drawn_patients(seed):
    """Weights say the same as repeating the rows."""
    generator = np.random.default_rng(seed)
    groups = generator.integers(0, 8, 30)
    targets, scores = generator.integers(0, 3, 30), generator.random((30, 3)).round(1)
    draw = cluster_bootstrap_auc(targets, scores, groups, n=1, seed=seed)[0]
    patients = np.unique(groups)
    counts = np.random.default_rng(seed).multinomial(
        len(patients), np.full(len(patients), 1 / len(patients)), size=1
    )[0]
    rows = np.repeat(np.arange(30), counts[np.searchsorted(patients, groups)])
    np.testing.assert_allclose(draw, macro_auc(targets[rows], scores[rows]))


def test_patients_with_many_images_widen_the_interval():
    generator = np.random.default_rng(0)
    patients = np.repeat(np.arange(30), 20)
    targets = np.repeat(generator.integers(0, 2, 30), 20)
    scores = np.repeat(generator.normal(size=30), 20) + targets
    by_patient = np.nanstd(cluster_bootstrap_auc(targets, scores, patients))
    by_image = np.nanstd(cluster_bootstrap_auc(targets, scores, np.arange(600)))
    assert by_patient > 3 * by_image


def test_bootstrap_interval_covers_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(1)
    truth = stats.norm.cdf(1 / np.sqrt(2))  # AUC of N(1, 1) against N(0, 1)
    targets = np.repeat([0, 1], 60)
    covered = 0
    for trial in range(200):
        scores = generator.normal(size=120) + targets
        draws = cluster_bootstrap_auc(targets, scores, np.arange(120), n=200, seed=trial)
        low, high = percentile_interval(draws)
        covered += low <= truth <= high
    assert 178 <= covered <= 199


def test_the_bootstrap_of_600_images_4_classes_1000_draws_takes_less_than_a_second():
    generator = np.random.default_rng(0)
    scores = generator.dirichlet(np.ones(4), 600)
    targets, groups = generator.integers(0, 4, 600), generator.integers(0, 200, 600)
    started = time.process_time()
    draws = cluster_bootstrap_auc(targets, scores, groups)
    assert time.process_time() - started < 1
    assert draws.shape == (1000,)
    np.testing.assert_array_equal(draws, cluster_bootstrap_auc(targets, scores, groups))


def test_any_statistic_of_weights_can_be_bootstrapped():
    values = np.arange(50.0)
    low, high = bootstrap_interval(lambda w: w @ values / w.sum(axis=1), np.arange(50), n=2000)
    assert low == pytest.approx(24.5 - 1.96 * 14.43 / 50**0.5, abs=0.4)
    assert high == pytest.approx(24.5 + 1.96 * 14.43 / 50**0.5, abs=0.4)


def test_percentiles_leave_nan_out():
    assert percentile_interval([np.nan, 1, 1, 1]) == (1, 1)
    assert percentile_interval([np.nan]) == (None, None)


def test_t_interval_is_students():
    values = [0.91, 0.93, 0.95]
    mean, low, high = t_interval(values)
    expected = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert mean == pytest.approx(0.93)
    assert (low, high) == pytest.approx(expected)
    assert t_interval([0.5]) == (0.5, None, None)
    with pytest.raises(ValueError, match="at least one"):
        t_interval([])
