"""``greendapt doctor``: what a user sees."""

import json

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
    assert report.keys() == {"parts", "gpus", "idle_w", "noise"}
    assert report["idle_w"] is None or report["idle_w"] > 0  # none where others worked
    for part in report["parts"]:
        assert part["quality"] in ("measured", "integrated", "estimated", "unavailable")
        assert part["source"]


def test_text():
    text = said()
    assert "What this machine can measure" in text
    assert "smallest rise shown by N repeats" in text
