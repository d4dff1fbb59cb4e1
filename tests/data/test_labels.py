import numpy as np
import pytest

from greendapt.core.errors import DataError
from greendapt.data.labels import Names, class_targets, merge_columns

ALIASES = {"normal": ("no_finding", "No Finding"), "Mass": ("nodule or mass",)}


@pytest.mark.parametrize("name", ["normal", "NORMAL", "no finding", "No_Finding", "no-finding"])
def test_aliases_ignore_case_and_gaps(name):
    assert Names.of(ALIASES)(name) == "normal"


def test_the_canonical_name_is_written_as_in_the_suite():
    assert Names.of(ALIASES)("Nodule Or Mass") == "Mass"


def test_other_names_become_lower_case_with_underscores():
    assert Names.of({})(" Pleural Thickening ") == "pleural_thickening"


def test_one_name_cannot_stand_for_two():
    with pytest.raises(DataError, match="'Healthy' stands for both 'normal' and 'well'"):
        Names.of({"normal": ("healthy",), "well": ("Healthy", "healthy")})


def test_classes_are_alphabetical_and_merged():
    classes, targets = class_targets(["b", "A", "No finding", "normal"], Names.of(ALIASES))
    assert classes == ("a", "b", "normal")
    assert targets.tolist() == [1, 0, 2, 2]


def test_columns_of_one_name_merge_to_any():
    values = np.array([[0, 1], [np.nan, 0], [np.nan, np.nan]], dtype=np.float32)
    classes, merged = merge_columns(["x", "y"], values, Names.of({"x": ("y",)}))
    assert classes == ("x",)
    np.testing.assert_array_equal(merged[:, 0], [1, 0, np.nan])
