"""``greendapt measure``: signals, places that take no record, what is left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

PASSED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"]
PARENT = """
import os, subprocess
child = subprocess.Popen(["sleep", "60"])
print(os.getpid(), child.pid, os.getpgrp(), flush=True)
child.wait()
"""
PATIENCE_S = 120
BURN = "import time\nwhile time.process_time() < 0.5: pass\n"


@pytest.fixture
def started(program, tmp_path):
    """``started(*arguments)``: greendapt measure beside this process, without a terminal."""
    running = []

    def start(*arguments):
        process = subprocess.Popen(
            [*program, "measure", "--device", "cpu", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            start_new_session=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def eventually(holds):
    end_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.01)


@pytest.mark.parametrize("name", PASSED)
def test_a_signal_ends_all_of_the_command_and_leaves_a_record(started, tmp_path, name):
    job = started("--output", "r.json", "--", sys.executable, "-c", PARENT)
    pid, child, group = map(int, job.stdout.readline().split())
    assert group == pid
    number = getattr(signal, name)
    job.send_signal(number)
    assert job.wait() == 128 + number
    record = json.loads((tmp_path / "r.json").read_text())
    assert record["exit_status"] == 128 + number
    assert record["wall_s"]["value"] > 0
    eventually(lambda: not psutil.pid_exists(child))


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("missing/r.json", "No such file or directory"),
        (".", "Is a directory"),
        ("pipe", "No such device or address"),  # a pipe without a reader
    ],
)
def test_a_place_that_takes_no_record_is_refused_before_the_command_runs(
    shell, tmp_path, place, why
):
    os.mkfifo(tmp_path / "pipe")
    done = shell("measure", "--output", place, "--", "sh", "-c", "touch ran; exit 3", cwd=tmp_path)
    assert done.code == 2
    assert re.fullmatch(rf"greendapt: cannot write {re.escape(place)}: {why}; .*\n", done.err)
    assert not (tmp_path / "ran").exists()


def test_what_the_file_held_stays_until_there_is_a_record(shell, tmp_path):
    (tmp_path / "old").write_text("old")
    for place in ("old", "new"):
        assert shell(
            "measure", "--device", "tpu", "--output", place, "--", "true", cwd=tmp_path
        ).code
    assert (tmp_path / "old").read_text() == "old"
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("options", "place"), [(["--output", "/dev/full"], "/dev/full"), (["--json"], "stdout")]
)
def test_a_full_disk_is_said_and_the_status_stays(program, options, place):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*program, "measure", "--device", "cpu", *options, "--", "sh", "-c", "exit 3"],
            stdout=full if place == "stdout" else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    first, then, *_ = done.stderr.splitlines()
    assert re.match(rf"greendapt: the record cannot be written to {place}: .*No space left", first)
    assert then.startswith("time ")


def test_what_still_runs_is_said_and_counted(started, tmp_path):
    burn = f"{BURN}print('burnt', flush=True)\ntime.sleep(60)"
    # a session of its own, as daemons have, whose parent ended
    start = f"subprocess.Popen([sys.executable, '-c', {burn!r}], start_new_session=True, stdout=w)"
    script = f"import os, subprocess, sys\nr, w = os.pipe()\n{start}\nos.read(r, 5)\nsys.exit(3)"
    job = started("--output", "r.json", "--", sys.executable, "-c", script)
    line = next(line for line in iter(job.stderr.readline, "") if "still run" in line)
    (pid,) = map(int, re.findall(r"1 process that it started still run: \S+ \((\d+)\);", line))
    os.kill(pid, signal.SIGKILL)
    assert job.wait() == 3
    record = json.loads((tmp_path / "r.json").read_text())
    assert record["left_running"] == 1
    assert record["cpu_s"]["value"] >= 0.5


def test_an_orphan_that_ended_is_counted(started):
    burn = f"{BURN}open('burnt', 'w')"
    script = f'({sys.executable} -c "{burn}" &) ; while [ ! -e burnt ]; do sleep 0.01; done'
    out, _ = started("--json", "--", "sh", "-c", script).communicate()
    assert json.loads(out)["cpu_s"]["value"] >= 0.5
