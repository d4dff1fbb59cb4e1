"""Generic weights in the user's cache that are not what was written."""

import json
import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("left", [0, 100])
def test_a_finished_run_is_resumed_and_planned(greendapt, tiny, monkeypatch, tmp_path, left):
    """Effort and times of stages are known without reading the file."""
    monkeypatch.setenv("GREENDAPT_CACHE", str(tmp_path / "cache"))
    asked = ("--suite", tiny, "--weights", "fractal", "--strategies", "none")
    small = ("--set", "fractal.images=64", "--set", "fractal.epochs=1")
    assert greendapt("bench", *asked, *small, "--out", tmp_path / "runs").code == 0
    (run,) = (tmp_path / "runs").iterdir()
    (weights,) = Path(os.environ["GREENDAPT_CACHE"]).glob("weights/*/backbone.safetensors")
    before = (run / "summary.json").read_bytes()

    weights.write_bytes(weights.read_bytes()[:left])
    assert greendapt("plan", *asked, *small).code == 0
    resumed = greendapt("resume", run)
    assert resumed.code == 0, resumed.err
    after = json.loads((run / "summary.json").read_bytes())
    assert [row["metrics"] for row in after["rows"]] == [
        row["metrics"] for row in json.loads(before)["rows"]
    ]
