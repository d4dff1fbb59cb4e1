import numpy as np
import pytest

from greendapt.data.phantom.anatomy import Blob, Body, Disease, Pose, blur_matrix, project

SIZE = 64


def chest(**disease):
    return project(Body(), Pose(), Disease(**disease), SIZE)


def middle_of_a_lung(strength=1.0, radius=2.0):
    return (Blob(8.0, -1.0, radius, radius, strength),)


FINDINGS = {
    "consolidation": lambda s: {"opacities": middle_of_a_lung(strength=s)},
    "nodule": lambda s: {"nodules": middle_of_a_lung(radius=0.5 + s)},
    "effusion": lambda s: {"effusion": {1: 2 + 8 * s}},
}


@pytest.mark.parametrize("finding", FINDINGS)
def test_a_finding_adds_water_on_its_side_and_more_when_severe(finding):
    healthy = chest().water
    added = [chest(**FINDINGS[finding](s)).water - healthy for s in (0.2, 0.5, 0.9)]
    totals = [a.sum() for a in added]
    assert 0 < totals[0] < totals[1] < totals[2]
    assert (added[2][:, SIZE // 2 :] > 1).any()
    assert np.abs(added[2][:, : SIZE // 2]).max() < 1e-3


def test_an_effusion_fills_from_below():
    added = chest(effusion={-1: 8.0}).water - chest().water
    rows = np.flatnonzero(added.max(axis=1) > 1)
    assert rows.min() > SIZE / 2
    assert not added[:, SIZE // 2 :].any()


def test_a_pneumothorax_takes_water_away_at_the_apex():
    lost = chest().water - chest(pneumothorax={1: 0.8}).water
    assert lost[: SIZE // 2, SIZE // 2 :].sum() > 3 * max(lost[SIZE // 2 :, SIZE // 2 :].sum(), 1)
    assert not lost[:, : SIZE // 2].any()


def test_cardiomegaly_and_magnification_make_the_heart_wider():
    def width(**said):
        heart = said.pop("pose", Pose()), Disease(**said)
        return (project(Body(), *heart, SIZE).mask == 2).any(axis=0).sum()

    assert width(cardiomegaly=0.4) > width()
    assert width(cardiomegaly=0.9) > width(cardiomegaly=0.4)
    assert width(pose=Pose(heart=1.15)) > width()


def test_there_is_water_everywhere_and_bone_somewhere():
    healthy = chest()
    assert healthy.water.min() >= 0
    assert healthy.water.dtype == healthy.bone.dtype == np.float32
    assert 0.2 < (healthy.bone > 0.1).mean() < 0.9
    assert set(np.unique(healthy.mask)) == {0, 1, 2}


def test_blurring_keeps_a_flat_field_flat():
    matrix = blur_matrix(32, 3.0)
    np.testing.assert_allclose(matrix @ np.ones((32, 32)) @ matrix.T, 1.0, rtol=1e-5)
