"""Planted copies are seen; different images are not taken for one."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageOps

from greendapt.data.copies import Looks, alike, copied, near_pairs
from greendapt.data.dataset import load
from greendapt.data.splits import made_splits, settle_splits
from greendapt.suite.datasets import PhantomData


@pytest.fixture(scope="module")
def images():
    """Of 150 people."""
    spec = PhantomData(source="phantom", images=400)
    data = load(spec, name="set", image_size=96, aliases={})
    _, first = np.unique(data.patients, return_index=True)
    return [Image.fromarray(image) for image in data.pixels[np.sort(first)[:150], 0]]


def jpeg(image):
    file = io.BytesIO()
    image.save(file, "JPEG", quality=40)
    return Image.open(file)


def marked(image):
    image = image.copy()
    ImageDraw.Draw(image).rectangle((4, 4, 14, 14), fill=255)
    return image


CHANGES = {
    "saved again": jpeg,
    "resized": lambda image: image.resize((58, 58)),
    "brighter": lambda image: image.point([min(round(1.3 * grey), 255) for grey in range(256)]),
    "another gamma": lambda image: image.point([round(255 * (g / 255) ** 0.6) for g in range(256)]),
    "equalised": ImageOps.equalize,
    "mirrored": ImageOps.mirror,
    "inverted": ImageOps.invert,
    "marked": marked,
    "turned": lambda image: image.rotate(3, Image.Resampling.BILINEAR),
    "cropped": lambda image: image.crop((5, 5, 91, 91)),
}


def looks(images, size=64):
    small = [np.asarray(image.resize((size, size))) for image in images]
    return Looks.of_pixels(np.stack(small)[:, None])


@pytest.mark.parametrize("change", CHANGES)
def test_changed_copies_are_seen(images, change):
    planted = looks([CHANGES[change](image) for image in images[:20]])
    assert copied(looks(images[:100]), planted).sum() >= 15


def test_different_images_are_no_copies(images):
    assert not copied(looks(images[:100]), looks(images[100:])).any()
    noise = np.random.default_rng(0).integers(0, 256, (200, 3, 16, 16), dtype=np.uint8)
    assert not copied(Looks.of_pixels(noise[:100]), Looks.of_pixels(noise[100:])).any()


def test_smooth_pictures_that_were_saved_again():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:64, 0:64] / 64
    waves = [(i, j) for i in range(4) for j in range(4)]
    smooth = [
        sum(rng.normal() * np.cos(np.pi * (i * x + j * y) + rng.uniform(0, 6)) for i, j in waves)
        for _ in range(40)
    ]
    images = [Image.fromarray(np.uint8(255 * (s - s.min()) / np.ptp(s))) for s in smooth]
    assert copied(looks(images), looks([jpeg(image) for image in images])).all()
    assert not copied(looks(images[:20]), looks(images[20:])).any()


def test_images_that_show_nothing_are_no_copies():
    flat = np.full((6, 1, 32, 32), 7, dtype=np.uint8)
    assert not copied(Looks.of_pixels(flat), Looks.of_pixels(flat)).any()


def test_copies_within_a_set_share_a_number(images):
    several = [*images[:30], *(CHANGES["mirrored"](image) for image in images[:5])]
    at, near = near_pairs(one := looks(several), one)
    assert (near < at).all()
    numbers = alike(np.arange(35, dtype=np.uint64), one)
    assert (numbers[30:] == numbers[:5]).all()
    assert len(np.unique(numbers)) == 30


def test_looks_of_sets_together_are_those_of_each(images):
    whole = looks(images[:20])
    parts = Looks.together([looks(images[:8]), looks(images[8:20])])
    rows = np.array([19, 0, 8])
    assert (whole.pictures(rows) == parts.at(rows).pictures(np.arange(3))).all()
    assert np.allclose(whole.codes, parts.codes)


def test_nothing_is_no_copy_of_nothing():
    nothing = Looks.of_pixels(np.empty((0, 1, 8, 8), dtype=np.uint8))
    assert not len(copied(nothing, nothing))


def test_copies_stay_together_in_a_split_that_is_made():
    patients = np.arange(60)
    targets = np.arange(60) % 2
    numbers = np.repeat(np.arange(30), 2)
    splits, notes = settle_splits([], patients, targets, lambda: numbers)
    assert (splits[::2] == splits[1::2]).all()
    assert str(notes[0]) == "60 images are copies of one another; copies were kept in one part."
    plain, nothing = settle_splits([], patients, targets, lambda: patients)
    assert (plain == made_splits(patients, targets)).all()
    assert nothing == ()
