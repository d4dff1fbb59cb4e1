"""Six ways an image goes bad, five severities each (after Hendrycks & Dietterich, ICLR 2019)."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter1d

from greendapt.core.errors import DataError
from greendapt.suite.models import Corruption

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

STRENGTHS: Mapping[Corruption, tuple[float, float, float, float, float]] = {
    "noise": (0.03, 0.06, 0.10, 0.15, 0.22),  # standard deviation, of the full range
    "blur": (0.006, 0.010, 0.016, 0.024, 0.036),  # standard deviation, of the image's side
    "contrast": (0.75, 0.55, 0.40, 0.28, 0.18),  # factor around the image's mean
    "gamma": (1.25, 1.5, 1.9, 2.4, 3.0),  # exponent, or its inverse, by image
    "jpeg": (30, 20, 12, 8, 5),  # quality
    "pixelate": (0.70, 0.50, 0.36, 0.26, 0.18),  # share of the side's pixels kept, of 64
}
_KIND = {kind: i for i, kind in enumerate(STRENGTHS)}
_REFERENCE = 64
_CHUNK = 256


def corrupt(
    pixels: Pixels,
    kind: Corruption,
    severity: int,
    seed: int = 0,
    index: NDArray[np.int64] | None = None,
) -> Pixels:
    """``pixels`` uint8 [N, C, H, W] made worse; severity 1 (mild) to 5.

    What is random about an image depends on (seed, kind, its index) only; ``index`` [N] defaults
    to 0..N-1. Blur and pixels are relative to the image's side. Raises DataError for an unknown
    kind or severity.
    """
    if kind not in STRENGTHS or severity not in range(1, 6):
        raise DataError(
            f"there is no corruption '{kind}' of severity {severity}; "
            f"there are {', '.join(STRENGTHS)} of 1 to 5"
        )
    which = np.arange(len(pixels)) if index is None else index
    strength = STRENGTHS[kind][severity - 1]
    out = np.empty_like(pixels)
    for start in range(0, len(pixels), _CHUNK):
        part = slice(start, start + _CHUNK)
        rngs = [
            np.random.Generator(np.random.PCG64([seed, _KIND[kind], int(i)])) for i in which[part]
        ]
        out[part] = _WAYS[kind](pixels[part], strength, rngs)
    return out


def _bytes(values: Floats) -> Pixels:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def _noise(pixels: Pixels, strength: float, rngs: list[np.random.Generator]) -> Pixels:
    """One pattern for all channels, so that a grey image stays grey."""
    shape = pixels.shape[2:]
    noise = np.stack([rng.standard_normal(shape, dtype=np.float32) for rng in rngs])
    return _bytes(pixels + np.float32(255 * strength) * noise[:, None])


def _blur(pixels: Pixels, strength: float, _: list[np.random.Generator]) -> Pixels:
    values = pixels.astype(np.float32)
    for axis in (2, 3):
        sigma = strength * pixels.shape[axis]
        values = gaussian_filter1d(values, sigma, axis=axis, mode="nearest")
    return _bytes(values)


def _contrast(pixels: Pixels, strength: float, _: list[np.random.Generator]) -> Pixels:
    values = pixels.astype(np.float32)
    mean = values.mean(axis=(1, 2, 3), keepdims=True)
    return _bytes(mean + np.float32(strength) * (values - mean))


def _gamma(pixels: Pixels, strength: float, rngs: list[np.random.Generator]) -> Pixels:
    """Half of the images darker, half brighter."""
    powers = np.array([strength if rng.random() < 0.5 else 1 / strength for rng in rngs])
    tables = _bytes(255 * (np.arange(256) / 255)[None, :] ** powers[:, None])
    return tables[np.arange(len(pixels))[:, None, None, None], pixels]


def _jpeg(pixels: Pixels, strength: float, _: list[np.random.Generator]) -> Pixels:
    def one(image: Pixels) -> Pixels:
        flat = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(flat)).save(file, "JPEG", quality=int(strength))
        back = np.asarray(Image.open(file))
        return back[None] if back.ndim == 2 else back.transpose(2, 0, 1)

    with ThreadPoolExecutor(2) as pool:
        return np.stack(list(pool.map(one, pixels)))


def _pixelate(pixels: Pixels, strength: float, _: list[np.random.Generator]) -> Pixels:
    """Averaged to about ``strength * 64`` cells a side and shown as blocks, at any image size."""
    values = pixels.astype(np.float32)
    for axis in (2, 3):
        side = pixels.shape[axis]
        cells = min(max(round(strength * _REFERENCE), 1), side)
        cell = np.arange(side) * cells // side
        starts = np.flatnonzero(np.diff(cell, prepend=-1))
        sums = np.add.reduceat(values, starts, axis=axis)
        width = np.bincount(cell).astype(np.float32)
        values = np.take(sums / (width if axis == 3 else width[:, None]), cell, axis=axis)
    return _bytes(values)


_WAYS: Mapping[Corruption, Callable[[Pixels, float, list[np.random.Generator]], Pixels]] = {
    "noise": _noise,
    "blur": _blur,
    "contrast": _contrast,
    "gamma": _gamma,
    "jpeg": _jpeg,
    "pixelate": _pixelate,
}
