"""Grams by the hour, from a file of intensities."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from greendapt.accounting.hourly import (
    Hours,
    Spell,
    grid_of_hours,
    read_hours,
    read_intensity,
    work_of,
)
from greendapt.core.errors import SuiteError
from greendapt.core.figures import Figure
from greendapt.core.records import Record

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC).timestamp()
HOUR = 3600.0


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "hours.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def hours(*values):
    return Hours(tuple(NOON + HOUR * n for n in range(len(values))), values, HOUR)


@pytest.mark.parametrize(
    "heads",
    [
        "time,gCO2e/kWh",
        "datetime,forecast,actual",
        "Datetime (UTC),Zone,Carbon intensity (direct),Carbon intensity (Life cycle)",
    ],
)
def test_the_column_is_found_by_its_heading(file, heads):
    wide = heads.count(",")
    lines = [f"2026-11-27T{hour:02}:00Z" + ",7" * (wide - 1) + f",{hour}00" for hour in (12, 13)]
    read = read_hours(file("\n".join([heads, *lines])))
    assert read == Hours((NOON, NOON + HOUR), (1200.0, 1300.0), HOUR)


def test_times_may_name_their_zone_and_come_in_any_order(file):
    read = read_hours(file("t,g\n2026-11-27 13:00,2\n2026-11-27T13:00+01:00,1\n"))
    assert read.starts_s == (NOON, NOON + HOUR)
    assert read.values == (1.0, 2.0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "two lines"),
        ("t,g\n2026-11-27T12:00Z,1\n", "two lines"),
        ("t,g\nnoon,1\nnoon,2\n", "line 2: it needs a time"),
        ("t,g\n2026-11-27T12:00Z,1\n2026-11-27T13:00Z,-1\n", "line 3"),
        ("t,g\n2026-11-27T12:00Z,1\n2026-11-27T13:00Z\n", "line 3"),
        ("t,g\n2026-11-27T12:00Z,1\n2026-11-27T12:00Z,2\n", "is there twice"),
        ("t,g\n2026-11-27T12:00Z,nan\n2026-11-27T13:00Z,2\n", "line 2"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(file, text, words):
    with pytest.raises(SuiteError, match=words):
        read_hours(file(text))


def test_a_number_or_a_file(tmp_path, file):
    assert read_intensity("60.5") == 60.5
    assert isinstance(read_intensity(str(file("t,g\n2026-11-27,1\n2026-11-28,1\n"))), Hours)
    with pytest.raises(SuiteError, match="neither a number nor a CSV file"):
        read_intensity(str(tmp_path / "nothing.csv"))


def test_the_mean_is_over_the_time_of_the_work():
    assert hours(100, 300).mean(NOON + HOUR / 2, HOUR) == pytest.approx(200)
    assert hours(100, 300).mean(NOON + HOUR, 60) == 300


@pytest.mark.parametrize("start_s", [NOON - HOUR, NOON + 2.5 * HOUR])
def test_hours_that_are_missing_are_not_guessed(start_s):
    with pytest.raises(SuiteError, match="hours are missing"):
        hours(100, 300).mean(start_s, HOUR)
    hole = Hours((NOON, NOON + HOUR, NOON + 9 * HOUR), (1.0, 1.0, 1.0), HOUR)
    with pytest.raises(SuiteError, match="hours are missing"):
        hole.mean(NOON + 1.5 * HOUR, HOUR)


def test_a_run_has_one_intensity_weighted_by_its_energy():
    work = [Spell(NOON, HOUR, 10.0), Spell(NOON + HOUR, HOUR, 30.0)]
    grid = grid_of_hours(hours(100, 300, 50, 60), work, pue=1.5)
    assert grid.intensity_g_per_kwh == pytest.approx(250)
    assert (grid.low_g_per_kwh, grid.high_g_per_kwh) == (100, 300)
    assert "cleanest of these for 2 h 00 min from 2026-11-27 14:00 UTC: 55 gCO2e/kWh" in grid.source
    assert grid.carbon(Figure.measured(3.6e6, "J", "x")).value == pytest.approx(375)


def test_work_at_the_cleanest_time_is_told_nothing_more():
    assert "cleanest" not in grid_of_hours(hours(100, 300), [Spell(NOON, HOUR, 1.0)]).source


def test_no_work_has_no_hours():
    with pytest.raises(SuiteError, match="no finished stage"):
        grid_of_hours(hours(1, 2), [])


def test_the_work_of_a_run_is_that_of_its_own_stages():
    figures = {
        "wall_s": Figure.measured(60.0, "s", "x"),
        "energy_j": Figure.measured(5.0, "J", "x"),
    }
    common = {"kind": "probe", "role": "transfer", "title": "t", "figures": figures}
    one = Record(key="a", started_at="2026-11-27T12:00:00+00:00", **common)
    other = one.model_copy(update={"reused": True})
    assert work_of([one, other]) == [Spell(NOON, 60.0, 5.0)]


def test_measure_takes_the_hours_of_its_command(file):
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    lines = [f"{(now + timedelta(hours=n)).isoformat()},{g}" for n, g in ((0, 80), (1, 80), (2, 9))]
    record = measured(file("\n".join(["time,intensity", *lines])))
    assert record["carbon_g"]["value"] == pytest.approx(
        record["energy_j"]["total"]["value"] * 80 / 3.6e6
    )
    assert "cleanest" in record["carbon_g"]["source"]
    record = measured(file("t,g\n2020-01-01,1\n2020-01-02,1\n"))
    assert record["carbon_g"]["value"] is None
    assert "hours are missing" in record["carbon_g"]["source"]


def test_no_hour_covers_work_too_short_to_round(file):
    hours = read_hours(file("t,g\n2020-01-01,1\n2020-01-02,1\n"))
    with pytest.raises(SuiteError, match="hours are missing"):
        hours.mean(2e9, 1e-4)


def measured(path):
    run = "import typer; from greendapt.cli.measure import measure; typer.run(measure)"
    asked = ["--json", "--device", "cpu", "--intensity", str(path), "--", "true"]
    done = subprocess.run(
        [sys.executable, "-c", run, *asked], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)
