"""A command as a job of its own, with real signals and real terminals."""

import os
import pty
import select
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress

import psutil
import pytest

from greendapt.core.errors import MeterError
from greendapt.meter.job import Job

SHELL = ("bash", "--norc", "--noprofile", "-i")
PATIENCE_S = 120
ANSWERS = """
import signal, sys
signal.signal(signal.{}, lambda *_: sys.exit(33))
print("ready", flush=True)
while True:
    signal.pause()
"""


def eventually(holds):
    end_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end_s
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"])
def test_the_command_answers_a_signal_as_it_likes(running, name):
    command = [*running, sys.executable, "-c", ANSWERS.format(name)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as job:
        assert job.stdout.readline() == b"ready\n"
        job.send_signal(getattr(signal, name))
    assert job.returncode == 33


def test_what_nohup_ignores_is_not_passed_on(running):
    script = "import os, signal; os.kill(os.getppid(), signal.SIGHUP); print('went on')"
    command = ["nohup", *running, sys.executable, "-c", script]
    assert subprocess.check_output(command, start_new_session=True) == b"went on\n"


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "kill -TERM $$"], 128 + 15),
        (["/no/such/command"], 127),
        ([os.devnull], 126),
    ],
)
def test_the_exit_status_is_the_command_s(command, status):
    with Job(command) as job:
        assert job.run() == job.status == status


def test_no_command_is_refused():
    with pytest.raises(MeterError, match="measure -- COMMAND"):
        Job([])


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
def running(tmp_path):
    """A process that does nothing but to run the command given to it."""
    script = tmp_path / "running.py"
    script.write_text(
        "import sys; from greendapt.meter.job import Job\n"
        "with Job(sys.argv[1:]) as job: job.run()\n"
        "sys.exit(job.status)\n"
    )
    return [sys.executable, str(script)]


COUNTS = """
import signal
interrupts = []
signal.signal(signal.SIGINT, lambda *_: (interrupts.append(1), print("woken", flush=True)))
signal.signal(signal.SIGTERM, lambda *_: (print(len(interrupts), "interrupts"), exit(7)))
{}
print("ready", flush=True)
while True:
    signal.pause()
"""


@pytest.mark.parametrize("first", ["", "input()"], ids=["as it is", "after it read"])
def test_ctrl_c_reaches_the_command_once(on_a_terminal, running, first):
    user = on_a_terminal(*running, sys.executable, "-u", "-c", COUNTS.format(first))
    user.types("a line\n")
    user.until("ready")
    user.types("\x03")
    user.until("woken")
    os.kill(user.pid, signal.SIGTERM)
    user.until("1 interrupts")
    assert user.status() == 7


def test_the_command_reads_from_the_terminal(on_a_terminal, running):
    script = "from getpass import getpass; print('got', input('name? '), getpass('secret? '))"
    user = on_a_terminal(*running, sys.executable, "-c", script)
    user.until("name?")
    user.types("ann\n")
    user.until("secret?")
    user.types("hush\n")
    assert "hush" not in user.until("got ann ")
    user.until("hush")
    assert user.status() == 0


@pytest.mark.parametrize("reads", [False, True], ids=["as it is", "while it reads"])
def test_a_job_is_stopped_and_goes_on(on_a_terminal, running, tmp_path, reads):
    wait = "pass" if reads else "import os; os.read(os.open('go', os.O_RDONLY), 1)"
    (tmp_path / "job.py").write_text(f"import os; print(os.getpgrp(), 'begun'); {wait}; input()")
    os.mkfifo(tmp_path / "go")
    user = on_a_terminal(*SHELL)
    user.types(f"{shlex.join(running)} {sys.executable} -u job.py\n")
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


def test_a_job_in_the_background_waits_for_the_terminal(on_a_terminal, running):
    user = on_a_terminal(*SHELL)
    user.types(f"{shlex.join(running)} sh -c 'read line; echo got $line' &\n")
    shell = psutil.Process(user.pid)
    eventually(lambda: [one.status() for one in shell.children()] == [psutil.STATUS_STOPPED])
    user.types("\n")
    user.until("Stopped")  # before bash knows, fg does not wake it
    user.types("fg\nmine\n")
    user.until("got mine")


def test_a_pager_behind_a_pipe_keeps_the_terminal(on_a_terminal, running):
    pager = "import sys; sys.stdin.read(); print('got', open('/dev/tty').readline())"
    user = on_a_terminal(*SHELL)
    user.types(f'{" ".join(running)} echo page | {sys.executable} -c "{pager}"\n')
    user.types("next\n")
    user.until("got next")
