"""GPU figures of simulated sensors that lie keep what is asked of them; the guide shows them."""

from pathlib import Path

import pytest
import sensors_table

from greendapt.core.figures import Quality

PART_TIME = ("counter, 25 of 100 ms (A100, H100)", "counter of a module (GH200)")


@pytest.fixture(scope="module")
def found():
    return list(sensors_table.cases())


def test_the_bounds_hold_the_truth_and_are_not_much_wider_than_needed(found):
    assert sensors_table.Row("all", found).held >= 0.95
    for row in sensors_table.grouped(found, "sensor"):
        assert row.width <= 3, row.name


def test_what_is_called_measured_was(found):
    measured = sensors_table.measured(found)
    assert measured.held >= 0.95
    assert not {one.sensor for one in measured.cases} & set(PART_TIME)
    lying = [one for one in found if one.sensor == "counter 0.5 to 2 times the energy"]
    assert all(one.figure.quality is not Quality.MEASURED for one in lying)


def test_only_a_load_in_the_sensor_s_own_period_is_often_outside(found):
    for row in sensors_table.grouped(found, "curve"):
        assert row.held >= (0.8 if row.name == "the sensor's own period" else 0.93), row.name


def test_the_guide_shows_the_table_of_the_script(found):
    guide = Path(__file__).parents[2] / "docs" / "metering.md"
    assert sensors_table.table(found) in guide.read_text(encoding="utf-8")
