"""``greendapt doctor``: what a user sees."""

import json

import pytest
import typer
from typer.testing import CliRunner

from greendapt.cli.doctor import doctor


def said(*arguments):
    app = typer.Typer()
    app.command()(doctor)
    done = CliRunner().invoke(app, ["--repeats", "3", "--device", "cpu", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def test_json():
    report = json.loads(said("--json"))
    assert report.keys() == {"parts", "gpus", "idle_w", "wall", "noise"}
    assert report["idle_w"] is None or report["idle_w"] > 0  # none where others worked
    for part in report["parts"]:
        assert part["quality"] in ("measured", "integrated", "estimated", "unavailable")
        assert part["source"]


def test_text():
    text = said()
    assert "What this machine can measure" in text
    assert "smallest rise shown by N repeats" in text
    assert "At the wall: unavailable" in text
    assert "greendapt doctor --wall" in text


@pytest.mark.usefixtures("powercap_that_counts")
def test_a_plug_meter_s_readings(greendapt, monkeypatch, tmp_path):
    monkeypatch.setenv("GREENDAPT_CACHE", str(tmp_path / "cache"))
    few = ("--seconds", "0.8", "--device", "cpu")
    done = greendapt("doctor", "--wall", "40,200", *few)
    assert done.code == 0, done.err
    assert "full load ..." in done.err
    assert "a line through 2 readings of a plug meter" in done.out
    done = greendapt("doctor", "--wall", "40,120,200", "--json", *few)
    assert len(json.loads(done.out)["readings"]) == 3
    done = greendapt("doctor", "--repeats", "3", "--device", "cpu", "--json")
    assert json.loads(done.out)["wall"]["parts"] == ["cpu"]
    done = greendapt("measure", "--json", "--device", "cpu", "--", "sleep", "0.3")
    assert json.loads(done.out)["energy_wall_j"]["value"] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--wall",), "this is no terminal"),
        (("21,55,98",), "go with --wall"),
        (("--wall", "98"), "rest, half and full load"),
        (("--wall", "98,21", "--seconds", "0.8", "--device", "cpu"), "from rest to full load"),
    ],
)
@pytest.mark.usefixtures("powercap_that_counts")
def test_readings_that_are_none(greendapt, arguments, words):
    done = greendapt("doctor", *arguments)
    assert done.code == 2
    assert words in done.err
    assert "Traceback" not in done.err
