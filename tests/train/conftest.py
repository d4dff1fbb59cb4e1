"""One thread, and what these tests share."""

import signal
import subprocess
import sys

import pytest


@pytest.fixture(scope="module", autouse=True)
def _one_thread(one_thread):
    """Small sums, and the same ones every time."""


@pytest.fixture(scope="module", autouse=True)
def _precision(precision):
    """What ``--precision`` asks for."""
    return precision


CANNOT = 3


@pytest.fixture(scope="session")
def compiling():
    """``compiling(script)`` in a process of its own, which torch.compile may end on some machines.

    That, or a script that exits with 3 after it said why, is a skip: torch cannot compile here.
    """

    def run(script):
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=False
        )
        if done.returncode < 0:
            name = signal.Signals(-done.returncode).name
            pytest.skip(f"a process that compiles dies of {name} on this machine")
        if done.returncode == CANNOT:
            pytest.skip(f"torch cannot compile on this machine: {done.stdout.strip()}")
        assert done.returncode == 0, done.stderr

    return run
