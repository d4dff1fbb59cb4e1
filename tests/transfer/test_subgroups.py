"""AUCs of groups of patients, against the AUC of these images alone."""

import numpy as np
import pytest

from greendapt.stats.intervals import macro_auc
from greendapt.transfer.subgroups import by_group


@pytest.fixture
def made():
    draw = np.random.default_rng(0)
    targets = draw.integers(0, 2, (400, 2)).astype(float)
    targets[draw.random(targets.shape) < 0.1] = np.nan
    logits = draw.normal(size=(400, 2)) + np.nan_to_num(targets)
    patients = np.arange(400) // 2
    sexes = np.where(patients % 2 == 0, "female", "male")
    return logits, targets, patients, sexes


def test_a_group_has_the_auc_of_its_images(made):
    logits, targets, patients, sexes = made
    told, drawn = by_group(logits, targets, patients, {"sex": sexes}, 50)
    for sex in ("female", "male"):
        here = sexes == sex
        assert told["auc_by_sex"][sex] == pytest.approx(macro_auc(targets[here], logits[here]))
        assert told["patients_by_sex"][sex] == 100
        assert drawn[f"auc_by_sex:{sex}"].shape == (50,)


def test_draws_are_of_the_same_patients(made):
    logits, targets, patients, sexes = made
    _, drawn = by_group(logits, targets, patients, {"sex": sexes}, 50)
    weights = np.random.default_rng(0).multinomial(200, np.full(200, 1 / 200), size=50)[:, patients]
    rows = np.repeat(np.arange(400), weights[7])
    rows = rows[sexes[rows] == "male"]
    assert drawn["auc_by_sex:male"][7] == pytest.approx(macro_auc(targets[rows], logits[rows]))


def test_nothing_is_said_of_few_patients_nor_of_what_is_not_known(made):
    logits, targets, patients, _ = made
    few = np.where(patients < 19, "a", np.where(patients < 100, "b", "c"))
    told, drawn = by_group(logits, targets, patients, {"site": few}, 20)
    assert {*told["auc_by_site"], *told["patients_by_site"]} == {"b", "c"}
    assert not any(":a" in name for name in drawn)
    unknown = np.where(patients < 100, "b", "unknown")
    assert by_group(logits, targets, patients, {"site": unknown}, 20) == ({}, {})


def test_a_group_of_one_class_has_no_auc(made):
    logits, targets, patients, sexes = made
    targets[sexes == "male"] = 1
    assert by_group(logits, targets, patients, {"sex": sexes}, 20) == ({}, {})
