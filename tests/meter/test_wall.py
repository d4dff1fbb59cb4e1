"""A plug meter's readings, on a machine with counters that are not there."""

import time

import pytest

from greendapt.core.errors import MeterError
from greendapt.core.meter_facts import Conditions
from greendapt.meter import Meter
from greendapt.meter.kept_wall import kept_fit
from greendapt.meter.wall import LEVELS, _check_quiet, given, parse, take


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GREENDAPT_CACHE", str(tmp_path / "cache"))


@pytest.mark.usefixtures("powercap_that_counts")
def test_a_line_is_drawn_through_the_readings_and_kept():
    lines = []
    assert kept_fit([]) is None
    fit = take(given((40.0, 200.0), 0.8), "cpu", 0.8, lines.append)
    assert lines == ["rest ...", "full load ..."]
    (rest_w, _), (full_w, _) = fit.readings
    assert full_w > rest_w + 2.0
    assert fit.parts == ("cpu",)
    assert not fit.modelled
    assert kept_fit([]) == fit
    meter = Meter(device="cpu")
    with meter.window() as window:
        time.sleep(0.3)
    facts = meter.facts()
    meter.close()
    assert facts.wall == fit
    wall, energy = window.record["energy_wall_j"], window.record["energy_j"]["total"]
    at_rest = fit.slope * energy.value + fit.base_w * window.figures["wall_s"].value
    assert wall.value == pytest.approx(at_rest)
    assert wall.low < wall.value < wall.high


@pytest.mark.usefixtures("powercap_that_counts")
def test_ranks_of_a_launcher_have_none_each_knows_its_own_gpu(monkeypatch):
    take(given((40.0, 200.0), 0.8), "cpu", 0.8, lambda _: None)
    monkeypatch.setenv("WORLD_SIZE", "2")
    meter = Meter(device="cpu")
    meter.close()
    assert meter.wall is None


@pytest.mark.usefixtures("powercap_that_counts")
def test_each_level_is_asked_for_while_its_load_runs():
    busy = {}

    def answer(level):
        cpu_s, begun_s = time.process_time(), time.monotonic()
        time.sleep(0.8)
        busy[level] = (time.process_time() - cpu_s) / (time.monotonic() - begun_s)
        return {"rest": 40.0, "half load": 120.0, "full load": 200.0}[level]

    take(dict.fromkeys(LEVELS, answer), "cpu", 0.3, lambda _: None)
    assert list(busy) == ["rest", "half load", "full load"]
    assert busy["rest"] < 0.5 * busy["full load"]


@pytest.mark.parametrize("text", ["21", "21,x", "1,2,3,4", "0,50", "nan,50", "-3,50", ""])
def test_what_is_no_reading_is_refused(text):
    with pytest.raises(MeterError, match="rest, half and full"):
        parse(text)


def test_readings_as_numbers():
    assert parse("21,55.5,98") == (21.0, 55.5, 98.0)
    assert parse("21, 98") == (21.0, 98.0)


def under(others_cpu_s):
    return Conditions(wall_s=10.0, threads=2, cpu_s=5.0, others_cpu_s=others_cpu_s)


def test_a_model_counts_this_process_alone_so_others_must_be_quiet():
    _check_quiet("rest", under(1.0))
    _check_quiet("rest", None)
    with pytest.raises(MeterError, match="other programs had 25% of the machine at rest"):
        _check_quiet("rest", under(5.0))
