"""Which files are images that can be read, and what makes images of the others."""

from __future__ import annotations

import re
from pathlib import Path

_BY_PILLOW = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".jp2")
_NETPBM = (".pgm", ".ppm", ".pbm", ".pnm")
_BY_EXTRAS = (".dcm", ".dicom", ".nii", ".nii.gz")
IMAGE_SUFFIXES = frozenset({*_BY_PILLOW, *_NETPBM, *_BY_EXTRAS})
"""Suffixes of files that are taken for images where no table lists them. What a table lists is
known by its first bytes, whatever it is called."""

_PYTHON_IMAGE = "save them as PNG, with numpy and Pillow"
_SLICES = "save the slices to read as images, for instance with SimpleITK"
_CONVERTERS = {
    (".mha", ".mhd", ".nrrd", ".nhdr", ".mgz", ".mnc", ".img", ".hdr"): _SLICES,
    (".svs", ".ndpi", ".mrxs", ".scn", ".vms", ".bif"): "cut tiles of them, with OpenSlide",
    (".czi", ".lif", ".nd2", ".vsi", ".oib"): "save them as TIFF, with Bio-Formats (bfconvert)",
    (".heic", ".heif", ".avif", ".jxl", ".psd", ".svg", ".tga", ".exr"): (
        "save them as PNG, with ImageMagick"
    ),
    (".dng", ".nef", ".cr2", ".cr3", ".arw"): "save them as TIFF, with dcraw or rawpy",
    (".jls", ".j2k", ".jph"): "save them as PNG, with imagecodecs",
    (".h5", ".hdf5", ".mat", ".zarr", ".parquet", ".arrow", ".tfrecord", ".lmdb"): _PYTHON_IMAGE,
    (".npy", ".pt", ".pth", ".pkl", ".pickle"): _PYTHON_IMAGE,
    (".npz",): "give the file itself as the dataset where it is one of MedMNIST",
    (".mp4", ".avi", ".mov", ".mkv"): "save the frames as PNG, with ffmpeg",
    (".pdf",): "save the pages as PNG, with pdftoppm",
    (".raw", ".dat", ".bin"): "save them as PNG: their size and depth stand nowhere",
    (".zip", ".tar", ".tgz", ".tar.gz", ".7z", ".rar"): "unpack them",
    (".gz", ".bz2", ".xz", ".zst"): "unpack them",
}


def suffix_of(path: Path) -> str:
    """In lower case; both of ``.nii.gz`` and ``.tar.gz``."""
    parts = [part.lower() for part in path.suffixes[-2:]]
    return (
        "".join(parts)
        if parts[-1:] == [".gz"] and parts[0] in (".nii", ".tar")
        else path.suffix.lower()
    )


def why_not(suffix: str) -> str:
    """What to do with files of a suffix that is not read (``save them as PNG, with ...``).

    Empty where nothing is known of it: such files are no images.
    """
    return next((how for suffixes, how in _CONVERTERS.items() if suffix.lower() in suffixes), "")


def mask_parts(cell: str) -> list[str]:
    """The paths in a table's cell: one, or several joined by ``;`` or ``|`` that make one mask."""
    return [part.strip() for part in re.split(r"[;|]", cell) if part.strip()]
