"""``greendapt measure``: what a user sees."""

import json
import subprocess
import sys

import pytest

RUN = "import typer; from greendapt.cli.measure import measure; typer.run(measure)"
PARTS = {"gpu", "cpu", "dram", "ram", "total"}
FIGURE = {"value", "unit", "quality", "source", "low", "high"}


def measure(*arguments):
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments], capture_output=True, text=True, check=False
    )


def test_json_stands_alone_and_the_status_is_the_commands():
    done = measure("--json", "--device", "cpu", "--", "sh", "-c", "echo hello; exit 3")
    assert done.returncode == 3
    assert "hello" in done.stderr
    record = json.loads(done.stdout)
    assert record.keys() == {
        "wall_s", "energy_j", "energy_above_idle_j", "energy_green_algorithms_j", "carbon_g",
        "embodied_g", "peak_memory_bytes", "meter", "energy_process_j", "energy_idle_share_j",
        "energy_machine_j", "energy_wall_j", "cpu_s", "conditions", "exit_status", "left_running",
    }  # fmt: skip
    assert record["energy_j"].keys() == PARTS
    assert record["conditions"]["threads"] >= 1
    beside = (
        "wall_s",
        "cpu_s",
        "energy_process_j",
        "energy_machine_j",
        "energy_above_idle_j",
        "energy_green_algorithms_j",
        "carbon_g",
        "embodied_g",
    )
    figures = [*(record[name] for name in beside), *record["energy_j"].values()]
    assert all(figure.keys() == FIGURE for figure in figures)
    for figure in figures:
        assert (figure["value"] is None) == (figure["quality"] == "unavailable")
        assert figure["value"] is None or figure["value"] > 0


def test_text_goes_to_stderr_and_leaves_the_commands_output():
    done = measure("--device", "cpu", "--", "echo", "hello")
    assert done.stdout == "hello\n"
    for word in ("time", "energy", "GPU", "CPU", "DRAM", "RAM apart", "carbon", "memory"):
        assert word in done.stderr


def test_a_file_takes_the_record(tmp_path):
    path = tmp_path / "record.json"
    done = measure("--device", "cpu", "--output", str(path), "--region", "HUN", "--", "echo", "hi")
    assert done.stdout == "hi\n"
    assert "Hungary" in json.loads(path.read_text())["carbon_g"]["source"]


def test_embodied_carbon_and_the_score():
    done = measure(
        *("--json", "--device", "cpu", "--intensity", "100", "--embodied-kg", "1000"),
        *("--units", "50", "--unit", "image", "--", "true"),
    )
    record = json.loads(done.stdout)
    grams = record["carbon_g"]["value"] + record["embodied_g"]["value"]
    assert record["sci"]["unit"] == "g/image"
    assert record["sci"]["value"] == pytest.approx(grams / 50)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--region", "HUX"], "HUN"), (["--pue", "0.5"], "PUE"), (["--device", "tpu"], "device")],
)
def test_bad_settings_are_refused_before_the_command_runs(arguments, words):
    done = measure(*arguments, "--", "echo", "ran")
    assert done.returncode != 0
    assert words in done.stderr
    assert done.stdout == ""
