"""``greendapt measure``: signals, terminals, places that take no record, and what is left behind."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

PASSED = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"]
PARENT = """
import os, subprocess
child = subprocess.Popen(["sleep", "60"])
print(os.getpid(), child.pid, os.getpgrp(), flush=True)
child.wait()
"""
ANSWERS = """
import signal, sys
signal.signal(signal.{}, lambda *_: sys.exit(33))
print("ready", flush=True)
while True:
    signal.pause()
"""
SHELL = ("bash", "--norc", "--noprofile", "-i")
PATIENCE_S = 120
BURN = "import time\nwhile time.process_time() < 0.5: pass\n"


@pytest.fixture
def started(program, tmp_path):
    """``started(*arguments)``: greendapt measure beside this process, without a terminal."""
    running = []

    def start(*arguments, before=()):
        process = subprocess.Popen(
            [*before, *program, "measure", "--device", "cpu", *arguments],
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


@pytest.mark.parametrize("name", PASSED)
def test_the_command_answers_a_signal_as_it_likes(started, name):
    job = started("--json", "--", sys.executable, "-c", ANSWERS.format(name))
    assert job.stderr.readline() == "ready\n"
    job.send_signal(getattr(signal, name))
    assert json.loads(job.communicate()[0])["exit_status"] == job.returncode == 33


def test_what_nohup_ignores_is_not_passed_on(started):
    script = "import os, signal; os.kill(os.getppid(), signal.SIGHUP); print('went on')"
    job = started("--json", "--", sys.executable, "-c", script, before=["nohup"])
    _, err = job.communicate()
    assert job.returncode == 0
    assert "went on" in err


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
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*program, "measure", "--device", "cpu", *options, "--", "sh", "-c", "exit 3"],
            stdout=full if place == "stdout" else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 3
    first, then, *_ = done.stderr.splitlines()
    assert first.startswith(f"greendapt: the record cannot be written to {place}: No space left")
    assert then.startswith("time ")


def test_what_still_runs_is_said_and_counted(started, tmp_path):
    burn = f"{BURN}print('burnt', flush=True)\ntime.sleep(60)"
    # a session of its own, as daemons have, whose parent ended
    start = f"subprocess.Popen([sys.executable, '-c', {burn!r}], start_new_session=True, stdout=w)"
    script = f"import os, subprocess, sys\nr, w = os.pipe()\n{start}\nos.read(r, 5)\nsys.exit(3)"
    job = started("--output", "r.json", "--", sys.executable, "-c", script)
    (line,) = [line for line in iter(job.stderr.readline, "") if "still run" in line]
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


class Typing:
    """A shell on a terminal of its own, and somebody who types."""

    def __init__(self, command, folder):
        self.seen = ""
        self.pid, self._descriptor = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(command[0], command, {**os.environ, "PS1": "$ ", "TERM": "dumb"})

    def types(self, keys):
        os.write(self._descriptor, keys.encode())

    def until(self, text):
        """Reads on until ``text``; what came before it."""
        while text not in self.seen:
            assert select.select([self._descriptor], [], [], PATIENCE_S)[0], self.seen
            self.seen += os.read(self._descriptor, 4096).decode()
        before, self.seen = self.seen.split(text, 1)
        return before

    def foreground(self):
        """The process group that the keys go to."""
        return os.tcgetpgrp(self._descriptor)

    def status(self):
        with suppress(OSError):
            while os.read(self._descriptor, 4096):
                pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self):
        os.close(self._descriptor)  # which hangs up whoever is left


@pytest.fixture
def on_a_terminal(tmp_path):
    shells = []

    def start(*command):
        shells.append(Typing(command, tmp_path))
        return shells[-1]

    yield start
    for one in shells:
        one.close()


@pytest.fixture
def measure(program):
    return [*program, "measure", "--device", "cpu", "--output", "r.json", "--"]


COUNTS = """
import signal
interrupts = []
signal.signal(signal.SIGINT, lambda *_: interrupts.append(1))
signal.signal(signal.SIGTERM, lambda *_: (print(len(interrupts), "interrupts"), exit(7)))
{}
print("ready", flush=True)
while True:
    signal.pause()
    print("woken", flush=True)
"""


@pytest.mark.parametrize("first", ["", "input()"], ids=["as it is", "after it read"])
def test_ctrl_c_reaches_the_command_once(on_a_terminal, measure, first):
    user = on_a_terminal(*measure, sys.executable, "-u", "-c", COUNTS.format(first))
    user.types("a line\n")
    user.until("ready")
    user.types("\x03")
    user.until("woken")
    os.kill(user.pid, signal.SIGTERM)
    user.until("1 interrupts")
    assert user.status() == 7


def test_the_command_reads_from_the_terminal(on_a_terminal, measure, tmp_path):
    script = "from getpass import getpass; print('got', input('name? '), getpass('secret? '))"
    user = on_a_terminal(*measure, sys.executable, "-c", script)
    user.until("name?")
    user.types("ann\n")
    user.until("secret?")
    user.types("hush\n")
    assert "hush" not in user.until("got ann ")
    user.until("hush")
    assert user.status() == 0
    assert json.loads((tmp_path / "r.json").read_text())["exit_status"] == 0


@pytest.mark.parametrize("reads", [False, True], ids=["as it is", "while it reads"])
def test_a_job_is_stopped_and_goes_on(on_a_terminal, measure, tmp_path, reads):
    wait = "pass" if reads else "import os; os.read(os.open('go', os.O_RDONLY), 1)"
    (tmp_path / "job.py").write_text(f"import os; print(os.getpgrp(), 'begun'); {wait}; input()")
    os.mkfifo(tmp_path / "go")
    user = on_a_terminal(*SHELL)
    user.types(f"{' '.join(measure)} {sys.executable} -u job.py\n")
    group = int(user.until(" begun\r\n").split()[-1])
    eventually(lambda: (user.foreground() == group) is reads)
    user.types("\x1a")
    user.until("Stopped")
    user.types("echo the shell is $((6 * 7)); fg\n")
    user.until("the shell is 42")
    if not reads:
        (tmp_path / "go").write_text("x")
    user.types("two\n")
    user.until("two\r\n")
    user.types("echo status $?; exit\n")
    user.until("status 0")


def test_a_job_in_the_background_waits_for_the_terminal(on_a_terminal, measure):
    user = on_a_terminal(*SHELL)
    user.types(f"{' '.join(measure)} sh -c 'read line; echo got $line' &\n")
    shell = psutil.Process(user.pid)
    eventually(lambda: [one.status() for one in shell.children()] == [psutil.STATUS_STOPPED])
    user.types("fg\nmine\n")
    user.until("got mine")


def test_a_pager_behind_a_pipe_keeps_the_terminal(on_a_terminal, measure):
    pager = "import sys; sys.stdin.read(); print('got', open('/dev/tty').readline())"
    user = on_a_terminal(*SHELL)
    user.types(f'{" ".join(measure)} echo page | {sys.executable} -c "{pager}"\n')
    user.types("next\n")
    user.until("got next")
