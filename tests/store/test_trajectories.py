"""Tables of trajectories: one's own, and of the shape of arXiv 2410.18677's."""

import numpy as np
import pytest

from greendapt.core.errors import DataError
from greendapt.store.trajectories import read_trajectories


def write(path, text):
    path.write_text(text.strip() + "\n", encoding="utf-8")
    return path


def test_a_table_of_ones_own(tmp_path):
    path = write(
        tmp_path / "own.csv",
        """
series,dataset,seed,epoch,quality,energy_j,logme,-robustness
a,d,1,5,0.7,50,2,0.3
a,d,1,1,0.5,10,1,0.4
a,d,2,1,0.7,10,1,0.4
a,d,2,5,,50,2,0.3
b,d,1,1,0.1,10,,0.2
""",
    )
    a, b = read_trajectories(path)
    assert (a.name, a.dataset, a.epochs.tolist()) == ("a", "d", [1, 5])
    np.testing.assert_array_equal(a.quality, [[0.5, 0.7], [0.7, np.nan]])
    np.testing.assert_array_equal(a.scores["robustness"], [-0.4, -0.3])  # lower is better
    np.testing.assert_array_equal(a.scores["logme"], [1, 2])
    np.testing.assert_array_equal(a.energy_j, [10, 50])
    assert a.wall_s is None
    assert np.isnan(b.scores["logme"][0])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("series,dataset,seed,epoch\na,d,1,1", "has no column quality"),
        ("series,dataset,seed,epoch,quality\n", "has no rows"),
        ("series,dataset,seed,epoch,quality\na,d,1,1,good", "'good' in the column quality"),
        ("series,dataset,seed,epoch,quality\na,d,1,1.5,1", "not a whole number"),
        ("series,dataset,seed,epoch,quality\na,d,1,,1", "not a whole number"),
        ("series,dataset,seed,epoch,quality\na,d,1,1,", "an epoch without any quality"),
        (
            "series,dataset,seed,epoch,quality\na,d,1,1",
            "row 2 has 4 cells, its header names 5 columns",
        ),
    ],
)
def test_what_is_wrong_with_a_table(tmp_path, text, sentence):
    with pytest.raises(DataError, match=sentence):
        read_trajectories(write(tmp_path / "own.csv", text))


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_trajectories(tmp_path / "no.csv")


def test_tables_of_the_released_shape(released):
    every = read_trajectories(released)
    assert len(every) == 8
    assert {one.dataset for one in every} == {"ACDC", "IDRiD"}
    acdc = next(one for one in every if one.name == "basic U-Net, ACDC, frozen, simple")
    assert acdc.epochs.tolist() == [1, 50, 100, 300]  # epoch 0 is left out
    assert acdc.quality.shape == (3, 4)
    np.testing.assert_allclose(acdc.quality[0], [70, 80, 90, 85])  # from "mean dice index"
    assert "robustness:l2:0:whole:-1" in acdc.scores
    np.testing.assert_array_equal(
        acdc.scores["robustness"], acdc.scores["robustness:cosine:0.5:pooled:-2"]
    )
    # the duplicate row of epoch 50 (0.2 and 0.4) is averaged; lower is better
    np.testing.assert_allclose(acdc.scores["robustness"], [-0.4, -0.3, -0.1, -0.2])
    np.testing.assert_allclose(acdc.scores["source_accuracy"], [0.1, 0.5, 0.6, 0.7])
    idrid = next(one for one in every if one.dataset == "IDRiD")
    np.testing.assert_allclose(idrid.quality[0], [40, 45, 50, 55])  # from "dice index"


def test_a_model_that_is_not_known(released):
    path = released / "downstream_scores.csv"
    path.write_text(path.read_text().replace("basic U-Net", "other"), encoding="utf-8")
    with pytest.raises(DataError, match="the model 'other'"):
        read_trajectories(released)
