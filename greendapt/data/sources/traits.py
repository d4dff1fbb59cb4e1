"""What image files are apart from what they show, and the white that this makes of their greys.

A file of 16 bits a grey rarely says how many of them it uses, and its largest grey is no guide: one
burnt-in marker would darken a set sixteenfold. A guess by file is none either: it would scale dark
and bright images of one detector differently, and so write the exposure, and with it the label,
into the brightness. So files vote (`whites`).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from greendapt.core.remarks import Remark, note, weak
from greendapt.core.text import listed, plural
from greendapt.data.imageset import Ints

DEPTHS = (8, 10, 12, 14, 16)
"""Bits a grey that detectors deliver."""
_BRIGHTEST = 0.02
"""The share of a file's pixels that may lie beyond white: markers, metal, annotations."""
_FEW = 0.1
"""The share of files up to which a depth is an exception among the others."""

TRAITS = np.dtype(
    [("channels", "u1"), ("bits", "u1"), ("ways", "u1"), ("height", "u4"), ("width", "u4")]
)
"""One image file: channels (1 or 3; 0 where it cannot be read), bits a grey (as stated, or the
least that hold its greys), a `Way`, and its size (px) before it was resized."""
Traits = NDArray[np.void]


class Way(IntFlag):
    """How a file was read."""

    PLAIN = 0
    DEEP = 1
    """It has more than 8 bits a grey."""
    STATED = 2
    """It says how many bits its greys have."""
    INVERTED = 4
    """Its zero is white."""
    TURNED = 8
    """It says that it lies on its side, or is mirrored."""
    PAGES = 16
    """It holds more than the first image."""
    ALPHA = 32
    """Its content was in the transparency; the colour is the same everywhere."""


_TOLD = {
    Way.INVERTED: "whose zero is white, by what the file states: inverted",
    Way.TURNED: "lying on their side or mirrored, by what the file states: put upright",
    Way.PAGES: "with several pages or frames in one file: the first was read",
    Way.ALPHA: "with all content in the transparency: that was read as grey",
}


def depth_of(greys: NDArray[np.uint16]) -> int:
    """The least of 8, 10, 12, 14, 16 bits that hold all greys but the brightest 2%."""
    spare = _BRIGHTEST * greys.size
    return next((n for n in DEPTHS[:-1] if np.count_nonzero(greys >= 2**n) <= spare), 16)


def has(traits: Traits, way: Way) -> NDArray[np.bool_]:
    """True [N] where a file was read that way."""
    return np.asarray(traits["ways"] & int(way) > 0)


def whites(traits: Traits) -> Ints:
    """The grey of each file [N] that becomes 255.

    It is the last one of the bits that the file states. Files of 16 bits that state none have one
    depth, the largest that at least a tenth of them (and more than one) need: the others are darker
    images of it. Depths four bits apart or more are no exposure, but different depths. What needs
    more than any of these keeps its own.
    """
    bits = traits["bits"].astype(np.int64)
    silent = has(traits, Way.DEEP) & ~has(traits, Way.STATED)
    bits[silent] = _agreed(bits[silent])
    return np.asarray(2**bits - 1)


def _agreed(bits: Ints) -> Ints:
    counts = {depth: int((bits == depth).sum()) for depth in DEPTHS}
    least = max(2 if max(counts.values()) > 1 else 1, _FEW * len(bits))
    usual = [depth for depth in DEPTHS if counts[depth] >= least]
    depths = [depth for depth in usual if depth + 2 not in usual]
    agreed = bits.copy()
    for depth in reversed(depths):
        agreed[bits <= depth] = depth
    return agreed


def remarks(traits: Traits, white: Ints) -> tuple[Remark, ...]:
    """What a reader should know of how N images were read, their whites being ``white`` [N]."""
    read = traits["channels"] > 0
    return (*_on_depth(traits[read], white[read]), *_on_ways(traits[read]))


def _on_depth(traits: Traits, white: Ints) -> Iterator[Remark]:
    deep, stated = has(traits, Way.DEEP), has(traits, Way.STATED)
    depths = np.log2(white + 1).astype(np.int64)
    for these, by in (
        (deep & stated, "as their files state"),
        (deep & ~stated, "judged by all of their greys together, for their files do not say"),
    ):
        if these.any():
            count = plural(int(these.sum()), "image")
            yield note(f"{count} of more than 8 bits: white is at {_levels(depths[these])}, {by}.")
    dark = deep & ~stated & (traits["bits"] < depths)
    if dark.sum() > max(1, _FEW * (deep & ~stated).sum()):
        yield weak(
            f"{int(dark.sum())} of {plural(len(traits), 'image')} would fit into fewer bits, and "
            "were taken for darker images of the others: if a class was stored with fewer, "
            "brightness tells it apart; save the images with 8 bits."
        )
    if len(np.unique(depths)) > 1:
        yield weak(
            f"Images of several depths ({_levels(depths)}), each scaled by its own: where depth "
            "goes with a class, brightness may tell the classes apart."
        )


def _levels(depths: Ints) -> str:
    values, counts = np.unique(depths, return_counts=True)
    return listed([f"{n} bits ({count})" for n, count in zip(values, counts, strict=True)])


def _on_ways(traits: Traits) -> Iterator[Remark]:
    for way, told in _TOLD.items():
        count = int(has(traits, way).sum())
        if count:
            yield note(f"{plural(count, 'image')} {told}.")
