import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from greendapt.core.errors import DataError
from greendapt.data.splits import assign_splits, few_shot, hold_out, settle_splits, share

patients = hnp.arrays(np.int64, st.integers(6, 200), elements=st.integers(0, 60)).filter(
    lambda a: len(np.unique(a)) >= 3
)
seeds = st.integers(0, 5)


@given(patients, seeds)
def test_a_patient_is_in_one_split_and_no_split_is_empty(who, seed):
    splits = assign_splits(who, seed=seed)
    assert all(len(set(splits[who == p])) == 1 for p in np.unique(who))
    assert set(splits) == {"train", "val", "test"}


@given(patients, seeds)
def test_splits_do_not_depend_on_how_patients_are_numbered(who, seed):
    other = (who * 37 + 11) % 61
    assert (assign_splits(who, seed=seed) == assign_splits(other, seed=seed)).all()
    assert (hold_out(who, 0.2, seed) == hold_out(other, 0.2, seed)).all()


def test_fractions_are_of_patients():
    splits = assign_splits(np.arange(1000))
    assert [(splits == s).sum() for s in ("train", "val", "test")] == [600, 150, 250]


@pytest.mark.parametrize("fraction", [0.05, 0.5])
def test_splits_are_stratified(fraction):
    targets = (np.random.default_rng(0).random(2000) < fraction).astype(np.int64)
    splits = assign_splits(np.arange(2000), targets=targets, seed=1)
    found = [targets[splits == s].mean() for s in ("train", "val", "test")]
    assert np.abs(np.array(found) - targets.mean()).max() < 0.01


def test_findings_are_stratified_by_the_rarest():
    rng = np.random.default_rng(0)
    targets = (rng.random((3000, 2)) < (0.4, 0.03)).astype(np.float32)
    targets[rng.random(3000) < 0.1, 0] = np.nan
    splits = assign_splits(np.arange(3000), targets=targets)
    for split in ("train", "val", "test"):
        assert targets[splits == split, 1].mean() == pytest.approx(targets[:, 1].mean(), abs=0.005)


def test_two_patients_cannot_be_split():
    with pytest.raises(DataError, match="at least three patients"):
        assign_splits(np.array([1, 1, 2]))


@given(patients, seeds, st.floats(0.01, 0.49))
def test_hold_out_takes_whole_patients_but_not_all(who, seed, fraction):
    held = hold_out(who, fraction, seed)
    assert held.any()
    assert not held.all()
    assert not set(who[held]) & set(who[~held])


@given(
    hnp.arrays(np.int64, st.integers(4, 120), elements=st.integers(0, 3)),
    st.integers(1, 10),
    st.integers(1, 10),
    seeds,
)
def test_few_shot_subsets_are_nested_and_counted(targets, small, more, seed):
    few = few_shot(targets, small, seed)
    many = few_shot(targets, small + more, seed)
    assert set(few.index) <= set(many.index)
    for k in range(targets.max() + 1):
        there = int((targets == k).sum())
        assert (targets[few.index] == k).sum() == min(small, there)
        assert (k in few.short) == (there < small)


def test_few_shot_takes_other_patients_first():
    who = np.array([1] * 10 + [2, 3, 4])
    few = few_shot(np.zeros(13, dtype=np.int64), 4, seed=0, patients=who)
    assert sorted(who[few.index]) == [1, 2, 3, 4]


def test_few_shot_of_findings_has_positives_and_negatives():
    rng = np.random.default_rng(0)
    targets = (rng.random((300, 3)) < 0.2).astype(np.float32)
    targets[rng.random((300, 3)) < 0.2] = np.nan
    few = targets[few_shot(targets, 5, seed=0).index]
    assert (np.nansum(few, axis=0) >= 5).all()
    assert (np.nansum(few, axis=1) == 0).sum() == 5


def test_few_shot_depends_on_the_seed():
    targets = np.arange(400) % 2
    assert set(few_shot(targets, 10, 0).index) != set(few_shot(targets, 10, 1).index)


@given(
    st.lists(st.integers(0, 12), min_size=1, max_size=40),
    st.floats(0.01, 1),
    st.floats(0.01, 1),
    st.integers(0, 3),
)
def test_a_share_is_of_whole_patients_and_lies_in_a_larger_one(patients, one, other, seed):
    who = np.array(patients)
    labels = np.arange(len(who)) % 2
    few, many = (share(who, f, seed, labels) for f in sorted((one, other)))
    assert (many | ~few).all()
    for chosen, fraction in zip((few, many), sorted((one, other)), strict=True):
        assert not set(who[chosen]) & set(who[~chosen])
        assert len(set(who[chosen])) == max(round(fraction * len(set(patients))), 1)
    assert share(who, 1.0, seed).all()


def test_splits_that_are_said_are_kept_only_where_every_image_has_one():
    patients = np.arange(20)
    said = ["train"] * 15 + ["test"] * 5
    kept, notes = settle_splits(said, patients, patients % 2)
    assert (kept == "test").tolist() == [False] * 15 + [True] * 5
    assert (kept == "val").sum() == 3
    assert len(notes) == 1
    made, notes = settle_splits(said[:-1], patients, patients % 2)
    assert set(made) == {"train", "val", "test"}
    assert (made != "test")[15:].any()
    assert notes == ()
    assert settle_splits([], patients[:2], patients[:2])[0].tolist() == ["train", "train"]
