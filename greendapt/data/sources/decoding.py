"""One image file, from its bytes to a small square; a decoder raises why it cannot."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from greendapt.data.imageset import content_hash
from greendapt.data.sources import dicom, nifti
from greendapt.data.sources.traits import Way, depth_of
from greendapt.data.sources.whole import Whole, check_size, too_many

_FORMATS = ("PNG", "JPEG", "BMP", "DIB", "TIFF", "WEBP", "GIF", "PPM", "JPEG2000")
"""Not all that Pillow knows: some start other programs."""
_ONE_CHANNEL = ("1", "L", "LA", "La")
_KEPT_IN = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")
"""Where formats other than TIFF keep what `Image.getexif` reads, which takes its time."""
_TURN = Image.Transpose
_UPRIGHT = {
    2: _TURN.FLIP_LEFT_RIGHT,
    3: _TURN.ROTATE_180,
    4: _TURN.FLIP_TOP_BOTTOM,
    5: _TURN.TRANSPOSE,
    6: _TURN.ROTATE_270,
    7: _TURN.TRANSVERSE,
    8: _TURN.ROTATE_90,
}
"""By EXIF orientation. `ImageOps.exif_transpose` does the same, but writes the EXIF anew, which
fails where any other entry of it is damaged."""
_ORIENTATION, _BITS, _PHOTOMETRIC = 0x0112, 258, 262


@dataclass(frozen=True)
class Decoded:
    """One image: [H, W] or [H, W, 3], uint8, or float32 greys of more than 8 bits.

    ``hash``: of the image before resizing; ``bits``, ``ways`` and ``size`` (height, width): see
    `traits.TRAITS`.
    """

    values: NDArray[np.uint8] | NDArray[np.float32]
    hash: int
    bits: int
    ways: Way
    size: tuple[int, int]

    @property
    def channels(self) -> int:
        return 3 if self.values.ndim == 3 else 1

    @property
    def traits(self) -> tuple[int, int, int, int, int]:
        """As a row of `traits.TRAITS`."""
        return (self.channels, self.bits, int(self.ways), *self.size)


def decode(data: bytes, size: int) -> Decoded:
    """An image file's bytes, resized (bilinear, antialiased). Raises whatever its decoder does."""
    whole = _whole(data)
    height, width = whole.values.shape[:2]
    small: NDArray[np.uint8] | NDArray[np.float32]
    if whole.values.dtype == np.uint16:
        greys = whole.values.astype(np.uint16, copy=False)
        small = np.asarray(_resized(greys.astype(np.float32), size), dtype=np.float32)
        bits, ways = whole.bits or depth_of(greys), whole.ways | Way.DEEP
        ways |= Way.STATED if whole.bits else Way.PLAIN
    else:
        small = np.asarray(_resized(whole.values, size), dtype=np.uint8)
        bits, ways = 8, whole.ways
    return Decoded(small, content_hash(whole.values), bits, ways, (height, width))


def _resized(values: NDArray[Any], size: int) -> Image.Image:
    return Image.fromarray(values).resize((size, size), Image.Resampling.BILINEAR)


def _whole(data: bytes) -> Whole:
    if dicom.is_dicom(data):
        return dicom.read(data)
    if nifti.is_nifti(data):
        return nifti.read(data)
    return read_picture(data)


# --- what Pillow reads ----------------------------------------------------------------------


def open_picture(data: bytes) -> Image.Image:
    """Not yet decoded. Raises ValueError where it has too many pixels, or is no image."""
    try:
        image = Image.open(io.BytesIO(data), formats=_FORMATS)
    except UnidentifiedImageError:
        raise ValueError("not an image") from None
    except Image.DecompressionBombError as error:
        pixels = re.search(r"\d+", str(error))
        raise ValueError(too_many(pixels[0] if pixels else "")) from None
    check_size(image.height, image.width)
    return image


def read_picture(data: bytes) -> Whole:
    """The first page, upright."""
    with open_picture(data) as image:
        ways = Way.PLAIN
        if image.format != "MPO" and getattr(image, "n_frames", 1) > 1:  # MPO: previews of a camera
            ways |= Way.PAGES
        tiles = getattr(image, "tile", ())
        raw = tiles[0][3] if tiles else ()
        flat, turned = upright(image)
        ways |= Way.TURNED if turned else Way.PLAIN
        if flat.mode.startswith("I"):
            if getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0:  # with 8 bits Pillow inverts it
                ways |= Way.INVERTED
            return _deep(flat, _stated(image, data, raw), ways)
        if flat.mode == "F":
            raise ValueError("floating-point pixels; save it with 8 or 16 bits")
        values, in_alpha = _flat(flat)
    if ";16" in str(raw) and 0 < values.max() < 64:
        raise ValueError("colours of 16 bits that need fewer; save it with 8 bits a channel")
    return Whole(values, None, ways | Way.ALPHA if in_alpha else ways)


def upright(image: Image.Image) -> tuple[Image.Image, bool]:
    """Decoded, and turned as the file says it should be; whether that did anything."""
    how = _UPRIGHT.get(_orientation(image))
    image.load()
    if how is None or image.format == "TIFF":  # Pillow turns these itself
        return image, how is not None
    return image.transpose(how), True


def _orientation(image: Image.Image) -> int:
    if image.format != "TIFF" and not any(key in image.info for key in _KEPT_IN):
        return 1
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # whatever is wrong there, the pixels may be sound
        return 1


def _flat(image: Image.Image) -> tuple[NDArray[np.uint8], bool]:
    """uint8 [H, W] or [H, W, 3], and whether that is its transparency.

    Transparency is no content, unless there is no other.
    """
    if image.has_transparency_data:
        *colours, alpha = image.convert("RGBA").split()
        low, high = alpha.getextrema()
        if low != high and all(c.getextrema()[0] == c.getextrema()[1] for c in colours):
            return np.asarray(alpha), True
    values = np.asarray(image.convert("L" if image.mode in _ONE_CHANNEL else "RGB"))
    if values.ndim == 3 and is_grey(values):
        values = np.ascontiguousarray(values[..., 0])
    return values, False


def _deep(image: Image.Image, bits: int | None, ways: Way) -> Whole:
    values: NDArray[Any] = np.asarray(image)
    if values.dtype != np.uint16 and (values.min() < 0 or values.max() > 65535):
        raise ValueError("grey values beyond 16 bits")
    greys = values.astype(np.uint16, copy=False)
    if bits is not None and depth_of(greys) > bits:
        bits = 16  # stretched to all 16 bits, as the standard of PNG wants it
    return Whole(greys, bits, ways)


def _stated(image: Image.Image, data: bytes, raw: object) -> int | None:
    """Bits a grey, where a file of 16 bits says that it has fewer, or scales them itself."""
    if image.format == "PNG":
        header = data[: data.find(b"IDAT")]
        at = header.find(b"\0\0\0\1sBIT")
        return header[at + 8] if at > 0 and 8 <= header[at + 8] < 16 else None
    if image.format == "TIFF":
        bits = getattr(image, "tag_v2", {}).get(_BITS, (16,))[0]
        return int(bits) if 8 < bits < 16 else None
    if image.format == "PPM":  # Pillow scales what is not one of these to 16 bits
        return 16 if isinstance(raw, tuple) and raw[-1] != 65535 else None
    return None


def is_grey(rgb: NDArray[np.uint8]) -> bool:
    """Whether the channels of [H, W, 3] are equal."""
    few = rgb[::16, ::16]
    return all(np.array_equal(part[..., 0], part[..., k]) for part in (few, rgb) for k in (1, 2))
