"""Planted shortcuts and swapped labels are told; clean sets give none."""

import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from greendapt.data.checks.cautions import cautions
from greendapt.data.checks.shortcuts import features, remarks, shortcuts
from greendapt.data.copies.appearance import pictures
from greendapt.data.dataset import load
from greendapt.data.sources.file_traits import file_traits
from greendapt.data.sources.image_files import read_images
from greendapt.suite.datasets import PhantomData


@pytest.fixture(scope="module")
def chests():
    """Ill or not, made plain in the middle."""
    data = load(PhantomData(source="phantom", images=400), name="set", image_size=64, aliases={})
    ill = (data.targets > 0).astype(np.int64)
    pixels = data.pixels.astype(float)
    strength = np.random.default_rng(0).random(400) * ill
    pixels[:, 0, 24:40, 24:40] += 90 * strength[:, None, None]
    data = replace(data, origin="xrays", pixels=np.clip(pixels, 0, 255).astype(np.uint8))
    return replace(data, targets=ill, classes=("well", "ill"))


def told(data, traits=None):
    seen = features(pictures(data.pixels), traits)
    labels = {"ill": data.targets.astype(np.float32)}
    return list(map(str, remarks(*shortcuts(seen, labels, data.patients), "Set")))


def test_a_clean_set_gives_none(chests):
    assert told(chests, np.tile([64.0, 64.0, 8.0], (400, 1))) == []
    assert not any("told by" in str(one) for one in cautions(chests))


def test_a_mark_in_a_corner(chests):
    pixels = chests.pixels.copy()
    pixels[chests.targets == 1, :, 2:8, 54:60] = 255
    (text,) = told(replace(chests, pixels=pixels))
    assert re.match("Set: 'ill' is told by (corners|borders) alone, AUC 1.00", text)
    (text,) = [str(o) for o in cautions(replace(chests, pixels=pixels)) if "told by" in str(o)]
    assert "'ill' is told by" in text


def test_a_black_border(chests):
    pixels = chests.pixels.copy()
    for border in (pixels[:, :, :4], pixels[:, :, -4:]):
        border[chests.targets == 1] = 0
        border[chests.targets == 0] = 60
    assert "is told by borders alone" in told(replace(chests, pixels=pixels))[0]


def test_the_depth_of_files(chests):
    traits = np.stack([np.full(400, 64), 8 + 8 * chests.targets], axis=1).astype(float)
    assert "is told by file traits alone, AUC 1.00" in told(chests, traits)[0]
    assert told(chests, np.random.default_rng(0).integers(60, 70, (400, 2)).astype(float)) == []


def test_swapped_labels_are_counted(chests):
    pixels = chests.pixels.copy()
    pixels[chests.targets == 1, :, 24:40, 24:40] = 255
    clear = replace(chests, pixels=pixels)
    assert told(clear) == []
    swapped = np.random.default_rng(1).random(400) < 0.12
    (text,) = told(replace(clear, targets=np.where(swapped, 1 - clear.targets, clear.targets)))
    assert "of the labels of 'ill' may be wrong" in text
    assert "of 400 images are suspect" in text


def test_too_few_images_tell_nothing(chests):
    assert told(chests.subset(np.arange(30))) == []


def test_traits_of_files(tmp_path):
    images = {"a.png": Image.new("L", (40, 20)), "b.png": Image.new("I;16", (40, 20), 300)}
    paths = [tmp_path / name for name in (*images, "c.jpg")]
    for path, image in zip(paths, [*images.values(), Image.new("RGB", (9, 9))], strict=True):
        image.save(path)
    a, b, c = file_traits(read_images(paths, 8).traits, paths)
    assert a[:4].tolist() == b[:4].tolist() == [40, 20, 2, 40]
    assert a[4] < b[4]
    assert c[:2].tolist() == [9, 9]
    assert a[-1] == b[-1] != c[-1]
