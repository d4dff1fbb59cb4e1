"""Which images of a source are copies of one another: they go to one part of a split."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from greendapt.data.copies import Looks, alike, too_many
from greendapt.data.copies.remembered import remembered
from greendapt.data.imageset import Ints
from greendapt.data.sources.base import LoadOptions


def groups(
    pixels: NDArray[np.uint8], at: Ints, hashes: NDArray[np.uint64], options: LoadOptions
) -> Callable[[], Ints] | None:
    """Numbers [N] that copies share, when they are asked for; None where no part is used.

    ``pixels`` [M, C, H, W] and ``hashes`` [M] of the images ``at`` [N]. Of very many images only
    exact copies are looked for.
    """
    if not options.splits:
        return None

    def numbers() -> Ints:
        if too_many(len(at), len(at)):
            return alike(hashes[at], None)

        def find() -> Ints:
            return alike(hashes[at], Looks.of(len(at), lambda rows: pixels[at[rows]]))

        return remembered("alike", pixels.shape[-1], (hashes[at],), find)

    return numbers
