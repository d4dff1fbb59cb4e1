"""Large arrays on the disk, read as memory maps: written once, checked before they are believed."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from greendapt.core.errors import GreendaptError
from greendapt.core.units import si
from greendapt.disk.files import read_json, write_json

_CHUNK_BYTES = 1 << 24
_SPARE = 1.1  # of what is asked, so that records and checkpoints still fit


class DamagedArray(GreendaptError):
    """A stored array is not what was written."""


def no_room(folder: Path | None, needed_bytes: int, limit_bytes: float) -> str | None:
    """Why ``needed_bytes`` cannot be stored in ``folder`` (None: on a disk that is large enough);
    None where they can."""
    needed = si(needed_bytes, "B")
    if needed_bytes > limit_bytes:
        return f"{needed} are more than the limit of {si(limit_bytes, 'B')}"
    if folder is None:
        return None
    free = shutil.disk_usage(folder).free
    if needed_bytes * _SPARE > free:
        return f"{needed} do not fit on the disk of {folder} ({si(free, 'B')} free)"
    return None


def write_array(
    path: Path, shape: tuple[int, ...], dtype: str, parts: Iterable[NDArray[np.generic]]
) -> None:
    """Write the parts one after the other as one .npy of ``shape``, and their digest beside it.

    Raises OSError where the disk does not take it; ValueError where the parts do not fill it.
    """
    seen, filled = hashlib.blake2b(digest_size=16), 0
    kind = np.dtype(dtype)
    said = {"descr": kind.str, "fortran_order": False, "shape": shape}
    with path.open("wb") as file:  # not through a map: a full disk would kill the process
        np.lib.format.write_array_header_2_0(file, said)
        for part in parts:
            data = np.ascontiguousarray(part, dtype=kind).data
            file.write(data)
            seen.update(data)
            filled += len(part)
        if filled != shape[0]:
            raise ValueError(f"{filled} of {shape[0]} rows were given")
        file.flush()
        os.fsync(file.fileno())
    write_json(_beside(path), {"digest": seen.hexdigest(), "shape": shape, "dtype": dtype})


def read_array(path: Path) -> NDArray[np.generic]:
    """The array as a memory map, copied on write. Raises DamagedArray unless it is as written."""
    try:
        said = read_json(_beside(path))
        array: NDArray[np.generic] = np.load(path, mmap_mode="c")
        whole = [list(array.shape), array.dtype.str, _digest(array)]
    except (GreendaptError, OSError, ValueError, EOFError) as error:
        raise DamagedArray(f"{path} cannot be read: {error}") from error
    if whole != [said.get("shape"), np.dtype(said.get("dtype")).str, said.get("digest")]:
        raise DamagedArray(f"{path} is not what was written")
    return array


def _digest(array: NDArray[np.generic]) -> str:
    seen = hashlib.blake2b(digest_size=16)
    rows = max(1, _CHUNK_BYTES // max(1, array[:1].nbytes))
    for start in range(0, len(array), rows):
        seen.update(np.ascontiguousarray(array[start : start + rows]).data)
    return seen.hexdigest()


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")
