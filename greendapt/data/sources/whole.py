"""An image file's content as its reader gives it, before it is resized; how large it may be."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from greendapt.data.sources.traits import Way

MAX_PIXELS = 100_000_000
"""A larger image is not decoded: a file of some kilobytes may claim any size."""


@dataclass(frozen=True)
class Whole:
    """uint8 [H, W] or [H, W, 3], or uint16 [H, W].

    ``bits``: of a grey, as the file states; None where it states none, or has 8.
    """

    values: NDArray[np.uint8] | NDArray[np.uint16]
    bits: int | None = None
    ways: Way = Way.PLAIN


def check_size(height: int, width: int) -> None:
    """Raises ValueError where an image has too many pixels, or none."""
    if height * width > MAX_PIXELS:
        raise ValueError(too_many(f"{width} x {height}"))
    if height * width <= 0:
        raise ValueError("it has no pixels")


def too_many(pixels: str) -> str:
    return f"{pixels} pixels, more than {MAX_PIXELS // 10**6} million; make it smaller"
