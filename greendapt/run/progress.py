"""How long work shows itself: a Rich bar with time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from greendapt.core.console import Console
from greendapt.core.terminal import say
from greendapt.core.units import duration


class Reporter(Protocol):
    """What the scheduler tells while it works. ``work`` is in FLOP, the unit of predictions."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def total(self, stages: int, work: float) -> None:
        """Of a list of stages that begins now: a race has several."""

    def start(self, label: str, work: float, reason: str) -> None: ...
    def advance(self, fraction: float) -> None: ...
    def finish(self, wall_s: float) -> None: ...
    def skip(self, label: str, work: float, reason: str) -> None: ...
    def say(self, line: str) -> None: ...


def reporter(*, explain: bool) -> Reporter:
    """For stderr as it is. ``explain`` says of each stage why it runs or is reused."""
    console = Console(stderr=True)
    return TerminalReporter(console, explain) if console.is_terminal else PlainReporter()


_TOO_EARLY_S = 2.0
"""The first calls are slow and say little of what follows."""


@dataclass
class _Clock:
    """Time left from the work done since the first stage ran."""

    work: float = 0.0
    done: float = 0.0
    skipped: float = 0.0
    since: float = field(default_factory=lambda: time.monotonic())

    def left_s(self, underway: float = 0.0) -> float | None:
        did, elapsed_s = self.done + underway, time.monotonic() - self.since
        if did <= 0 or elapsed_s < _TOO_EARLY_S:
            return None
        return max(0.0, self.work - self.skipped - did) * elapsed_s / did


class PlainReporter:
    """One line a finished stage, and one a minute of a long one: for logs, CI and Slurm."""

    def __init__(self, every_s: float = 60.0) -> None:
        self._clock = _Clock()
        self._every_s, self._line_at = every_s, time.monotonic()
        self._stages = self._number = 0
        self._label, self._work = "", 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def total(self, stages: int, work: float) -> None:
        self._stages, self._number, self._clock = stages, 0, _Clock(work)

    def start(self, label: str, work: float, reason: str) -> None:
        self._number += 1
        self._label, self._work = f"{label}: {reason}" if reason else label, work

    def advance(self, fraction: float) -> None:
        if time.monotonic() - self._line_at >= self._every_s:
            self._tell(f"{fraction:.0%}", fraction * self._work)

    def finish(self, wall_s: float) -> None:
        self._clock.done += self._work
        self._tell(duration(wall_s))

    def _tell(self, how_far: str, underway: float = 0.0) -> None:
        left = self._clock.left_s(underway)
        rest = f", about {duration(left)} left" if left is not None and left >= 1 else ""
        self.say(f"[{self._number}/{self._stages}] {self._label} ({how_far}{rest})")

    def skip(self, label: str, work: float, reason: str) -> None:
        self._number += 1
        self._clock.skipped += work
        self.say(f"[{self._number}/{self._stages}] {label}: {reason}")

    def say(self, line: str) -> None:
        self._line_at = time.monotonic()
        say(line)


class TerminalReporter:
    """A bar over all the work, with the stage under way and the time left."""

    def __init__(self, console: Console, explain: bool) -> None:
        self._clock = _Clock()
        self._explain = explain
        self._stages = self._number = 0
        self._work = 0.0
        self._fraction = 0.0
        self._progress = Progress(
            TextColumn("{task.fields[count]}"),
            BarColumn(bar_width=16),
            TextColumn("{task.percentage:>3.0f}%"),
            _Left(self),
            TextColumn("{task.description}", markup=False, table_column=_FILLS),
            console=console,
            transient=True,
            expand=True,
        )
        self._task = self._progress.add_task("warming up", total=1.0, count="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def total(self, stages: int, work: float) -> None:
        self._stages, self._number, self._clock = stages, 0, _Clock(work)

    def start(self, label: str, work: float, reason: str) -> None:
        self._begin(work)
        if self._explain and reason:
            self.say(f"{label}: {reason}")
        self._progress.update(self._task, description=label)
        self._show()

    def advance(self, fraction: float) -> None:
        self._fraction = fraction
        self._show()

    def finish(self, wall_s: float) -> None:
        del wall_s
        self._clock.done += self._work
        self._fraction = 0.0
        self._show()

    def skip(self, label: str, work: float, reason: str) -> None:
        self._begin(work)
        self._clock.skipped += work
        if self._explain:
            self.say(f"{label}: {reason}")

    def say(self, line: str) -> None:
        self._progress.console.print(line, markup=False, soft_wrap=True)

    def left_s(self) -> float | None:
        return self._clock.left_s(self._fraction * self._work)

    def _begin(self, work: float) -> None:
        self._number += 1
        self._work, self._fraction = work, 0.0

    def _show(self) -> None:
        clock = self._clock
        did = clock.done + clock.skipped + self._fraction * self._work
        share = did / clock.work if clock.work else 0.0
        count = f"{self._number}/{self._stages}"
        self._progress.update(self._task, completed=min(1.0, share), count=count)


_FILLS = Column(no_wrap=True, overflow="ellipsis", ratio=1)


class _Left(ProgressColumn):
    def __init__(self, of: TerminalReporter) -> None:
        super().__init__()
        self._of = of

    def render(self, task: Task) -> Text:
        del task
        left = self._of.left_s()
        return Text("" if left is None else f"{duration(left)} left", style="cyan")
