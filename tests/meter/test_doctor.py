"""What a machine can measure, and how fine."""

import json

import pytest

from greendapt.core.errors import MeterError
from greendapt.meter.doctor import examine, report_lines, smallest_rise
from greendapt.meter.record_text import as_json


def test_a_machine_with_counters(standin, two_sockets, monkeypatch):
    standin(gpus=2, slowdown=4, pids="4000001")
    monkeypatch.setenv("GREENDAPT_POWERCAP", str(two_sockets.root))
    report = examine(repeats=3)
    parts = {part["part"]: part for part in report["parts"]}
    assert parts.keys() == {"time", "gpu", "cpu", "dram", "ram", "total", "memory"}
    assert parts["time"]["quality"] == "measured"
    assert parts["gpu"]["quality"] in ("measured", "integrated")
    assert parts["cpu"]["source"] == "RAPL package-0 did not move in the window"
    assert [gpu["slowed_by"] for gpu in report["gpus"]] == [["power cap"]] * 2
    assert [gpu["other_processes"] for gpu in report["gpus"]] == [1, 1]
    assert json.loads(as_json(report)) == report
    assert "slowed by power cap" in "\n".join(report_lines(report))


def test_a_machine_without_any_says_how_to_enable_them(monkeypatch, tmp_path):
    monkeypatch.setenv("GREENDAPT_POWERCAP", str(tmp_path))
    report = examine(device="cpu", repeats=3)
    parts = {part["part"]: part for part in report["parts"]}
    assert parts["cpu"]["quality"] == "estimated"
    assert "modprobe" in parts["cpu"]["enable"]
    assert parts["dram"]["quality"] == "unavailable"
    assert parts["dram"]["enable"]
    assert report["noise"]["time"]["relative_sd"] > 0
    assert report["gpus"] == []


def test_too_few_repeats_are_refused():
    with pytest.raises(MeterError):
        examine(repeats=2)


def test_the_smallest_rise_falls_with_repeats_and_matches_the_table():
    # two groups of 17, 5% two-sided, 80% power: an effect of about one standard deviation
    assert smallest_rise(1.0, 17) == pytest.approx(1.0, abs=0.02)
    rises = [smallest_rise(0.05, n) for n in (3, 5, 10, 20)]
    assert rises == sorted(rises, reverse=True)
