"""Masks as a task: which images have one, and how many classes they hold."""

from dataclasses import replace

import numpy as np
import pytest

from greendapt.core.errors import DataError
from greendapt.data.dataset import load
from greendapt.data.imageset import NO_MASK
from greendapt.data.masks import mask_classes, with_masks
from greendapt.suite.datasets import PhantomData


@pytest.fixture(scope="module")
def phantoms():
    spec = PhantomData(source="phantom", images=12)
    return load(spec, name="phantoms", image_size=24, aliases={}, needs="masks")


def test_phantoms_show_lungs_and_a_heart(phantoms):
    assert mask_classes(phantoms) == 3
    assert with_masks(phantoms) is phantoms
    assert phantoms.task == "unlabelled"


def test_images_without_a_mask_are_left_out_and_counted(phantoms):
    masks = phantoms.masks.copy()
    masks[[0, 5]] = NO_MASK
    kept = with_masks(replace(phantoms, masks=masks))
    assert len(kept) == 10
    assert tuple(map(str, kept.notes)) == ("2 images without a mask are left out.",)
    assert np.array_equal(kept.gather()[0], phantoms.pixels[1])


@pytest.mark.parametrize(
    ("fill", "sentence"), [(NO_MASK, "no image has a mask"), (0, "masks are empty")]
)
def test_masks_that_say_nothing(phantoms, fill, sentence):
    with pytest.raises(DataError, match=sentence):
        with_masks(replace(phantoms, masks=np.full_like(phantoms.masks, fill)))


def test_a_set_without_masks(phantoms):
    with pytest.raises(DataError, match="no image has a mask"):
        with_masks(replace(phantoms, masks=None))
