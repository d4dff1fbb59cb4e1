"""A few of the kills of tests/benchmarks/kills.py, with what a disk does in between."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
SCRIPT = Path(__file__).parents[1] / "benchmarks" / "kills.py"


@pytest.mark.parametrize("kills", [4, pytest.param(50, marks=pytest.mark.nightly)])
def test_kills_and_damage_lose_nothing(tiny, kills):
    command = [sys.executable, SCRIPT, "--kills", str(kills), "--seed", "3", "--suite", tiny]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"{kills} kills of ")
    assert "0 records lost, 0 runs with other metrics or weights" in done.stdout
