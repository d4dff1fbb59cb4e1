"""Mask metrics against brute force and scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score, jaccard_score, matthews_corrcoef

from greendapt.transfer.mask_metrics import border, hausdorff95, judge_masks, overlap


def random_mask(seed, size=9, share=0.3):
    return np.random.default_rng(seed).random((size, size)) < share


def brute_hausdorff(a, b):
    def edge(mask):
        padded = np.pad(mask, 1)
        return [
            (r, c)
            for r, c in np.argwhere(mask)
            if not all(
                padded[r + 1 + dr, c + 1 + dc] for dr, dc in ((0, 1), (1, 0), (0, -1), (-1, 0))
            )
        ]

    def directed(points, others):
        return np.percentile([min(math.dist(p, q) for q in others) for p in points], 95)

    return max(directed(edge(a), edge(b)), directed(edge(b), edge(a)))


@given(st.integers(0, 10_000), st.sampled_from([0.05, 0.3, 0.9]))
@settings(max_examples=60)
def test_against_brute_force_and_scikit_learn(seed, share):
    a, b = random_mask(seed, share=share), random_mask(seed + 1, share=0.4)
    if not a.any() or not b.any():
        return
    dice, jaccard, mcc = overlap(a.ravel(), b.ravel())
    assert dice == pytest.approx(f1_score(b.ravel(), a.ravel()))
    assert jaccard == pytest.approx(jaccard_score(b.ravel(), a.ravel()))
    assert mcc == pytest.approx(matthews_corrcoef(b.ravel(), a.ravel()))
    assert hausdorff95(a, b) == pytest.approx(brute_hausdorff(a, b))
    assert hausdorff95(a, b) == hausdorff95(b, a)


def test_by_hand():
    a, b = np.zeros((2, 8, 8), dtype=bool)
    a[2:4, 2:4] = True
    b[2:4, 3:5] = True
    assert overlap(a.ravel(), b.ravel())[:2] == (0.5, pytest.approx(1 / 3))
    assert hausdorff95(a, b) == 1
    b[:] = False
    b[2:4, 6:8] = True  # four columns further
    assert overlap(a.ravel(), b.ravel())[0] == 0
    assert hausdorff95(a, b) == 4


def test_a_border_is_the_pixels_that_touch_the_outside():
    block = np.zeros((5, 5), dtype=bool)
    block[1:4, 1:4] = True
    assert border(block).sum() == 8
    assert border(np.ones((4, 4), dtype=bool)).sum() == 12


def test_what_is_empty():
    empty, full, one = np.zeros((3, 4), bool), np.ones((3, 4), bool), np.eye(3, 4, dtype=bool)
    assert all(math.isnan(v) for v in overlap(empty.ravel(), empty.ravel()))
    assert math.isnan(hausdorff95(empty, empty))
    assert overlap(empty.ravel(), one.ravel()) == (0, 0, 0)
    assert hausdorff95(empty, one) == hausdorff95(one, empty) == 5
    assert overlap(full.ravel(), full.ravel()) == (1, 1, 1)
    assert overlap(full.ravel(), one.ravel())[2] == 0


def test_classes_are_averaged_within_an_image_and_then_images():
    true = np.array([[[1, 1, 2, 2]], [[1, 1, 0, 0]]])
    said = np.array([[[1, 1, 2, 0]], [[1, 0, 0, 0]]])
    found = judge_masks(said, true, [0, 1], 3)
    assert found["dice"] == pytest.approx(((1 + 2 / 3) / 2 + 2 / 3) / 2)  # image 2 has no class 2
    assert found["dice_by_class"] == {
        "1": pytest.approx((1 + 2 / 3) / 2),
        "2": pytest.approx(2 / 3),
    }
    assert found["images"] == 2
    assert "dice_by_class" not in judge_masks(said, true, [0, 1], 2)


def test_a_class_seen_where_there_is_none_counts_as_a_miss():
    found = judge_masks(np.ones((1, 2, 2)), np.zeros((1, 2, 2)), [0], 2)
    assert (found["dice"], found["jaccard"], found["mcc"]) == (0, 0, 0)
    assert found["hausdorff95_px"] == pytest.approx(math.hypot(2, 2))


def test_unlabelled_pixels_do_not_count():
    true = np.array([[[1, 1, 255, 255], [0, 0, 255, 255]]])
    said = np.array([[[1, 1, 1, 0], [0, 0, 1, 1]]])
    found = judge_masks(said, true, [0], 2)
    assert (found["dice"], found["mcc"], found["hausdorff95_px"]) == (1, 1, 0)


def test_nothing_to_judge_is_none():
    empty = np.zeros((2, 3, 3))
    found = judge_masks(empty, empty, [0, 1], 2, bootstrap=50)
    assert found["dice"] is found["hausdorff95_px"] is None
    assert np.isnan(found["draws"]["dice"]).all()


def test_draws_are_of_patients():
    rng = np.random.default_rng(0)
    true = rng.random((30, 6, 6)) < 0.5
    said = true ^ (rng.random((30, 6, 6)) < np.linspace(0, 0.5, 30)[:, None, None])
    found = judge_masks(said, true, np.arange(30), 2, bootstrap=500)
    for metric, drawn in found["draws"].items():
        assert np.mean(drawn) == pytest.approx(found[metric], rel=0.05)
        assert np.std(drawn) > 0
    assert (found["patients"], found["images"]) == (30, 30)
    one_patient = judge_masks(said, true, np.zeros(30), 2, bootstrap=500)
    assert np.ptp(one_patient["draws"]["dice"]) == pytest.approx(0)


def test_shapes_must_fit():
    with pytest.raises(ValueError, match="do not fit"):
        judge_masks(np.zeros((1, 2, 2)), np.zeros((1, 2, 3)), [0], 2)
