"""A run folder: ``run.json``, append-only ``records.jsonl``, ``checkpoints/`` by stage key, and
``summary.json``. One process leads a run at a time; a lock file says who. Its workers, on whatever
machine, append to a file each in ``workers/``, so that no two ever write the same one. No part of
it is ever followed through a symbolic link: the folder may come from a stranger.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from greendapt.core.errors import RunError
from greendapt.core.meter_facts import MeterFacts
from greendapt.core.records import SCHEMA, Record, Summary
from greendapt.disk.files import (
    digest_of,
    disk_errors,
    new_folder,
    own,
    read_json,
    sync_folder,
    within,
    write_atomic,
    write_json,
)
from greendapt.disk.locks import is_locked, locked
from greendapt.store import migrations
from greendapt.store.migrations import schema_of
from greendapt.store.runinfo import RunData, RunInfo
from greendapt.store.wrong import what_is_wrong

_BELIEVED_BY_DIGEST = (".safetensors", ".pt")
"""Arrays have theirs beside them."""


class RunFolder:
    """The paths of a run, and the only code that writes its records."""

    def __init__(self, path: Path, worker: str | None = None) -> None:
        """``worker``: the name of one that writes beside others; None for the one that leads."""
        self.path = path
        self._digests: dict[str, dict[str, str]] = {}
        self._own = self.records_path if worker is None else self.workers / f"{worker}.jsonl"

    @property
    def records_path(self) -> Path:
        return own(self.path / "records.jsonl")

    @property
    def claims(self) -> Path:
        return own(self.path / "claims")

    @property
    def workers(self) -> Path:
        return own(self.path / "workers")

    @property
    def summary_path(self) -> Path:
        return own(self.path / "summary.json")

    @property
    def _lock(self) -> Path:
        return own(self.path / ".lock")

    @classmethod
    def create(cls, out: Path, suite: str, name: str | None = None) -> RunFolder:
        """A new, empty ``out/<suite>-<time>/`` that nobody else has, or ``out/<name>/``.

        Raises RunError where something of that name is there, or it is no name of a folder.
        """
        if name is not None:
            return cls._named(out, name)
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        with disk_errors(out):
            out.mkdir(parents=True, exist_ok=True)
            for attempt in range(100):
                path = out / (f"{suite}-{stamp}" + (f"-{attempt}" if attempt else ""))
                try:
                    path.mkdir()
                except FileExistsError:
                    continue
                (path / "checkpoints").mkdir()
                return cls(path)
        raise RunError(f"cannot make a new run folder in {out}")

    @classmethod
    def _named(cls, out: Path, name: str) -> RunFolder:
        if not name or Path(name).name != name or name.startswith("."):
            raise RunError(f"--name {name!r} is no name of a folder")
        path = out / name
        with disk_errors(out):
            out.mkdir(parents=True, exist_ok=True)
            try:
                path.mkdir()
            except FileExistsError as error:
                raise RunError(
                    f"{path} is there already; greendapt resume {path} goes on with it, or give "
                    "another --name"
                ) from error
            (path / "checkpoints").mkdir()
        return cls(path)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the run for this process; RunError when another one holds it."""
        with disk_errors(self.path), ExitStack() as stack:
            try:
                stack.enter_context(locked(self._lock, wait=False))
            except BlockingIOError as error:
                raise RunError(f"another process is writing {self.path}; wait for it") from error
            yield

    def is_held(self) -> bool:
        """Whether a process is writing this run now."""
        with disk_errors(self._lock):
            return is_locked(self._lock)

    def read(self) -> RunInfo:
        """``run.json``. RunError where there is none, or none that can be read."""
        path = own(self.path / "run.json")
        table = _table(path, self.path)
        with _damaged(path, f"{self.path} cannot be used; run its suite again"):
            return RunInfo.model_validate(migrations.whole_file(table, str(path)))

    def write(self, info: RunInfo) -> None:
        write_json(self.path / "run.json", info.model_dump(mode="json", by_alias=True))

    @cached_property
    def _pue(self) -> float:
        return self.read().grid.pue

    def records(self) -> list[Record]:
        """All whole records in order; a last line torn by a kill is not one."""
        records = [
            self._record(self.records_path, number, line)
            for number, line in enumerate(_lines(self.records_path), start=1)
        ]
        return records + [record for record, _ in self._ungathered()]

    def _ungathered(self) -> list[tuple[Record, bytes]]:
        """What workers wrote and ``records.jsonl`` does not hold yet, oldest first."""
        held = set(_lines(self.records_path))
        fresh = [
            (self._record(path, number, line), line)
            for path in _files(self.workers, "*.jsonl")
            for number, line in enumerate(_lines(path), start=1)
            if line not in held
        ]
        return sorted(fresh, key=lambda one: one[0].started_at)

    def _record(self, path: Path, number: int, line: bytes) -> Record:
        where, mend = f"{path} line {number}", "delete the line, and go on with: greendapt resume"
        with _damaged(where, f"{mend} {self.path}"):
            table = json.loads(line)
            if schema_of(table, where) < SCHEMA:
                table = migrations.record(table, where, self._pue)
            return Record.model_validate(table)

    def gather(self) -> None:
        """Put what workers wrote into ``records.jsonl``. For the one process that leads a run."""
        for _, line in self._ungathered():
            _append(self.records_path, line + b"\n")

    def sizes(self) -> dict[str, int]:
        """Bytes of each file of records: where equal, there is nothing new."""
        paths = [self.records_path, *_files(self.workers, "*.jsonl")]
        return {path.stem: path.stat().st_size for path in paths if path.exists()}

    def own_size(self) -> dict[str, int]:
        """The entry of `sizes` that `append` changes."""
        return {self._own.stem: self._own.stat().st_size}

    def append(self, record: Record) -> None:
        """One line, on the disk before this returns, with the digests of the files that its stage
        left. Cuts off a torn line first."""
        files = self._digests.get(record.key, record.files)
        record = record.model_copy(update={"files": files})
        with disk_errors(self._own):
            self._own.parent.mkdir(exist_ok=True)
        _append(self._own, record.model_dump_json(by_alias=True).encode() + b"\n")

    def keep_meter_facts(self, facts: MeterFacts) -> None:
        """What the figures of this writer rest on, with what disturbed it when it worked before."""
        path = own(self.workers / f"{self._own.stem}.json")
        before = [_meter_facts(path)] if path.exists() else []
        with disk_errors(self.workers):
            self.workers.mkdir(exist_ok=True)
        write_json(path, facts.with_disturbed(before).model_dump(mode="json"))

    def meter_facts(self) -> MeterFacts:
        """Of the writer that kept them last, with what disturbed others; empty where none did.
        Writers of several machines have no one line to the wall."""
        kept = sorted(_files(self.workers, "*.json"), key=lambda path: path.stat().st_mtime)
        facts = [*map(_meter_facts, kept)] or [MeterFacts()]
        wall = facts[-1].wall if len({one.wall for one in facts}) == 1 else None
        *others, last = facts
        return last.with_disturbed(others).model_copy(update={"wall": wall})

    def checkpoint(self, key: str) -> Path:
        return within(self.path, f"checkpoints/{key}")

    def damage(self, record: Record) -> str | None:
        """Why the files that a stage left cannot be believed; None where they are as written."""
        folder = self.checkpoint(record.key)
        if not folder.is_dir():
            return "they are gone"
        for path in folder.iterdir():
            own(path)
        for name, digest in record.files.items():
            path = within(folder, name)
            try:
                if digest_of(path) != digest:
                    return f"{path} is not what was written"
            except FileNotFoundError:
                return f"{path} is gone"
            except OSError as error:
                return f"{path} cannot be read ({error.strerror})"
        return None

    @contextmanager
    def new_checkpoint(self, key: str) -> Iterator[Path]:
        """A folder to fill; it becomes ``checkpoint(key)`` when the block ends, or is removed."""
        final = self.checkpoint(key)
        with disk_errors(final), new_folder(final) as temporary:
            yield temporary
            self._digests[key] = {
                path.name: digest_of(path)
                for path in sorted(temporary.iterdir())
                if path.suffix in _BELIEVED_BY_DIGEST
            }

    def discard_checkpoint(self, key: str) -> None:
        """Nobody reads it any more: its bytes go back to the disk."""
        shutil.rmtree(self.checkpoint(key), ignore_errors=True)

    def write_summary(self, summary: Summary) -> None:
        text = summary.model_dump_json(by_alias=True, indent=2)
        write_atomic(self.summary_path, text.encode() + b"\n")

    def summary(self) -> Summary | None:
        """The summary of a run that came to its end, else None."""
        if not self.summary_path.exists():
            return None
        table, where = _table(self.summary_path, self.path), str(self.summary_path)
        with _damaged(where, f"greendapt resume {self.path} writes it again"):
            return Summary.model_validate(migrations.whole_file(table, where))

    def finished(self) -> RunData:
        """All of a run that came to its end; RunError where it did not, or is none."""
        info, summary = self.read(), self.summary()
        if summary is None:
            raise RunError(
                f"{self.path} has no summary.json: the run is not finished; go on with: "
                f"greendapt resume {self.path}"
            )
        named = {cell.strategy for cell in (*summary.rows, *summary.failures)}
        for unknown in sorted(named - info.suite.strategy.keys()):
            raise RunError(
                f"{self.summary_path} is damaged (its suite has no strategy {unknown!r}); "
                f"greendapt resume {self.path} writes it again"
            )
        return RunData(info, tuple(self.records()), summary)


