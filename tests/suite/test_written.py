"""A suite that is written as TOML is the suite that was read."""

import pytest

from greendapt.suite import suite_files
from greendapt.suite.written import as_toml


def quiet(_):
    """Nothing is said."""


@pytest.mark.parametrize("name", ["chestxray", "peft", "scale", "segmentation"])
@pytest.mark.parametrize("profile", ["default", "smoke"])
def test_what_is_written_loads_to_the_same_suite(tmp_path, name, profile):
    suite = suite_files.load(suite_files.find(name), profile, [], quiet)
    path = tmp_path / "again.toml"
    path.write_text(as_toml(suite), encoding="utf-8")
    again = suite_files.load(path, "default", [], quiet)
    assert again == suite.model_copy(update={"profile": "default"})
