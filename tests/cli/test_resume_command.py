"""Stopped at any moment and resumed: the same metrics, and a reason for every stage."""

import contextlib
import fcntl
import json
import os
import pty
import random
import re
import select
import shutil
import signal
import subprocess
import time

import pytest

pytestmark = pytest.mark.e2e


def metrics(run):
    rows = json.loads((run / "summary.json").read_text(encoding="utf-8"))["rows"]
    return [json.dumps([row["strategy"], row["seed"], row["metrics"]]) for row in rows]


def records(run):
    return (run / "records.jsonl").read_bytes().splitlines(keepends=True)


@pytest.fixture(scope="module")
def finished(in_process, tiny, tmp_path_factory):
    """An undisturbed run that is long enough to be killed. Not to be changed."""
    out = tmp_path_factory.mktemp("finished")
    done = in_process("bench", "--suite", tiny, "--profile", "long", "--out", out)
    assert done.code == 0, done.err
    (run,) = out.iterdir()
    return run


@pytest.fixture
def copied(finished_run, tmp_path):
    """A copy of a shorter one."""
    return shutil.copytree(finished_run, tmp_path / finished_run.name)


@pytest.fixture
def torn(copied):
    """A copy as a kill may leave it: ten stages done, half a line, no summary."""
    lines = records(copied)
    (copied / "records.jsonl").write_bytes(b"".join(lines[:10]) + lines[10][:50])
    (copied / "summary.json").unlink()
    return copied


@pytest.fixture
def started(program, tiny, tmp_path):
    """Starts a run in a process group of its own; gives the process and the run's folder."""
    processes = []

    def start():
        out = tmp_path / f"runs{len(processes)}"
        command = [*program, "bench", "--suite", tiny, "--profile", "long", "--out", out]
        process = subprocess.Popen(
            [*map(str, command)],
            start_new_session=True,
            stderr=subprocess.PIPE,
            text=True,
            # a shell ignores SIGINT for what it runs in the background, and that is inherited
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        processes.append(process)
        while not (runs := [*out.glob("*/run.json")]):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)
        return process, runs[0].parent

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def lines_in(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.parametrize("at", [0, pytest.param(5, marks=pytest.mark.nightly), 18])
def test_killed_and_resumed_the_metrics_are_the_same_bytes(started, greendapt, finished, at):
    process, run = started()
    while lines_in(run / "records.jsonl") < at and process.poll() is None:
        time.sleep(0.01)
    time.sleep(random.Random(at).uniform(0, 0.2))
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run was over before the kill"
    assert not (run / "summary.json").exists()
    kept = records(run) if (run / "records.jsonl").exists() else []
    done = greendapt("resume", run)
    assert done.code == 0, done.err
    assert metrics(run) == metrics(finished)
    whole = [line for line in kept if line.endswith(b"\n")]
    assert records(run)[: len(whole)] == whole
    assert done.err.count("reused, done") == len(whole)
    assert len(records(run)) == len(records(finished))


def test_ctrl_c_says_in_one_line_how_to_go_on(started, greendapt, finished):
    process, run = started()
    while lines_in(run / "records.jsonl") < 3:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert said.splitlines()[-1] == (
        f"greendapt: stopped; what was finished is kept; go on with: greendapt resume {run}"
    )
    assert greendapt("resume", run).code == 0
    assert metrics(run) == metrics(finished)


def test_a_torn_last_line_never_counted(torn, greendapt, finished_run):
    done = greendapt("resume", torn)
    assert done.code == 0, done.err
    assert done.err.count("reused, done") == 10
    assert "runs, not finished before" in done.err
    assert metrics(torn) == metrics(finished_run)
    assert all(json.loads(line) for line in records(torn))


def test_a_stopped_run_is_reported_as_far_as_it_went(torn, greendapt):
    names = ("html", "md", "csv", "json", "latex", "modelcard", "emissions", "card", "terminal")
    done = greendapt("report", torn, "--format", ",".join(names))
    assert done.code == 0, done.err
    said = f"of 3 cells are done; go on with: greendapt resume {torn}"
    assert said.partition(";")[0] in done.out
    for name in ("html", "md", "csv", "json"):
        text = (torn / f"report.{name}").read_text(encoding="utf-8")
        assert "Interim: " in text
        assert said.replace("_", "\\_" if name == "md" else "_") in text
    assert "interim" in (torn / "report.card.svg").read_text(encoding="utf-8")
    for name in ("report.tex", "modelcard.md"):
        assert "Interim: " in (torn / name).read_text(encoding="utf-8")
    assert f"note: Interim: 1 {said}" in greendapt("report", torn).err
    assert not (torn / "summary.json").exists()
    again = greendapt("resume", torn)
    assert again.code == 0, again.err
    for name in ("html", "md"):
        assert "Interim" not in (torn / f"report.{name}").read_text(encoding="utf-8")


def test_the_gate_and_the_site_take_no_stopped_run(torn, greendapt, tmp_path):
    for command in (
        ("baseline", torn, "--out", tmp_path / "b.json"),
        ("check", torn, "--baseline", tmp_path / "b.json"),
        ("publish", torn, "--to", tmp_path / "site"),
    ):
        done = greendapt(*command)
        assert done.code == 2
        assert not (tmp_path / "b.json").exists()
        if command[0] != "check":
            assert "the run is not finished; go on with: greendapt resume" in done.err


def test_a_finished_run_reuses_everything_and_says_so(copied, greendapt):
    before = records(copied)
    done = greendapt("resume", copied)
    assert done.code == 0
    assert "every stage is finished: all are reused, nothing is left to run" in done.err
    assert done.err.count("reused, done") == len(before)
    assert records(copied) == before


def test_deleted_files_are_made_again_where_a_later_stage_reads_them(torn, greendapt, finished_run):
    for path in (torn / "checkpoints").iterdir():
        shutil.rmtree(path)
    done = greendapt("resume", torn)
    assert done.code == 0, done.err
    assert "runs again, its files are gone and a later stage reads them" in done.err
    assert metrics(torn) == metrics(finished_run)


def flip(path):
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 2, len(data) // 2 + min(400, len(data) // 4)):
        data[place] ^= 0xFF
    path.write_bytes(data)


@pytest.mark.parametrize("how", ["flipped", "cut", "empty", "deleted"])
def test_files_that_are_not_as_written_are_made_again(torn, greendapt, finished_run, how):
    for path in sorted(torn.glob("checkpoints/*/*.safetensors")):
        if how == "flipped":
            flip(path)
        elif how == "deleted":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[: 100 * (how == "cut")])
    done = greendapt("resume", torn)
    assert done.code == 0, done.err
    assert metrics(torn) == metrics(finished_run)
    assert "safetensors is not what was written" in done.err or "safetensors is gone" in done.err


