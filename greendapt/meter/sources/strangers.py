"""Who else is on a GPU."""

from __future__ import annotations

import os
from collections.abc import Iterable

import psutil


def strangers_among(pids: Iterable[int], *, own_work: bool) -> int:
    """How many of these processes are not this one or a child of it, at most.

    ``own_work``: this process is known to be among them. In a container a driver tells process ids
    of the host: then one of them is ours, whichever.
    """
    running = set(pids)
    others = running - {os.getpid()}
    if others:
        others -= {child.pid for child in psutil.Process().children(recursive=True)}
    return len(others) - bool(own_work and others and others == running)
