"""What a pack is: images decoded and resized once, and the marks of the files they came from."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from greendapt.data.imageset import Ints, code
from greendapt.data.sources.decoding import Decoded
from greendapt.data.sources.image_files import Look
from greendapt.data.sources.traits import TRAITS, Traits
from greendapt.disk.files import write_atomic

_DOUBT_NS = 2_000_000_000
"""A file changed so shortly before it was looked at may have changed again within one tick."""


@dataclass(frozen=True)
class Marks:
    """What tells whether N files are still those that were packed, in the order of its rows.

    names
        int64 [N], codes of the paths: the names themselves are not kept.
    stats
        int64 [N, 3]: bytes, time of the last change of the content and of the inode (ns). The
        latter moves with every write, also of one who sets the former back.
    contents, hashes
        uint64 [N], of the file's bytes and of the decoded image.
    traits
        TRAITS [N], what the files are; 0 channels where the image cannot be read.
    looked_ns
        int64 [], when the files were last looked at.
    """

    names: Ints
    stats: Ints
    contents: NDArray[np.uint64]
    hashes: NDArray[np.uint64]
    traits: Traits
    looked_ns: NDArray[np.int64]

    @classmethod
    def blank(cls, names: Ints, looked_ns: int) -> Marks:
        """Of files that nobody has looked at."""
        n = len(names)
        return cls(
            names=names,
            stats=np.full((n, 3), -1),
            contents=np.zeros(n, dtype=np.uint64),
            hashes=np.zeros(n, dtype=np.uint64),
            traits=np.zeros(n, TRAITS),
            looked_ns=np.array(looked_ns),
        )

    @classmethod
    def read(cls, path: Path) -> Marks:
        """Raises OSError, ValueError, KeyError or zipfile.BadZipFile unless it is as written."""
        with np.load(path) as stored:
            return cls(**{field.name: stored[field.name] for field in fields(cls)})

    def write(self, path: Path) -> None:
        """One file, with checksums."""
        file = io.BytesIO()
        np.savez(file, **{field.name: getattr(self, field.name) for field in fields(self)})
        write_atomic(path, file.getvalue())

    def __len__(self) -> int:
        return len(self.names)

    def of(self, names: Ints) -> tuple[Marks, Ints]:
        """The marks of the files so named (blank where there are none), and their rows, else -1."""
        place = {name: row for row, name in enumerate(self.names.tolist())}
        rows = np.array([place.get(name, -1) for name in names.tolist()], dtype=np.int64)
        marks, packed = Marks.blank(names, int(self.looked_ns)), rows >= 0
        for name in ("stats", "contents", "hashes", "traits"):
            getattr(marks, name)[packed] = getattr(self, name)[rows[packed]]
        return marks, rows

    def again(self, looked_ns: int) -> Marks:
        """A copy to fill while the files are looked at again."""
        copies = {f.name: getattr(self, f.name).copy() for f in fields(self)}
        return replace(self, **copies | {"looked_ns": np.array(looked_ns)})

    def note(self, row: int, image: Decoded) -> None:
        self.hashes[row], self.traits[row] = image.hash, image.traits

    def forget(self, row: int) -> None:
        """It cannot be read."""
        self.stats[row] = -1
        self.contents[row] = self.hashes[row] = 0
        self.traits[row] = np.zeros((), TRAITS)

    @property
    def look(self) -> Look:
        """What the images have in common, as `read_images` finds it."""
        return Look.of(self.traits)

    @property
    def readable(self) -> NDArray[np.bool_]:
        """True [N] where the image could be read."""
        return np.asarray(self.traits["channels"] > 0)

    def same(self, stats: Ints) -> NDArray[np.bool_]:
        """True [N] where a file with these stats is surely the one that was read."""
        settled = stats[:, 1:].max(axis=1) < int(self.looked_ns) - _DOUBT_NS
        return np.asarray(settled & (stats == self.stats).all(axis=1) & self.readable)


@dataclass(frozen=True)
class Pack:
    """``pixels`` uint8 [N, C, S, S] is a memory map; an image that cannot be read is black."""

    pixels: NDArray[np.uint8]
    marks: Marks


def names_of(paths: Sequence[Path]) -> Ints:
    return np.array([code(path) for path in paths], dtype=np.int64)


def stats_of(paths: Sequence[Path]) -> Ints:
    """int64 [N, 3] as in `Marks`, -1 where there is no file."""
    return np.array([_stat(path) for path in paths], dtype=np.int64).reshape(len(paths), 3)


def _stat(path: Path) -> tuple[int, int, int]:
    try:
        stat = os.stat(path)  # noqa: PTH116 (twice as fast as Path.stat)
    except (OSError, ValueError):
        return -1, -1, -1
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