def test_cells_that_fail_do_not_replace_those_that_were_done(copied, greendapt, monkeypatch):
    """A finished run whose records were cut, on a machine that cannot do its stages any more."""

    def fail(*_):
        raise ValueError("no")

    monkeypatch.setattr("greendapt.run.stages.probe.Probing._run", fail)
    before = (copied / "summary.json").read_bytes()
    lines = records(copied)
    (copied / "records.jsonl").write_bytes(b"".join(lines[:10]))
    shutil.rmtree(copied / "checkpoints")
    done = greendapt("resume", copied)
    assert done.code == 4
    assert "the summary of before is kept" in done.err
    assert (copied / "summary.json").read_bytes() == before


def test_changed_data_runs_what_rests_on_it_again(torn, greendapt):
    said = json.loads((torn / "run.json").read_text(encoding="utf-8"))
    said["suite"]["data"]["external"]["b"]["seed"] = 99
    (torn / "run.json").write_text(json.dumps(said), encoding="utf-8")
    done = greendapt("resume", torn)
    assert done.code == 0, done.err
    reasons = dict(re.findall(r"^\[\d+/\d+\] (.+ seed 0): (.+)$", done.err, re.MULTILINE))
    assert reasons["features of none, seed 0"].startswith("reused")
    assert reasons["test_resnet phase 1 (head, 2 epochs), seed 0"].startswith("reused")
    assert reasons["test features of none, seed 0"].startswith(
        "runs again, its data, weights or own code changed"
    )


def test_a_run_that_a_process_writes_is_left_alone(torn, greendapt):
    with (torn / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = greendapt("resume", torn)
    assert done.code == 2
    assert done.err.splitlines()[-1] == (
        f"greendapt: another process is writing {torn}; wait for it"
    )
    assert len(records(torn)) == 11


def test_a_damaged_run_is_said(copied, greendapt):
    lines = records(copied)
    (copied / "records.jsonl").write_bytes(b"".join([lines[0], b"{}\n", *lines[2:]]))
    done = greendapt("resume", copied)
    assert done.code == 2
    assert "records.jsonl line 2 is damaged (schema: is None" in done.err
    assert "delete the line, and go on with: greendapt resume" in done.err
    (copied / "run.json").write_text('{"schema": 1, "suite": {}}')
    assert "run.json is damaged (suite.name: Field required)" in greendapt("resume", copied).err
    (copied / "run.json").write_text("[]")
    assert "run.json is damaged (it holds no table)" in greendapt("resume", copied).err


def test_elsewhere_bench_only_notes_an_unfinished_run(torn, greendapt, tiny):
    command = ("bench", "--suite", tiny, "--out", torn.parent, "--device", "cpu")
    done = greendapt(*command)
    assert done.code == 0, done.err
    assert f"note: {torn} is an unfinished run of this suite (10 stages done)" in done.err
    assert not (torn / "summary.json").exists()
    assert len([*torn.parent.glob("tiny-*")]) == 2


def test_on_a_terminal_bench_offers_to_go_on(torn, program, tiny, finished_run):
    command = ["bench", "--suite", tiny, "--out", torn.parent, "--device", "cpu"]
    code, shown = on_a_terminal([*program, *map(str, command)], answer=b"y\n", to="Go on with it?")
    assert code == 0, shown
    assert [path.name for path in torn.parent.glob("tiny-*")] == [torn.name]
    assert metrics(torn) == metrics(finished_run)
    assert len(records(torn)) == len(records(finished_run))


def test_a_full_disk_in_mid_run(torn, program, greendapt, finished_run):
    """The limit on a file's size stands for the disk's: the first checkpoint goes over it."""
    code = (
        "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); "
        "os.execv(sys.executable, sys.argv[1:])"
    )
    command = [program[0], "-c", code, *program, "resume", str(torn)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("greendapt: cannot write ")
    assert last.endswith(f"then go on with: greendapt resume {torn}")
    assert "Traceback" not in done.stderr
    assert not (torn / "summary.json").exists()
    assert greendapt("resume", torn).code == 0
    assert metrics(torn) == metrics(finished_run)


def on_a_terminal(command, *, answer, to):
    """Exit code, and what a terminal of 80 columns shows; ``answer`` is typed when ``to`` is."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": "80", "LINES": "24", "TERM": "xterm"}
    process = subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env=environment
    )
    os.close(follower)
    shown, answered = b"", False
    while True:
        ready, _, _ = select.select([leader], [], [], 120)
        assert ready, shown
        try:
            shown += os.read(leader, 65536)
        except OSError:  # the other end is closed
            break
        if not answered and to.encode() in shown:
            os.write(leader, answer)
            answered = True
    os.close(leader)
    return process.wait(), shown.decode(errors="replace")
