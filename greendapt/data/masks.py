"""Label maps as a downstream task: images that have one, and how many classes they hold."""

from __future__ import annotations

from dataclasses import replace

from greendapt.core.errors import DataError
from greendapt.core.remarks import note
from greendapt.data.imageset import NO_MASK, ImageSet


def with_masks(images: ImageSet) -> ImageSet:
    """The images that have a mask; a note says how many were left out.

    Raises DataError where there are none, or where masks show nothing but background.
    """
    masks = images.masks
    if masks is None or len(masks) == 0 or (masks == NO_MASK).all():
        raise DataError(f"{images.name}: no image has a mask")
    there = (masks != NO_MASK).any(axis=(1, 2))
    if mask_classes(images) < 2:
        raise DataError(f"{images.name}: the masks are empty, they show background alone")
    if there.all():
        return images
    left_out = note(f"{int((~there).sum())} images without a mask are left out.")
    return replace(images.subset(there), notes=(*images.notes, left_out))


def mask_classes(images: ImageSet) -> int:
    """Background and the labels up to the largest one."""
    assert images.masks is not None
    return int(images.masks[images.masks != NO_MASK].max()) + 1
