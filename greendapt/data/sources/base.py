"""What every source of images is given, beside its own table in the suite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from greendapt.core.errors import DataError
from greendapt.core.machine import beyond_memory
from greendapt.data.labels import Names, Part
from greendapt.data.pack.packs import Packs

_BESIDE_BYTES = 2000
"""Of an image, beside its pixels."""
Needs = Literal["labels", "images", "masks"]
"""``images``: for a pool that is trained on without labels; ``masks``: for segmentation."""


class NoLabels(DataError):
    """There is no label column of the name that was asked for."""


@dataclass(frozen=True)
class LoadOptions:
    """``name``: what messages call the dataset; ``image_size``: its side (px) once loaded.

    ``packs``: where a folder's images are kept once they are decoded; None decodes them into
    memory. ``part``: it is one source of several. ``splits``: its parts are used, so that
    copies are looked for before they are made. ``allow_leaks``: a leak inside it is a remark.
    """

    name: str
    image_size: int
    names: Names
    needs: Needs = "labels"
    packs: Packs | None = None
    part: Part | None = None
    splits: bool = True
    allow_leaks: bool = False

    def check_memory(self, images: int, planes: int) -> None:
        """Raises DataError where so many images, made in memory, are more than it holds.

        ``planes``: bytes a pixel while they are made.
        """
        full = beyond_memory(images * (planes * self.image_size**2 + _BESIDE_BYTES))
        if full is not None:
            size = self.image_size
            raise DataError(f"{images} images of {size} x {size} px: {full}; take fewer")
