"""Any command under the meters: through the dynamic loader, as users run it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from greendapt.meter import Meter
from greendapt.meter.command import run_metered
from greendapt.meter.job import Job

RUN = "import typer; from greendapt.cli.measure import measure; typer.run(measure)"


def measured(command, library, **settings):
    environ = {**os.environ, "LD_LIBRARY_PATH": str(library.parent)}
    environ |= {f"STANDIN_{name.upper()}": str(value) for name, value in settings.items()}
    environ["PATH"] = f"{Path(sys.executable).parent}:/bin"  # no nvidia-smi
    done = subprocess.run(
        [sys.executable, "-c", RUN, "--json", "--", *command],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_five_seconds_on_three_gpus_within_one_percent(standin_library):
    record = measured(["sleep", "5"], standin_library, gpus=3)
    gpu, wall = record["energy_j"]["gpu"], record["wall_s"]["value"]
    assert wall >= 5.0
    assert gpu["value"] == pytest.approx(3 * 300 * wall, rel=0.01)
    assert gpu["low"] <= 3 * 300 * wall <= gpu["high"]
    assert gpu["quality"] == "measured"
    for seen in record["meter"]["gpus"]:
        assert seen["counter_over_integrated"] == pytest.approx(1.0, abs=0.05)


def test_sampled_power_and_no_nvidia_smi(standin_library):
    record = measured(["sleep", "1"], standin_library, no_counter=1)
    gpu = record["energy_j"]["gpu"]
    assert gpu["quality"] == "integrated"
    assert gpu["value"] == pytest.approx(300 * record["wall_s"]["value"], rel=0.01)


@pytest.fixture(scope="module")
def meter():
    opened = Meter(device="cpu")
    yield opened
    opened.close()


def test_memory_is_the_command_s(meter):
    code = "b = bytearray(400_000_000); b[::4096] = b'x' * len(b[::4096])"
    with Job([sys.executable, "-c", code]) as job:
        record = run_metered(job, meter)
    assert record["peak_memory_bytes"].value > 380e6
