"""Claims: which worker does a stage, so that several workers share one run folder.

A claim is a file that one worker creates and nobody else can (O_CREAT | O_EXCL, which NFS 3 and
later keep across machines); no lock of the system is needed. Its holder changes it every few
seconds. Who sees it unchanged for long, on a clock of their own, or knows its process to be dead,
takes it over by creating the next one: ``<stage>.1``, ``<stage>.2``, ... The newest one counts.
"""

from __future__ import annotations

import json
import os
import platform
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from greendapt.core.errors import RunError
from greendapt.core.keys import key_of
from greendapt.disk.files import disk_errors, own
from greendapt.meter.clock import Heartbeat

BEAT_S = 5.0
_CLAIM = re.compile(r".+\.\d+")
STALE_S = 60.0
"""Longer than a network folder or a busy machine may hold back a beat."""


@dataclass(frozen=True)
class Worker:
    """One process that works on a run. ``machine`` names what shares energy counters, hashed."""

    machine: str
    token: str
    pid: int
    born_s: float
    space: str
    """Where ``pid`` means anything: the machine and the namespace of its processes."""

    @property
    def name(self) -> str:
        return f"{self.machine}-{self.token}"

    def is_dead(self) -> bool:
        """True only where this process can know: of its own machine and namespace."""
        if self.space != _space():
            return False
        try:
            process = psutil.Process(self.pid)
            gone: bool = process.status() == psutil.STATUS_ZOMBIE
            other: bool = abs(process.create_time() - self.born_s) > 1
            return gone or other
        except psutil.NoSuchProcess:
            return True


def this_worker() -> Worker:
    """A new name for this process."""
    born_s = psutil.Process().create_time()
    return Worker(_machine(), uuid.uuid4().hex[:8], os.getpid(), born_s, _space())


@dataclass
class Claim:
    """A stage held by this worker."""

    path: Path
    worker: Worker
    beats: int = 0

    def beat(self) -> bool:
        """Show that the holder lives; False where the claim is gone."""
        self.beats += 1
        with suppress(FileNotFoundError):
            with self.path.open("r+b") as file:
                file.write(_text(self.worker, self.beats))
            return True
        return False

    def is_mine(self) -> bool:
        """Whether nobody took it over."""
        newest = _newest(self.path.parent, self.path.stem)
        return newest == self.path


@dataclass
class Claims:
    """The claims of a run, in ``folder``, as one worker sees them."""

    folder: Path
    worker: Worker = field(default_factory=this_worker)
    stale_s: float = STALE_S
    beat_s: float = BEAT_S
    _seen: dict[Path, tuple[bytes, float]] = field(default_factory=dict)

    @contextmanager
    def take(self, key: str) -> Iterator[Claim | None]:
        """Hold ``key`` within the block; None while another worker that lives holds it."""
        claim = self._take(key)
        if claim is None:
            yield None
            return
        heart = Heartbeat(claim.beat, self.beat_s)
        try:
            yield claim
        finally:
            heart.stop()
            self._drop(claim)

    def _take(self, key: str) -> Claim | None:
        with disk_errors(self.folder):
            own(self.folder).mkdir(exist_ok=True)
            held = _newest(self.folder, key)
            if held is not None and not self._abandoned(held):
                return None
            number = 1 if held is None else _number(held) + 1
            path = self.folder / f"{key}.{number}"
            try:
                with path.open("xb") as file:
                    file.write(_text(self.worker, 0))
            except FileExistsError:
                return None
        return Claim(path, self.worker)

    def _drop(self, claim: Claim) -> None:
        """Give it back, with those that it took over. One that was taken over stays another's."""
        if claim.is_mine():
            for path in _all(self.folder, claim.path.stem):
                path.unlink(missing_ok=True)

    def _abandoned(self, path: Path) -> bool:
        try:
            text = path.read_bytes()
        except FileNotFoundError:  # given back just now: the next look finds no claim
            return False
        holder = _worker_of(text)
        if holder is not None and holder.is_dead():
            return True
        before, since_s = self._seen.get(path, (None, 0.0))
        if text != before:
            self._seen[path] = (text, time.monotonic())
            return False
        return time.monotonic() - since_s > self.stale_s

    def clear(self) -> None:
        """Remove all: at the end of a run nobody needs them, and the dead give none back."""
        for path in _all(own(self.folder), "*"):
            path.unlink(missing_ok=True)

    def beside(self) -> set[str]:
        """Names of the other workers that do something on this machine now."""
        others = (worker for _, worker in self._others())
        return {one.name for one in others if one and one.machine == self.worker.machine}

    def held(self) -> set[str]:
        """The stages that other workers are at."""
        return {key for key, _ in self._others()}

    def _others(self) -> Iterator[tuple[str, Worker | None]]:
        """Claims of other workers that are not known to be dead; None: it is just being written."""
        for path in _all(self.folder, "*"):
            with suppress(FileNotFoundError):
                holder = _worker_of(path.read_bytes())
                if holder is None or not (holder.name == self.worker.name or holder.is_dead()):
                    yield path.stem, holder


def _all(folder: Path, key: str) -> list[Path]:
    """RunError for what is called a claim and is no file: it would be waited for without end."""
    paths = [own(path) for path in folder.glob(f"{key}.*") if _CLAIM.fullmatch(path.name)]
    for path in paths:
        if path.is_dir():
            raise RunError(f"{path} is a folder, where a claim is a file: remove it")
    return sorted(paths, key=_number)


def _newest(folder: Path, key: str) -> Path | None:
    return next(reversed(_all(folder, key)), None)


def _number(path: Path) -> int:
    return int(path.suffix[1:])


_WIDTH = 300
"""All beats of a claim are equally long: a reader never sees the end of an older one."""


def _text(worker: Worker, beats: int) -> bytes:
    fields: dict[str, Any] = {**vars(worker), "beats": beats}
    return json.dumps(fields).encode().ljust(_WIDTH)


def _worker_of(text: bytes) -> Worker | None:
    """None for what is just being written."""
    try:
        fields = json.loads(text)
        return Worker(**{key: value for key, value in fields.items() if key != "beats"})
    except (ValueError, TypeError):
        return None


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii")
    except OSError:
        boot = platform.node()
    return key_of(machine=boot)[:8]


def _space() -> str:
    try:
        names = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        names = ""
    return key_of(machine=_machine(), host=platform.node(), names=names)[:8]
