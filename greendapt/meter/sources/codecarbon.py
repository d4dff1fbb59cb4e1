"""What CodeCarbon knows of processors and memory, for machines without a counter.

Its classes are used directly, not its tracker: no files, lock, signal handlers, or network.
"""

from __future__ import annotations

import io
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass

from greendapt.core.figures import Figure, Quality
from greendapt.meter.sources.base import MODEL, EnergySource, Opened, PartMeter, Request, Span


class RamModel(PartMeter):
    """CodeCarbon's constant power for the memory modules it supposes."""

    part = "ram"
    how = "model"

    def __init__(self, watts: float, memory_gb: float) -> None:
        self.key = self.name = socket.gethostname()
        self.watts, self.memory_gb = watts, memory_gb
        model = f"codecarbon RAM model, {watts:g} W for {memory_gb:.0f} GB"
        self.source = f"{model}; not in the headline"

    def read(self) -> None:
        """Nothing is read: the power is always the same."""

    def figure(self, start: None, end: None, span: Span) -> Figure:  # noqa: ARG002
        joules = self.watts * (span[1] - span[0])
        return Figure(value=joules, unit="J", quality=Quality.ESTIMATED, source=self.source)


def ram_model() -> RamModel:
    """Raises RuntimeError when CodeCarbon finds no memory to model."""
    with _silent():
        from codecarbon.external.ram import RAM

        ram = RAM()
        watts, size_gb = float(ram.total_power().W), float(ram.machine_memory_GB)
    if watts <= 0:
        raise RuntimeError("codecarbon's memory model gave no power")
    return RamModel(watts, size_gb)


@dataclass(frozen=True)
class Rating:
    """The TDP of all of this machine's processors in W; ``known``: it was looked up by model, not
    guessed by CodeCarbon at so many watts a thread."""

    tdp_w: float
    model: str
    sockets: int
    known: bool


def rating() -> Rating | None:
    """As CodeCarbon knows or guesses it; None where it does neither."""
    with suppress(Exception), _silent():  # whatever fails there costs a figure, not the run
        from codecarbon.core.cpu import TDP
        from codecarbon.core.util import count_physical_cpus

        tdp = TDP()
        known = tdp._get_cpu_power_from_registry(tdp.model) is not None
        sockets = max(1, int(count_physical_cpus()))
        # the table's TDP is of one processor, the guess of all threads of the machine
        return Rating(float(tdp.tdp) * (sockets if known else 1), tdp.model, sockets, known)
    return None


def tdp_w() -> float | None:
    """The TDP of all of this machine's processors in W; None where it is not known."""
    rated = rating()
    return None if rated is None else rated.tdp_w


@contextmanager
def _silent() -> Iterator[None]:
    """No log lines, nor what libraries print that CodeCarbon tries to import (amdsmi does)."""
    logger = logging.getLogger("codecarbon")
    before, logger.disabled = logger.disabled, True
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            yield
    finally:
        logger.disabled = before


def _open(request: Request) -> Opened:
    """Whatever fails inside CodeCarbon costs a figure."""
    if "ram" not in request.parts:
        return Opened()
    try:
        return Opened((ram_model(),))
    except Exception as error:
        return Opened(why={"ram": f"codecarbon's RAM model failed: {error}"})


SOURCE = EnergySource(parts=("ram",), priority=MODEL, open=_open)
