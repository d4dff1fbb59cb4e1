"""One monotonic clock, and a thread that does something small every so often."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

now_s = time.perf_counter
"""Seconds on a monotonic clock (stops while the machine sleeps)."""


class Heartbeat:
    """Calls ``beat`` every ``period_s`` seconds in a daemon thread, until it says False."""

    def __init__(self, beat: Callable[[], object], period_s: float) -> None:
        self._beat = beat
        self._period_s = period_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="greendapt-meter", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(self._period_s):
            if self._beat() is False:
                return

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()
