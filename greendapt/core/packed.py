"""Many floats as one short string: base64 of little-endian float32."""

from __future__ import annotations

import base64
import binascii

import numpy as np
from numpy.typing import ArrayLike, NDArray


def pack(values: ArrayLike) -> str:
    return base64.b64encode(np.asarray(values, dtype="<f4").tobytes()).decode("ascii")


def unpack(text: str) -> NDArray[np.float64]:
    """(N,). Raises ValueError where it is none of `pack`."""
    try:
        return np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").astype(np.float64)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"packed numbers cannot be read: {error}") from error
