"""NIfTI files of one slice as images. Needs the ``nifti`` extra."""

from __future__ import annotations

import gzip
import io
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from greendapt.data.sources.whole import Whole, check_size

_MAGIC = ((344, (b"n+1\0", b"ni1\0")), (4, (b"n+2\0", b"ni2\0")))
_HEADER = 544
"""Bytes that hold either header and its extension flag."""
_MOST_BEFORE = 1 << 24
"""Bytes of header and extensions."""


def is_nifti(data: bytes) -> bool:
    """Whether it is one, or gzipped one."""
    if data[:2] == b"\x1f\x8b":
        try:
            data = _unpacked(data, _HEADER)
        except (OSError, EOFError, zlib.error):
            return False
    return any(data[at : at + 4] in magic for at, magic in _MAGIC)


def read(data: bytes) -> Whole:
    """The slice as radiologists see it: [H, W], uint8 or uint16.

    Raises ValueError with what is wrong: a volume, greys that are not whole numbers.
    """
    try:
        import nibabel
    except ImportError:
        raise ValueError(
            "a NIfTI file, which needs nibabel: pip install 'greendapt[nifti]'"
        ) from None
    one = nibabel.Nifti2Image if _unpacked(data, 4)[:4] in _SIZES_2 else nibabel.Nifti1Image
    header = one.header_class.from_fileobj(io.BytesIO(_unpacked(data, _HEADER)))
    shape = header.get_data_shape()
    if sum(side > 1 for side in shape) > 2:
        raise ValueError(
            f"a NIfTI volume of {' x '.join(map(str, shape))}; save the slices to read as PNG, "
            "for instance with med2image, with patient_id in the table"
        )
    check_size(*([*(side for side in shape if side > 1), 1, 1][:2]))
    start = int(header.get_data_offset())
    if start > _MOST_BEFORE:
        raise ValueError("a NIfTI file whose header is damaged")
    nbytes = start + int(np.prod(shape)) * header.get_data_dtype().itemsize
    image = one.from_bytes(_unpacked(data, nbytes))
    return _greys(_upright(np.asanyarray(image.dataobj), image.affine), header)


_SIZES_2 = (b"\x1c\x02\0\0", b"\0\0\x02\x1c")


def _unpacked(data: bytes, nbytes: int) -> bytes:
    """The first so many bytes: what a file unpacks to beyond them is never in memory."""
    if data[:2] != b"\x1f\x8b":
        return data[:nbytes]
    return gzip.GzipFile(fileobj=io.BytesIO(data)).read(nbytes)


def _upright(values: NDArray[Any], affine: NDArray[np.float64]) -> NDArray[Any]:
    """[H, W]: the patient's right to the left, front or head above."""
    from nibabel.orientations import apply_orientation, io_orientation

    volume = values.reshape(*values.shape[:3], *[1] * (3 - values.ndim))
    turned = np.asarray(apply_orientation(volume, io_orientation(affine)))
    flat = turned.reshape([side for side in turned.shape if side > 1] or [1, 1])
    flat = flat if flat.ndim == 2 else flat[:, None]
    return flat[::-1, ::-1].T


def _greys(values: NDArray[Any], header: Any) -> Whole:
    low, high = float(header["cal_min"]), float(header["cal_max"])
    if values.dtype.fields is not None or not np.isfinite(values).all():
        raise ValueError("a NIfTI file of colours, or of values that are no numbers")
    if high > low:
        scaled = np.clip((values - low) / (high - low), 0, 1) * 65535
        return Whole(np.rint(scaled).astype(np.uint16), 16)
    if values.dtype == np.uint8:
        return Whole(np.ascontiguousarray(values))
    if values.min() < 0 or values.max() > 65535 or (values != np.rint(values)).any():
        raise ValueError(
            "a NIfTI file of greys that are not 0 to 65535, without the window cal_min, cal_max; "
            "save it with one, or with 8 or 16 bits"
        )
    return Whole(np.ascontiguousarray(values.astype(np.uint16)))
