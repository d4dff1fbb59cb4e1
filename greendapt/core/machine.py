"""How much of this machine is ours, and what its system offers."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

from greendapt.core.errors import MeterError
from greendapt.core.units import si


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def beyond_memory(needed_bytes: int) -> str | None:
    """Why so much cannot be held in memory now; None where it can."""
    import psutil

    free = psutil.virtual_memory().available
    if needed_bytes <= free:
        return None
    return f"{si(needed_bytes, 'B')} do not fit in memory ({si(free, 'B')} free)"


def launcher_number(environ: Mapping[str, str], variable: str, default: int) -> int:
    """What torchrun, or another launcher, says of this process; MeterError where it is no number
    from 0 on."""
    written = environ.get(variable) or str(default)
    if not re.fullmatch(r"[0-9]{1,9}", written):
        raise MeterError(
            f"the variable {variable} is {written[:80]!r}, but should be a whole number, as "
            "torchrun sets it: unset it"
        )
    return int(written)


def launched(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether torchrun started this process as one of several."""
    return launcher_number(environ, "WORLD_SIZE", 1) > 1 and "MASTER_ADDR" in environ


def wait_passively(environ: MutableMapping[str, str]) -> None:
    """Let threads sleep while they wait for each other, unless somebody chose: before torch loads.

    OpenMP lets them spin, which holds a core that another program, or the thread waited for, needs:
    two runs at once on two cores trained at a sixth of their speed alone, so at more than half.
    """
    if not environ.keys() & {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"}:
        environ["OMP_WAIT_POLICY"] = "PASSIVE"


def libc(function: str) -> Any | None:
    """Of the system's C library; None where it has none of that name."""
    return None if sys.platform == "win32" else getattr(ctypes.CDLL(None), function, None)
