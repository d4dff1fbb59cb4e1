"""The terminal that greendapt was started from, which it can lend to a command."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Self


class Terminal:
    """``descriptor``: of the controlling terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def opened(cls) -> Self | None:
        """None where there is none, or the system has no jobs."""
        if not hasattr(os, "tcsetpgrp"):
            return None
        try:
            return cls(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
        except OSError:
            return None

    def close(self) -> None:
        os.close(self._descriptor)

    def lend(self, group: int) -> bool:
        """Whether ``group`` has it now: not where this process itself is in the background."""
        return self._foreground() in (group, os.getpgrp()) and self._give(group)

    def take_back(self, group: int) -> bool:
        """Whether ``group`` had it."""
        return self._foreground() == group and self._give(os.getpgrp())

    def _foreground(self) -> int | None:
        with suppress(OSError):  # it was hung up
            return os.tcgetpgrp(self._descriptor)
        return None

    def _give(self, group: int) -> bool:
        # giving from the background stops who does it, unless that signal is blocked
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        try:
            os.tcsetpgrp(self._descriptor, group)
        except OSError:
            return False
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return True
