"""What was found of copies, kept in the cache: the same images are compared once a machine."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from greendapt.core.errors import GreendaptError
from greendapt.core.keys import key_of
from greendapt.data.copies import Looks, alike, too_many
from greendapt.disk.arrays import DamagedArray, read_array, write_array
from greendapt.disk.cache import cache_folder

VERSION = 1
"""Raise when the same images give other copies."""

Ints = NDArray[np.int64]


def remembered(
    what: str, side: int, sets: tuple[NDArray[np.uint64], ...], find: Callable[[], Ints]
) -> Ints:
    """``find()``, or what it gave before for ``what`` of images with these content hashes, resized
    to ``side`` px. Where nothing can be kept, nothing is; numbers alone are, no image and no name.
    """
    digests = [hashlib.blake2b(one.tobytes(), digest_size=16).hexdigest() for one in sets]
    key = key_of(version=VERSION, what=what, side=side, sets=digests)
    path = cache_folder() / "copies" / f"{key}.npy"
    try:
        return np.array(read_array(path), dtype=np.int64)
    except DamagedArray:  # or not there: looked for again
        found = find()
    with suppress(OSError, GreendaptError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_array(path, found.shape, "int64", [found])
    return found


def groups(hashes: NDArray[np.uint64], side: int, looks: Callable[[], Looks] | None) -> Ints:
    """Numbers [N] that are the same for copies of one image: of the same content and, by their
    ``looks`` at ``side`` px, for nearly the same; by content alone without, or of very many."""
    if looks is None or too_many(len(hashes), len(hashes)):
        return alike(hashes, None)
    return remembered("alike", side, (hashes,), lambda: alike(hashes, looks()))
