"""DICOM files as images, windowed and inverted as they state. Needs the ``dicom`` extra."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from greendapt.data.sources.traits import Way
from greendapt.data.sources.whole import Whole, check_size

_GREY = ("MONOCHROME1", "MONOCHROME2")
_PAIRS = (("WindowWidth", "WindowCenter"), ("RescaleSlope", "RescaleIntercept"))
_SCALED = (*_PAIRS[0], *_PAIRS[1], "VOILUTSequence", "ModalityLUTSequence")
"""Without any of them 16 bits stored are only the size of a word."""


def is_dicom(data: bytes) -> bool:
    return data[128:132] == b"DICM"


def read(data: bytes) -> Whole:
    """One image: [H, W] uint8 or uint16 over all the bits stored, or uint8 [H, W, 3].

    Raises ValueError with what is wrong: several frames, no image, a decoder that is missing.
    """
    try:
        import pydicom
    except ImportError:
        raise ValueError(
            "a DICOM file, which needs pydicom: pip install 'greendapt[dicom]'"
        ) from None
    file = pydicom.dcmread(io.BytesIO(data))
    _check(file)
    stored = _stored(file)
    if file.PhotometricInterpretation in _GREY:
        return _grey(file, stored)
    return Whole(_colours(file, stored))


def _check(file: Any) -> None:
    if "PixelData" not in file:
        raise ValueError("a DICOM file without an image of whole numbers")
    frames = int(file.get("NumberOfFrames") or 1)
    if frames > 1:
        raise ValueError(
            f"a DICOM file of {frames} frames; save those to read as files of one frame each"
        )
    check_size(int(file.Rows), int(file.Columns))
    if int(file.BitsAllocated) > 16:
        raise ValueError(f"a DICOM file of {file.BitsAllocated} bits a pixel; save it with 16")


def _stored(file: Any) -> NDArray[Any]:
    try:
        return np.asarray(file.pixel_array)
    except RuntimeError as error:
        if "missing dependencies" not in str(error):
            raise
    syntax = file.file_meta.TransferSyntaxUID.name
    raise ValueError(
        f"a DICOM file compressed as {syntax}, which needs a decoder: pip install python-gdcm"
    )


def _grey(file: Any, stored: NDArray[Any]) -> Whole:
    """Through one table of all values that can be stored, so that no white depends on an image."""
    from pydicom.pixels import apply_modality_lut, apply_voi_lut

    bits, signed = int(file.BitsStored), bool(file.PixelRepresentation)
    _drop_what_says_nothing(file)
    if bits == 16 and not signed and not any(key in file for key in _SCALED):
        inverted = file.PhotometricInterpretation == "MONOCHROME1"
        return Whole(stored.astype(np.uint16), None, Way.INVERTED if inverted else Way.PLAIN)
    first = -(2 ** (bits - 1)) if signed else 0
    every = np.arange(first, first + 2**bits, dtype=np.int32 if signed else np.uint16)
    shown = np.asarray(apply_voi_lut(apply_modality_lut(every, file), file), dtype=np.float64)
    black, white = shown.min(), shown.max()
    if not (np.isfinite(black) and black < white):
        raise ValueError("a DICOM file whose window shows nothing")
    depth, ways = max(bits, 8), Way.PLAIN
    table = (shown - black) / (white - black)
    if file.PhotometricInterpretation == "MONOCHROME1":
        table, ways = 1 - table, Way.INVERTED
    greys = np.rint(table * (2**depth - 1)).astype(np.uint8 if depth == 8 else np.uint16)
    index = np.clip(stored.astype(np.int32) - first, 0, len(greys) - 1)
    return Whole(greys[index], depth if depth > 8 else None, ways)


def _drop_what_says_nothing(file: Any) -> None:
    """Empty elements, halves of a pair, and a rescaling that changes nothing."""
    there = {key for key in _SCALED if key in file and not file[key].is_empty}
    for pair in _PAIRS:
        if not there.issuperset(pair):
            there.difference_update(pair)
    if there.issuperset(_PAIRS[1]) and (file.RescaleSlope, file.RescaleIntercept) == (1, 0):
        there.difference_update(_PAIRS[1])
    for key in _SCALED:
        if key in file and key not in there:
            del file[key]


def _colours(file: Any, stored: NDArray[Any]) -> NDArray[np.uint8]:
    from pydicom.pixels import apply_color_lut

    if file.PhotometricInterpretation == "PALETTE COLOR":
        stored = np.asarray(apply_color_lut(stored, file))
    if stored.ndim != 3 or stored.shape[2] != 3:
        raise ValueError(f"a DICOM file of the kind {file.PhotometricInterpretation}")
    if stored.dtype == np.uint16:
        stored = stored >> 8
    return np.ascontiguousarray(stored.astype(np.uint8))
