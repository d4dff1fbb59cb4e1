"""A suite under torchrun against one process: the same metrics, the machine's energy once."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

pytestmark = pytest.mark.e2e

ASK = ("--strategies", "none,full,partial", "--transfers", "probe,finetune", "--seeds", "1")
TORCHRUN = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
WATTS = 40.0


@pytest.fixture
def package(tmp_path):
    """A powercap tree whose one counter draws `WATTS`."""
    zone = tmp_path / "powercap" / "intel-rapl:0"
    zone.mkdir(parents=True)
    (zone / "name").write_text("package-0\n")
    (zone / "max_energy_range_uj").write_text("262143328850\n")
    over, begun = threading.Event(), time.monotonic()

    def tick():
        while not over.wait(0.005):
            new = zone / "new"
            new.write_text(f"{round(WATTS * 1e6 * (time.monotonic() - begun))}\n")
            new.rename(zone / "energy_uj")

    (zone / "energy_uj").write_text("0\n")
    thread = threading.Thread(target=tick)
    thread.start()
    yield zone.parent
    over.set()
    thread.join()


@pytest.fixture
def bench(tiny, tmp_path, package):
    """``bench(launcher, name, *options, suite=...)``: the run's summary and its records."""

    def run(launcher, name, *options, suite=tiny):
        out = tmp_path / name
        command = [*launcher, "-m", "greendapt", "bench", "--suite", suite, "--out", out]
        command += [*ASK, *options]
        done = subprocess.run(
            [*map(str, command)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "GREENDAPT_POWERCAP": str(package)},
        )
        assert done.returncode == 0, done.stderr
        (folder,) = out.iterdir()
        lines = (folder / "records.jsonl").read_bytes().splitlines()
        return json.loads((folder / "summary.json").read_text()), [*map(json.loads, lines)]

    return run


def numbers(value):
    """Every number of nested metrics, in order."""
    if isinstance(value, dict):
        return [n for one in value.values() for n in numbers(one)]
    if isinstance(value, list):
        return [n for one in value for n in numbers(one)]
    return [value] if isinstance(value, (int, float)) else []


def test_two_ranks_give_the_metrics_of_one_process_and_the_energy_of_one_machine(bench):
    alone, _ = bench([sys.executable], "alone")
    pair, _ = bench(TORCHRUN, "pair")
    assert [row["strategy"] for row in pair["rows"]] == [r["strategy"] for r in alone["rows"]]
    for one, other in zip(pair["rows"], alone["rows"], strict=True):
        found, wanted = numbers(one["metrics"]), numbers(other["metrics"])
        assert len(wanted) > 10
        # parts of a batch are summed in another order
        assert found == pytest.approx(wanted, abs=1e-4)
        flops = [row["training_flops"]["value"] for row in (one, other)]
        assert flops[0] == flops[1]
    # far more epochs than two runs stay equal for: a fast machine, too, needs a second for a phase
    _, records = bench(TORCHRUN, "long", "--strategies", "full", "--set", "phase.adapt.epochs=60")
    long = [r["figures"] for r in records if r["figures"]["wall_s"]["value"] > 0.3]
    assert long
    watts = [f["energy_cpu_j"]["value"] / f["wall_s"]["value"] for f in long]
    assert watts == pytest.approx([WATTS] * len(watts), rel=0.25)


@pytest.mark.nightly
def test_two_ranks_run_a_suites_own_code_as_one_process_does(bench, tiny_own):
    asked = {"suite": tiny_own}
    alone, before = bench([sys.executable], "alone", "--trust", **asked)
    pair, after = bench(TORCHRUN, "pair", "--trust", **asked)
    assert [one["key"] for one in after] == [one["key"] for one in before]
    assert {row["backbone"] for row in pair["rows"]} == {"own_net"}
    for one, other in zip(pair["rows"], alone["rows"], strict=True):
        assert numbers(one["metrics"]) == pytest.approx(numbers(other["metrics"]), abs=1e-4)


def test_a_lost_rank_ends_the_run_with_one_sentence_and_it_resumes(tiny, tmp_path, greendapt):
    command = [*TORCHRUN, "-m", "greendapt", "bench", "--suite", tiny, *ASK, "--out", tmp_path]
    command += ["--set", "phase.adapt.epochs=200"]
    process = subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, text=True)
    try:
        while not [*tmp_path.glob("*/claims/*")]:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        ranks = psutil.Process(process.pid).children()
        (other,) = [one for one in ranks if one.environ().get("RANK") == "1"]
        other.send_signal(signal.SIGKILL)
        _, said = process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert process.returncode != 0
    (run,) = tmp_path.iterdir()
    (sentence,) = [line for line in said.splitlines() if line.startswith("greendapt: ")]
    assert "another process of torchrun ended early" in sentence
    assert sentence.endswith(f"then go on with: greendapt resume {run}")
    done = greendapt("resume", run)
    assert done.code == 0, done.err
    keys = [json.loads(line)["key"] for line in (run / "records.jsonl").read_bytes().splitlines()]
    assert len(keys) == len(set(keys))


def test_training_that_can_never_learn_fails_on_all_ranks_and_the_others_run(tiny, tmp_path):
    command = [*TORCHRUN, "-m", "greendapt", "bench", "--suite", tiny, "--out", tmp_path]
    command += ["--strategies", "none,partial", "--set", "phase.adapt.batch_norm=frozen"]
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode != 0
    assert "greendapt: 1 of 2 cells failed" in done.stderr
    assert "DeadTraining: no gradient reaches layer4.0.conv1.weight" in done.stderr
