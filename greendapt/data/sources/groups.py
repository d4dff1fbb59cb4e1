"""Which images of a source are copies of one another: they go to one part of a split."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from greendapt.data.copies import Looks, remembered
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

    def looks() -> Looks:
        return Looks.of(len(at), lambda rows: pixels[at[rows]])

    return partial(remembered.groups, hashes[at], pixels.shape[-1], looks)
