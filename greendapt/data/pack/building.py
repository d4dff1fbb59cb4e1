"""How a pack is made, or brought up to date: only what has changed is decoded.

First every file is looked at, and what had to be decoded is spooled; that tells what the
images have in common (channels, the white of 16-bit ones), and the rows are made from the spool and
the pack before. Memory does not grow with the images, apart from about a hundred bytes each.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from greendapt.data.imageset import Ints
from greendapt.data.pack.marks import Marks, Pack, names_of, stats_of
from greendapt.data.sources.decoding import Decoded, decode
from greendapt.data.sources.image_files import in_threads, open_file
from greendapt.data.sources.traits import Way, whites

_ROWS = 256


@dataclass(frozen=True)
class Seen:
    """A file that was read: its stats and its content, decoded unless the pack before has it."""

    stats: tuple[int, int, int]
    content: int
    decoded: Decoded | None


@dataclass(frozen=True)
class Looked:
    """N files looked at.

    ``kept`` [N]: the row of the pack before that shows the image, else -1. ``spooled`` [N]: where
    in the spool it begins, else -1. ``bad``: which could not be read, and why.
    """

    marks: Marks
    kept: Ints
    spooled: Ints
    bad: list[tuple[int, str]]

    @property
    def decoded(self) -> int:
        return int((self.spooled >= 0).sum())

    def is_as(self, before: Pack | None) -> bool:
        """Whether the pack before shows the same images."""
        return (
            before is not None
            and np.array_equal(self.marks.names, before.marks.names)
            and np.array_equal(self.marks.traits, before.marks.traits)
            and self.decoded == 0
        )


def look(
    paths: Sequence[Path],
    size: int,
    before: Pack | None,
    spool: IO[bytes],
    on_progress: Callable[[int], None],
) -> Looked:
    """Look at every file; decode those that are new or have changed into ``spool``.

    A file whose stats are those of ``before`` is not opened, one whose bytes are is not decoded.
    """
    looked_ns = time.time_ns()
    names, stats = names_of(paths), stats_of(paths)
    blank = Marks.blank(names, looked_ns)
    earlier, kept = (blank, np.full(len(paths), -1)) if before is None else before.marks.of(names)
    trusted = earlier.same(stats)

    def see(row: int) -> Seen | None:
        return None if trusted[row] else _see(paths[row], size, earlier, row)

    marks = earlier.again(looked_ns)
    kept, spooled = kept.copy(), np.full(len(paths), -1)
    bad = []
    for row, seen in enumerate(in_threads(see, range(len(paths)))):
        if isinstance(seen, str):
            bad.append((row, seen))
            marks.forget(row)
            kept[row] = -1
        elif seen is not None:
            marks.stats[row], marks.contents[row] = seen.stats, seen.content
            if seen.decoded is not None:
                kept[row], spooled[row] = -1, spool.tell()
                marks.note(row, seen.decoded)
                spool.write(np.ascontiguousarray(seen.decoded.values).data)
        on_progress(row + 1)
    return Looked(marks, kept, spooled, bad)


def rescaled(looked: Looked, before: Pack | None) -> bool:
    """Whether images are kept whose white is another one now."""
    if before is None:
        return False
    kept = looked.kept >= 0
    now, then = whites(looked.marks.traits)[kept], whites(before.marks.traits)[looked.kept[kept]]
    return not np.array_equal(now, then)


def pixels(
    looked: Looked, size: int, before: Pack | None, spool: IO[bytes]
) -> Iterator[NDArray[np.uint8]]:
    """The rows of the pack, uint8 [_, C, size, size], some at a time."""
    look_, marks = looked.marks.look, looked.marks
    for start in range(0, len(marks), _ROWS):
        rows = range(start, min(start + _ROWS, len(marks)))
        part = np.zeros((len(rows), look_.channels, size, size), dtype=np.uint8)
        for out, row in zip(part, rows, strict=True):
            if looked.kept[row] >= 0:
                assert before is not None
                out[:] = before.pixels[looked.kept[row]][: look_.channels]
            elif looked.spooled[row] >= 0:
                spool.seek(looked.spooled[row])
                channels, ways = int(marks.traits[row]["channels"]), marks.traits[row]["ways"]
                dtype = np.dtype(np.float32 if ways & Way.DEEP else np.uint8)
                data = spool.read(size * size * channels * dtype.itemsize)
                shape = (size, size, channels) if channels > 1 else (size, size)
                out[:] = look_.pixels(row, np.frombuffer(data, dtype).reshape(shape))
        yield part


def _see(path: Path, size: int, earlier: Marks, row: int) -> Seen:
    with open_file(path) as file:
        stat = os.fstat(file.fileno())  # before its bytes: a later change shows
        data = file.read()
    content = int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
    as_before = earlier.traits[row]["channels"] > 0 and content == earlier.contents[row]
    return Seen(
        (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns),
        content,
        None if as_before else decode(data, size),
    )
