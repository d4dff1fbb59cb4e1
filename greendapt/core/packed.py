"""Many floats as one short string: base64 of little-endian float32, or float16."""

from __future__ import annotations

import base64
import binascii

import numpy as np
from numpy.typing import ArrayLike, NDArray

SINGLE, HALF = "<f4", "<f2"


def pack(values: ArrayLike, kind: str = SINGLE) -> str:
    return base64.b64encode(np.asarray(values, dtype=kind).tobytes()).decode("ascii")


def unpack(text: str, kind: str = SINGLE) -> NDArray[np.float64]:
    """(N,). Raises ValueError where it is none of `pack`."""
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), dtype=kind).astype(np.float64)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"packed numbers cannot be read: {error}") from error
