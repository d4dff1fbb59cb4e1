"""Ways an image goes bad, five severities each (after Hendrycks & Dietterich, ICLR 2019).

Another package adds one in one file: a `Corruption`, under the name that suites will write::

    fog = Corruption((0.1, 0.2, 0.3, 0.4, 0.5), veil)

    [project.entry-points."greendapt.corruptions"]
    fog = "my_package.fog:fog"
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter1d

from greendapt.core.errors import DataError
from greendapt.core.registry import Registry
from greendapt.data.imageset import code
from greendapt.suite.models import CORRUPTION_NAMES

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Generators = Sequence[np.random.Generator]
"""One an image; all that is random about an image comes from its own."""

_REFERENCE = 64
_CHUNK = 256


@dataclass(frozen=True)
class Corruption:
    """``strengths``: what ``apply`` is given at severity 1 (mild) to 5.

    ``apply`` makes some images (uint8 [N, C, H, W], not to be written to) worse: new ones of the
    same shape and type. What is random of an image must come from its own generator, and nothing
    may depend on the images beside it; lengths should be relative to the image's side.
    """

    strengths: tuple[float, float, float, float, float]
    apply: Callable[[Pixels, float, Generators], Pixels]


CORRUPTIONS: Registry[Corruption] = Registry(
    CORRUPTION_NAMES.group, CORRUPTION_NAMES.noun, CORRUPTION_NAMES.builtin, Corruption
)
_STREAMS = {"noise": 0, "blur": 1, "contrast": 2, "gamma": 3, "jpeg": 4, "pixelate": 5}
"""Numbers that seed the random draws of the built-in ones; results rest on them."""


def corrupt(
    pixels: Pixels,
    name: str,
    severity: int,
    seed: int = 0,
    index: NDArray[np.int64] | None = None,
) -> Pixels:
    """``pixels`` uint8 [N, C, H, W] made worse; severity 1 (mild) to 5.

    What is random about an image depends on (seed, name, its index) only, whatever other
    corruptions there are; ``index`` [N] defaults to 0..N-1. Raises PluginError for an unknown name,
    DataError for another severity or for a plug-in that gives no such images.
    """
    corruption = CORRUPTIONS.get(name)
    if severity not in range(1, 6):
        raise DataError(f"there is no severity {severity} of the corruption '{name}'; take 1 to 5")
    which = np.arange(len(pixels)) if index is None else index
    out = np.empty_like(pixels)
    for start in range(0, len(pixels), _CHUNK):
        part = slice(start, start + _CHUNK)
        rngs = [np.random.default_rng([seed, _stream(name), int(i)]) for i in which[part]]
        worse = corruption.apply(pixels[part], corruption.strengths[severity - 1], rngs)
        if worse.shape != pixels[part].shape or worse.dtype != np.uint8:
            raise DataError(
                f"the corruption '{name}' gives {worse.dtype} {worse.shape} for uint8 "
                f"{pixels[part].shape}; tell its authors"
            )
        out[part] = worse
    return out


def _stream(name: str) -> int:
    return _STREAMS.get(name, code("corruption", name) % 2**64)


def _bytes(values: Floats) -> Pixels:
    return np.rint(values).clip(0, 255).astype(np.uint8)


def _noise(pixels: Pixels, strength: float, rngs: Generators) -> Pixels:
    """One pattern for all channels, so that a grey image stays grey."""
    shape = pixels.shape[2:]
    noise = np.stack([rng.standard_normal(shape, dtype=np.float32) for rng in rngs])
    return _bytes(pixels + np.float32(255 * strength) * noise[:, None])


def _blur(pixels: Pixels, strength: float, _: Generators) -> Pixels:
    values = pixels.astype(np.float32)
    for axis in (2, 3):
        sigma = strength * pixels.shape[axis]
        values = gaussian_filter1d(values, sigma, axis=axis, mode="nearest")
    return _bytes(values)


def _contrast(pixels: Pixels, strength: float, _: Generators) -> Pixels:
    values = pixels.astype(np.float32)
    mean = values.mean(axis=(1, 2, 3), keepdims=True)
    return _bytes(mean + np.float32(strength) * (values - mean))


def _gamma(pixels: Pixels, strength: float, rngs: Generators) -> Pixels:
    """Half of the images darker, half brighter."""
    powers = np.array([strength if rng.random() < 0.5 else 1 / strength for rng in rngs])
    tables = _bytes(255 * (np.arange(256) / 255)[None, :] ** powers[:, None])
    return tables[np.arange(len(pixels))[:, None, None, None], pixels]


def _jpeg(pixels: Pixels, strength: float, _: Generators) -> Pixels:
    def one(image: Pixels) -> Pixels:
        flat = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        file = io.BytesIO()
        Image.fromarray(np.ascontiguousarray(flat)).save(file, "JPEG", quality=int(strength))
        back = np.asarray(Image.open(file))
        return back[None] if back.ndim == 2 else back.transpose(2, 0, 1)

    with ThreadPoolExecutor(2) as pool:
        return np.stack(list(pool.map(one, pixels)))


def _pixelate(pixels: Pixels, strength: float, _: Generators) -> Pixels:
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


NOISE = Corruption((0.03, 0.06, 0.10, 0.15, 0.22), _noise)
"""Standard deviation, of the full range."""
BLUR = Corruption((0.006, 0.010, 0.016, 0.024, 0.036), _blur)
"""Standard deviation, of the image's side."""
CONTRAST = Corruption((0.75, 0.55, 0.40, 0.28, 0.18), _contrast)
"""Factor around the image's mean."""
GAMMA = Corruption((1.25, 1.5, 1.9, 2.4, 3.0), _gamma)
"""Exponent, or its inverse, by image."""
JPEG = Corruption((30, 20, 12, 8, 5), _jpeg)
"""Quality."""
PIXELATE = Corruption((0.70, 0.50, 0.36, 0.26, 0.18), _pixelate)
"""Share of the side's pixels kept, of 64."""
