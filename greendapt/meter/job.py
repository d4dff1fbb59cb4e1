"""A command as a job of its own: signals go on to it, it may have the terminal, and what it
leaves behind is known.

It has a process group of its own, so that whoever ends greendapt ends all of the command, and not
the pipeline or script around it. The keys of a terminal (Ctrl-C, Ctrl-Z) therefore reach greendapt
and what stands beside it, and are passed on as any signal is: once. The terminal itself is lent
when the command wants to read from it or to set it, which stops a process in the background; lent
at the start, it would be missing to a pager behind a pipe, and a script around greendapt would
never see a Ctrl-C.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, Self

import psutil

from greendapt.core.errors import MeterError
from greendapt.core.machine import libc
from greendapt.core.terminal import say
from greendapt.meter.tty import Terminal

_PASSED = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2")
_OF_A_TERMINAL = ("SIGTSTP", "SIGCONT", "SIGWINCH")
_STDERR = 2
_PR_SET_CHILD_SUBREAPER = 36


class Job:
    """``command``, which `run` runs once. ``quiet_stdout``: its stdout goes to stderr.

    In a ``with`` block around it no signal that can be passed on ends this process. Raises
    MeterError for an empty command.
    """

    def __init__(self, command: Sequence[str], *, quiet_stdout: bool = False) -> None:
        if not command:
            raise MeterError("there is no command to measure: greendapt measure -- COMMAND ...")
        self.status: int | None = None
        self._command, self._stdout = command, _STDERR if quiet_stdout else None
        self._group: int | None = None
        self._early: list[int] = []
        self._continued = False
        self._terminal: Terminal | None = None
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._terminal = Terminal.opened()
        _adopt_orphans(True)
        for name in (*_PASSED, *(_OF_A_TERMINAL if self._terminal else ())):
            number = getattr(signal, name, None)
            # what was ignored before, as by nohup, stays so for the command as well
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                self._handlers[number] = signal.signal(number, self._pass_on)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        _adopt_orphans(False)
        if self._terminal is not None:
            self._terminal.close()

    def run(self) -> int:
        """The exit status as a shell tells it, which ``status`` keeps: a signal n is 128 + n, a
        command that is not found 127, one that may not run 126."""
        self.status = self._run()
        return self.status

    def left(self) -> list[str]:
        """What the command left running, as ``name (pid)``."""
        group, left = self._group, []
        for process in _started_by(group) if group is not None else ():
            with suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE:
                    left.append(f"{process.name()} ({process.pid})")
        return left

    def _run(self) -> int:
        try:
            process = subprocess.Popen(self._command, stdout=self._stdout, process_group=0)
        except FileNotFoundError:
            say(f"greendapt: {self._command[0]}: command not found")
            return 127
        except OSError as error:
            say(f"greendapt: {self._command[0]}: {error.strerror}")
            return 126
        if sys.platform == "win32":  # neither groups nor signals, and Ctrl-C goes to all
            return process.wait()
        self._group = process.pid
        for number in self._early:
            self._signal(number)
        status = process.returncode = self._wait(process.pid)
        if self._terminal is not None:
            self._terminal.take_back(process.pid)
        return 128 - status if status < 0 else status

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        del frame
        if number == getattr(signal, "SIGCONT", None):
            self._continued = True
        if self._group is None:
            self._early.append(number)
        elif self.status is None:
            self._signal(number)

    def _signal(self, number: int) -> None:
        if self._group is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._group, number)

    def _wait(self, leader: int) -> int:
        while True:
            # of any child: an orphan's time counts once it is waited for
            pid, status = os.waitpid(-1, os.WUNTRACED)
            if pid == leader and not os.WIFSTOPPED(status):
                return os.waitstatus_to_exitcode(status)
            if pid == leader and self._terminal is not None:
                self._go_on(self._terminal, os.WSTOPSIG(status))

    def _go_on(self, terminal: Terminal, stopped_by: int) -> None:
        """After the terminal, or a key, stopped the command."""
        assert self._group is not None
        wants = stopped_by in (signal.SIGTTIN, signal.SIGTTOU)
        if not (wants and terminal.lend(self._group)):
            had_it = terminal.take_back(self._group)
            if not self._stop_as_well() and wants:
                self._signal(signal.SIGHUP)  # as the kernel does where no shell could say fg
            if had_it or wants:
                terminal.lend(self._group)
        self._signal(signal.SIGCONT)

    def _stop_as_well(self) -> bool:
        """For the shell this is one job. Returns when it goes on; whether it had stopped: without
        a shell nobody could make it go on, and the kernel does not stop it."""
        self._continued = False
        ours = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.killpg(os.getpgrp(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, ours)
        return self._continued


def _started_by(group: int) -> list[psutil.Process]:
    if sys.platform != "linux":
        return [one for one in psutil.process_iter() if _group_of(one.pid) == group]
    return list(psutil.Process().children(recursive=True))


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except OSError:
        return None


def _adopt_orphans(wanted: bool) -> None:
    """Processes whose parent ended become children of this one, and not of the first of the
    machine: so they are counted and named (Linux alone can do that)."""
    prctl = libc("prctl")
    if prctl is not None:
        prctl(_PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)