def _table(path: Path, run: Path) -> dict[str, Any]:
    """The JSON object in ``path``; RunError where it holds anything else."""
    with _damaged(path, f"try: greendapt resume {run}"):
        try:
            table = json.loads(path.read_bytes())
        except FileNotFoundError as error:
            raise RunError(f"{run} is not a run: it has no {path.name}") from error
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error.strerror}") from error
        if not isinstance(table, dict):
            raise ValueError("it holds no table")
    return table


@contextmanager
def _damaged(where: Path | str, mend: str) -> Iterator[None]:
    """One sentence for what is not as it was written: the first thing wrong, and what to do."""
    try:
        yield
    except (ValueError, RecursionError) as error:  # pydantic's errors are ValueErrors, too
        raise RunError(f"{where} is damaged ({what_is_wrong(error)}); {mend}") from error


def _meter_facts(path: Path) -> MeterFacts:
    with _damaged(path, "delete it"):
        return MeterFacts.model_validate(read_json(path))


class Growing:
    """``every`` record and the ``last`` of each stage, while workers write; read again only where a
    file grew."""

    def __init__(self, folder: RunFolder) -> None:
        self.every: list[Record] = []
        self.last: dict[str, Record] = {}
        self._folder = folder
        self._sizes: dict[str, int] = {}

    def refresh(self) -> dict[str, Record]:
        """``last``, with what others have written by now."""
        sizes = self._folder.sizes()
        if sizes != self._sizes:
            self._sizes, self.every = sizes, self._folder.records()
            self.last = latest(self.every)
        return self.last

    def append(self, record: Record) -> None:
        self._folder.append(record)
        self.every.append(record)
        self.last[record.key] = record
        self._sizes |= self._folder.own_size()


def latest(records: list[Record]) -> dict[str, Record]:
    """The last record of each stage key."""
    return {record.key: record for record in records}


def _files(folder: Path, pattern: str) -> list[Path]:
    """In order of their names; RunError where one is a link."""
    return [own(path) for path in sorted(folder.glob(pattern))]


def _lines(path: Path) -> list[bytes]:
    try:
        *lines, _torn = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"{path} cannot be read: {error.strerror}; remove it") from error
    return lines


def _append(path: Path, line: bytes) -> None:
    with disk_errors(path), own(path).open("ab+") as file:
        size = file.seek(0, os.SEEK_END)
        whole = _end_of_last_line(file, size)
        if whole != size:
            file.truncate(whole)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())
        if whole == 0:  # its name may be new, and so may be its folder's
            sync_folder(path.parent)
            sync_folder(path.parent.parent)


def _end_of_last_line(file: Any, size: int) -> int:
    if size == 0:
        return 0
    file.seek(0)
    return int(file.read().rfind(b"\n")) + 1
