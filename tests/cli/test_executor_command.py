"""Several workers on one run folder: the same metrics, every stage once, whoever is killed."""

import json
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

pytestmark = pytest.mark.e2e

ASK = ("--strategies", "none,full,partial", "--seeds", "2")
LOCAL = ("--executor", "local", "--workers", "2")


def metrics(run):
    rows = json.loads((run / "summary.json").read_text(encoding="utf-8"))["rows"]
    return [json.dumps([row["strategy"], row["seed"], row["metrics"]]) for row in rows]


def records(run):
    return [json.loads(line) for line in (run / "records.jsonl").read_bytes().splitlines()]


@pytest.fixture(scope="module")
def alone(in_process, tiny, tmp_path_factory):
    """A run in one process. Not to be changed."""
    out = tmp_path_factory.mktemp("alone")
    done = in_process("bench", "--suite", tiny, *ASK, "--out", out)
    assert done.code == 0, done.err
    (run,) = out.iterdir()
    return run


@pytest.fixture
def started(program, tiny, tmp_path):
    """Two workers, each with a stage under way, after one of them has finished one; killed at the
    end."""
    command = [*program, "bench", "--suite", tiny, *ASK, *LOCAL, "--out", tmp_path]
    command += ["--set", "phase.adapt.epochs=40"]
    process = subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, text=True)
    while not [*tmp_path.glob("*/workers/*.jsonl")] or len([*tmp_path.glob("*/claims/*")]) < 2:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.05)
    (run,) = tmp_path.iterdir()
    yield process, run
    process.kill()
    process.communicate()


def workers(process):
    found = psutil.Process(process.pid).children()
    return [one for one in found if "greendapt.run.workers.job" in one.cmdline()]


def test_two_workers_give_the_metrics_of_one_process_and_say_whose_energy_it_is(
    greendapt, tiny, tmp_path, alone
):
    done = greendapt("bench", "--suite", tiny, *ASK, *LOCAL, "--out", tmp_path)
    assert done.code == 0, done.err
    (run,) = tmp_path.iterdir()
    assert metrics(run) == metrics(alone)
    keys = [record["key"] for record in records(run)]
    assert sorted(keys) == sorted({record["key"] for record in records(alone)})
    assert len([*(run / "workers").glob("*.jsonl")]) == 2
    assert not any((run / "claims").iterdir())
    assert done.err.count(": done in ") == len(keys)
    beside = [record for record in records(run) if record["details"].get("beside")]
    assert beside
    assert all("other worker" in one["figures"]["energy_j"]["source"] for one in beside)
    (said,) = [n for n in json.loads((run / "summary.json").read_text())["notes"] if "meter" in n]
    assert said.startswith(f"{len(beside)} of {len(keys)} stages were metered while other")
    assert not any(record["details"].get("beside") for record in records(alone))


def test_a_worker_that_is_killed_leaves_its_stage_to_the_other(started):
    process, run = started
    workers(process)[0].kill()
    _, said = process.communicate(timeout=240)
    assert process.returncode == 0, said
    keys = [record["key"] for record in records(run)]
    assert len(keys) == len(set(keys))
    assert not any((run / "claims").iterdir())


def test_a_killed_run_leaves_no_worker_and_resumes(started, greendapt):
    process, run = started
    crew = workers(process)
    assert len(crew) == 2
    process.send_signal(signal.SIGKILL)
    process.wait()
    gone, alive = psutil.wait_procs(crew, timeout=20)
    assert not alive
    assert len(gone) == 2
    before = len([*run.glob("claims/*")])
    done = greendapt("resume", run, *LOCAL)
    assert done.code == 0, done.err
    assert before, "no stage was under way when it was killed"
    keys = [record["key"] for record in records(run)]
    assert len(keys) == len(set(keys))
    assert not any((run / "claims").iterdir())


def test_a_claim_whose_holder_died_after_its_record_does_not_outlive_the_run(
    greendapt, alone, tmp_path
):
    run = shutil.copytree(alone, tmp_path / "run")
    finished = records(run)[0]["key"]
    dies = "import os, pathlib, sys; from greendapt.run.workers.claims import Claims\n"
    dies += "with Claims(pathlib.Path(sys.argv[1])).take(sys.argv[2]): os._exit(9)"
    subprocess.run([sys.executable, "-c", dies, run / "claims", finished], check=False)
    assert [*(run / "claims").iterdir()]
    done = greendapt("resume", run, *LOCAL)
    assert done.code == 0, done.err
    assert not any((run / "claims").iterdir())


def test_all_workers_killed_is_one_sentence_and_resume_finishes(started, greendapt):
    process, run = started
    for worker in workers(process):
        worker.kill()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 2
    assert said.splitlines()[-1].startswith("greendapt: workers ended early (worker 0 with -9, ")
    assert said.splitlines()[-1].endswith(f"then go on with: greendapt resume {run}")
    assert "Traceback" not in said
    done = greendapt("resume", run)
    assert done.code == 0, done.err


def test_one_worker_is_clean_and_a_cell_that_fails_fails_alone(greendapt, tiny, tmp_path, alone):
    ask = ("--strategies", "none,bad,partial", "--seeds", "1", "--executor", "local")
    done = greendapt("bench", "--suite", tiny, *ask, "--out", tmp_path)
    assert done.code == 4, done.err
    (run,) = tmp_path.iterdir()
    assert set(metrics(run)) < set(metrics(alone))
    (failed,) = [record for record in records(run) if record["status"] == "failed"]
    assert "loss is not a finite number" in failed["error"]
    assert not any(record["details"].get("beside") for record in records(run))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--workers", "2"), "--workers: give --executor local or slurm with it"),
        (("--slurm", "exclusive"), "--slurm: give --executor slurm with it"),
        (("--executor", "cloud"), "--executor cloud: there is local and slurm"),
        (("--executor", "slurm", "--slurm", "partitoin=all"), "--slurm partitoin: there is "),
    ],
)
def test_what_does_not_go_together_is_one_sentence(greendapt, tiny, options, said):
    done = greendapt("bench", "--suite", tiny, *options)
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith(f"greendapt: {said}")
    assert "Traceback" not in done.err


def test_slurm_without_slurm_says_where_to_go(greendapt, monkeypatch, tiny):
    monkeypatch.setenv("PATH", "")
    done = greendapt("bench", "--suite", tiny, "--executor", "slurm")
    assert done.code == 2
    assert done.err.endswith(
        "greendapt: --executor slurm: no sbatch here; go to a login node of the cluster\n"
    )
