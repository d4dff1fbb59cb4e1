"""A real Slurm of one node: a suite as jobs, one of them cancelled, the node set down."""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.e2e, pytest.mark.slurm]

# a job a seed, each longer than Slurm takes from asking a job to end to killing it: some 5 s
ASK = ("--strategies", "partial", "--seeds", "3", "--set", "phase.adapt.epochs=1500")
JOBS = ("--executor", "slurm", "--slurm", "cpus_per_task=1")
NEEDED = ("slurmctld", "slurmd", "munged", "sbatch")


def why_not():
    missing = [
        name
        for name in NEEDED
        if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None
    ]
    if missing:
        return f"no {', '.join(missing)}: apt-get install slurm-wlm munge"
    return None if os.geteuid() == 0 else "daemons of Slurm for all users need root"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A Slurm for these tests; ``sinfo`` and the others find it."""
    if (why := why_not()) is not None:
        pytest.skip(why)
    pytest.importorskip("submitit")
    start = Path(__file__).with_name("start")
    folder = tmp_path_factory.mktemp("slurm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{os.environ['PATH']}:/usr/sbin")
        try:
            done = subprocess.run([start, folder], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
            yield
            subprocess.run(["scancel", "--user=root"], check=False)
        finally:
            subprocess.run([start, "--stop", folder], check=False)


@pytest.fixture(scope="module")
def undisturbed(in_process, tiny, tmp_path_factory):
    """The metrics of a run in one process."""
    out = tmp_path_factory.mktemp("undisturbed")
    done = in_process("bench", "--suite", tiny, *ASK, "--out", out)
    assert done.code == 0, done.err
    return metrics(*out.iterdir())


def metrics(run):
    rows = json.loads((run / "summary.json").read_text(encoding="utf-8"))["rows"]
    return [(row["strategy"], row["seed"], row["metrics"]) for row in rows]


def claimed(run):
    """Whether a job is at work on a stage."""
    return any(run.glob("claims/*"))


def jobs(state):
    command = ["squeue", "--noheader", "--array", "--format=%i", f"--states={state}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def node(state):
    name = subprocess.run(["hostname", "-s"], capture_output=True, text=True, check=True).stdout
    change = ["scontrol", "update", f"nodename={name.strip()}", f"state={state}", "reason=test"]
    return subprocess.run(change, check=False).returncode == 0


def until(true, process=None, limit_s=240.0):
    """Poll; the limit is there to end a test that hangs."""
    end = time.monotonic() + limit_s
    while not (said := true()):
        assert time.monotonic() < end
        assert process is None or process.poll() is None, process.communicate()[1]
        time.sleep(0.2)
    return said


@pytest.mark.usefixtures("cluster")
def test_a_suite_through_slurm_gives_the_metrics_of_one_process(shell, tiny, tmp_path, undisturbed):
    done = shell("bench", "--suite", tiny, *ASK, *JOBS, "--slurm", "exclusive", "--out", tmp_path)
    assert done.code == 0, done.err
    (run,) = tmp_path.iterdir()
    assert metrics(run) == undisturbed
    assert len([*(run / "workers").glob("*.jsonl")]) == 3
    assert len([*(run / "logs").glob("*_log.out")]) == 3
    assert "the node may" not in (run / "records.jsonl").read_text(encoding="utf-8")


@pytest.mark.nightly
@pytest.mark.usefixtures("cluster")
def test_jobs_run_a_suites_own_code_by_what_was_trusted(shell, in_process, tiny_own, tmp_path):
    asked = ("bench", "--suite", tiny_own, "--trust", "--strategies", "partial")
    alone = in_process(*asked, "--out", tmp_path / "alone")
    assert alone.code == 0, alone.err
    done = shell(*asked, *JOBS, "--out", tmp_path / "jobs")
    assert done.code == 0, done.err
    (one,), (other,) = ([*(tmp_path / name).iterdir()] for name in ("alone", "jobs"))
    assert metrics(other) == metrics(one)


@pytest.mark.usefixtures("cluster")
def test_a_job_cancelled_and_a_node_down_and_up_and_resume_finishes(
    shell, program, tiny, tmp_path, undisturbed
):
    command = [*program, "bench", "--suite", tiny, *ASK, *JOBS, "--out", tmp_path]
    process = subprocess.Popen([*map(str, command)], stderr=subprocess.PIPE, text=True)
    try:
        (run,) = until(lambda: [*tmp_path.glob("*/slurm.json")], process)
        run = run.parent
        until(lambda: claimed(run), process)
        cancelled = jobs("running")[0]
        subprocess.run(["scancel", cancelled], check=True)
        until(lambda: cancelled not in jobs("running,completing"))
        until(lambda: jobs("running"), process)
        assert node("down")
        until(lambda: not jobs("running,completing"))
        assert jobs("pending"), "what ran on the node was not put back into the queue"
        assert node("resume")
        _, said = process.communicate(timeout=240)
    finally:
        node("resume")
        process.kill()
        process.wait()
    assert process.returncode == 2, said
    last = said.splitlines()[-1]
    assert last.startswith("greendapt: jobs ended early; ")
    assert last.endswith(f"then go on with: greendapt resume {run}")
    done = shell("resume", run, *JOBS)
    assert done.code == 0, done.err
    assert metrics(run) == undisturbed
    kept = (run / "records.jsonl").read_bytes().splitlines()
    assert len({json.loads(line)["key"] for line in kept}) == len(kept), "a stage ran twice"
    assert not any((run / "claims").iterdir())
