"""``greendapt doctor --wall``, and what later runs say of it."""

import csv
import json
import os
import pty
import sys

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("powercap_that_counts")]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GREENDAPT_CACHE", str(tmp_path / "cache"))


def test_a_run_keeps_the_line_and_its_report_has_the_wall(greendapt, tiny, tmp_path, only_run):
    done = greendapt("doctor", "--wall", "40,120,200", "--seconds", "0.8", "--device", "cpu")
    assert done.code == 0, done.err
    out = tmp_path / "runs"
    asked = ("--strategies", "none,full", "--set", "run.device=cpu")
    done = greendapt("bench", "--suite", tiny, "--out", out, *asked)
    assert done.code == 0, done.err
    run = only_run(out)
    fit = json.loads((run / "run.json").read_text())["meter"]["wall"]
    assert fit["parts"] == ["cpu"]
    assert len(fit["readings"]) == 3
    text = (run / "report.md").read_text()
    assert "| Energy at the wall |" in text
    assert "a line through 3 readings of a plug meter" in text
    assert greendapt("report", run, "--format", "csv").code == 0
    rows = list(csv.DictReader((run / "report.csv").open()))
    for row in rows:
        energy_j, wall_s = float(row["energy_j"]), float(row["wall_s"])
        expected = fit["slope"] * energy_j + fit["base_w"] * wall_s
        assert float(row["energy_wall_j"]) == pytest.approx(expected)
        assert row["energy_wall_j_quality"] == "estimated"


def test_in_a_terminal_it_asks(greendapt, monkeypatch):
    """Each level in turn; what is no number of watts is asked for again."""
    keyboard, terminal = pty.openpty()
    os.write(keyboard, b"40\nmany\n-3\n90\n150\n")
    with os.fdopen(terminal) as typed:
        monkeypatch.setattr(sys, "stdin", typed)
        done = greendapt("doctor", "--wall", "--seconds", "4", "--device", "cpu", "--json")
    os.close(keyboard)
    assert done.code == 0, done.err
    assert [watts for _, watts in json.loads(done.out)["readings"]] == [40, 90, 150]
    assert "What does the plug meter tell at half load" in done.err
    assert "give watts, such as 55" in done.err
