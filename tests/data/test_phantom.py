import numpy as np
import pytest

from greendapt.data.dataset import load
from greendapt.data.leaks import column_auc
from greendapt.suite.datasets import PhantomData


def phantoms(
    hospital="a", images=60, task="diagnosis", seed=0, size=48, needs="labels", aliases=()
):
    spec = PhantomData(source="phantom", hospital=hospital, images=images, task=task, seed=seed)
    return load(spec, name="set", image_size=size, aliases=dict(aliases), needs=needs)


@pytest.fixture(scope="module")
def many():
    return {h: phantoms(h, images=500, seed=5) for h in "ab"}


def test_it_says_that_it_is_synthetic():
    found = phantoms()
    assert found.synthetic
    assert found.origin == "phantom:a"
    assert found.classes == ("normal", "pneumonia", "effusion", "nodule")
    assert found.pixels.shape == (60, 1, 48, 48)
    assert found.pixels.dtype == np.uint8


@pytest.mark.parametrize("task", ["diagnosis", "findings"])
def test_an_image_does_not_depend_on_how_many_are_made(task):
    few, more = phantoms(images=10, task=task), phantoms(images=25, task=task)
    assert (more.pixels[:10] == few.pixels).all()
    assert (more.patients[:10] == few.patients).all()
    np.testing.assert_array_equal(more.targets[:10], few.targets)


def test_the_same_again_is_the_same_and_another_seed_is_not():
    assert phantoms().digest == phantoms().digest
    assert phantoms().digest != phantoms(seed=1).digest
    assert not set(phantoms().patients) & set(phantoms(seed=1).patients)


def test_severer_findings_change_the_ill_alone():
    sets = {
        severity: load(
            PhantomData(source="phantom", images=200, severity=severity),
            name="set", image_size=48, aliases={},
        )
        for severity in (0.3, 4 / 7, 0.9)
    }  # fmt: skip
    mild, usual, severe = sets.values()
    assert usual.digest == phantoms(images=200).digest
    healthy = usual.targets == 0
    assert (severe.pixels[healthy] == mild.pixels[healthy]).all()
    ill = [one.pixels[~healthy].astype(float) for one in sets.values()]
    near = max(np.abs(ill[0] - ill[1]).mean(), np.abs(ill[1] - ill[2]).mean())
    assert 0 < near < np.abs(ill[0] - ill[2]).mean()


def test_an_image_is_the_same_scene_at_every_size():
    small, large = phantoms(images=20, size=32).pixels, phantoms(images=20, size=96).pixels
    shrunk = large.reshape(20, 32, 3, 32, 3).mean(axis=(2, 4))
    likeness = [
        np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(small[:, 0], shrunk, strict=True)
    ]
    assert min(likeness) > 0.93


def test_masks_are_where_lungs_are_dark_and_hearts_bright(many):
    one = many["a"]
    grey = one.pixels[:, 0].astype(float)
    lung, heart = one.masks == 1, one.masks == 2
    assert (lung.mean(axis=(1, 2)) > 0.1).all()
    assert (heart.mean(axis=(1, 2)) > 0.02).all()
    assert grey[heart].mean() > grey[lung].mean() + 60


def test_ap_images_have_larger_hearts(many):
    heart = (many["a"].masks == 2).mean(axis=(1, 2))
    ap = many["a"].views == "AP"
    assert heart[ap].mean() > 1.15 * heart[~ap].mean()


def test_some_patients_have_several_images(many):
    counts = np.unique(many["a"].patients, return_counts=True)[1]
    assert counts.max() >= 3
    assert (counts == 1).mean() > 0.4


def test_splits_are_by_patient(many):
    one = many["a"]
    for split in ("train", "val", "test"):
        inside = set(one.patients[one.splits == split])
        assert not inside & set(one.patients[one.splits != split])
    assert (one.splits == "train").mean() == pytest.approx(0.6, abs=0.05)


def test_hospitals_differ_in_looks_views_and_prevalence(many):
    a, b = many["a"], many["b"]
    assert abs(a.pixels.mean() - b.pixels.mean()) > 8
    assert (b.views == "AP").mean() > (a.views == "AP").mean() + 0.15
    shares = [np.bincount(s.targets, minlength=4) / len(s) for s in (a, b)]
    assert np.abs(shares[0] - shares[1]).max() > 0.05


def test_the_view_is_a_confounder_but_no_answer(many):
    one = many["a"]
    alone = column_auc(one.views, one.targets, one.splits == "train", one.splits != "train", 4)
    assert 0.48 < alone < 0.65


def test_mean_grey_is_no_answer(many):
    one = many["a"]
    grey = np.digitize(one.pixels.mean(axis=(1, 2, 3)), np.arange(0, 256, 16)).astype(str)
    alone = column_auc(grey, one.targets, one.splits == "train", one.splits != "train", 4)
    assert alone < 0.68


def test_findings_are_several_and_some_unread_in_b():
    a, b = phantoms("a", 200, "findings"), phantoms("b", 200, "findings")
    assert a.task == "multilabel"
    assert a.targets.shape == (200, 5)
    assert (a.targets.sum(axis=1) > 1).any()
    assert not np.isnan(a.targets).any()
    assert np.isnan(b.targets).mean() == pytest.approx(0.1, abs=0.04)


def test_aliases_may_merge_classes():
    found = phantoms(aliases={"ill": ("pneumonia", "effusion", "nodule")}.items())
    assert found.classes == ("normal", "ill")
    assert set(found.targets) == {0, 1}


def test_without_labels():
    found = phantoms(needs="images")
    assert found.task == "unlabelled"
    assert set(found.targets) == {-1}


def test_tiny_sets_are_possible():
    assert len(phantoms(images=1)) == 1
