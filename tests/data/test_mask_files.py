"""Masks are read exactly, or refused with what was seen."""

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from greendapt.core.errors import DataError
from greendapt.data.dataset import load
from greendapt.suite.datasets import FolderData

SIDE = 24
BACK, RED, GREEN = (0, 0, 0), (255, 0, 0), (0, 255, 0)
STRIPES = np.repeat([0, 1, 2], 8)[None].repeat(SIDE, 0)
"""Three upright stripes, [24, 24]."""


@pytest.fixture
def masked(folder):
    """A folder of three images; ``masks``: an array each, or the files' names."""

    def make(*masks):
        rows = [
            {
                "image": f"{i}.png",
                "label": "ab"[i % 2],
                "mask": f"m{i}.png" if m is not None else "",
            }
            for i, m in enumerate(masks)
        ]
        root = folder(rows)
        for i, mask in enumerate(masks):
            if mask is not None:
                Image.fromarray(np.asarray(mask)).save(root / f"m{i}.png")
        return root

    return make


def read(root, size=SIDE, **spec):
    table = FolderData(source="folder", path=root, **spec)
    return load(table, name="set", image_size=size, aliases={}, needs="masks")


def refused(root, **spec):
    with pytest.raises(DataError) as error:
        read(root, **spec)
    (line,) = str(error.value).splitlines()
    return line.removeprefix(f"{root}: ")


def coloured(*palette):
    return np.array(palette, np.uint8)[STRIPES]


@pytest.mark.parametrize(
    ("values", "classes"),
    [((0, 255, 0), (0, 1, 0)), ((0, 1, 1), (0, 1, 1)), ((0, 1, 2), (0, 1, 2))],
)
def test_usual_values(masked, values, classes):
    masks = read(masked(*[coloured(*values)] * 2, None)).masks
    assert (masks[:2] == np.array(classes)[STRIPES]).all()
    assert (masks[2] == 255).all()


@pytest.mark.parametrize(
    ("palette", "seen"),
    [
        ((0, 128, 255), 'the values 0, 128, 255; say which class each is, such as mask_values = '
                        '{ "0" = 0, "128" = 1, "255" = 2 }'),
        ((0, 2, 2), "the values 0, 2;"),
        ((1, 254, 255), "the values 1, 254, 255;"),
        ((BACK, RED, BACK), "the colours #000000, #ff0000;"),
        ((BACK, RED, GREEN), "the colours #000000, #00ff00, #ff0000;"),
    ],
)  # fmt: skip
def test_unexpected_values_are_refused_with_the_option_to_set(masked, palette, seen):
    assert refused(masked(*[coloured(*palette)] * 3)).startswith(f"masks hold {seen}")


def test_values_are_of_the_set_not_of_a_file(masked):
    assert "0, 1, 255" in refused(masked(coloured(0, 1, 0), coloured(0, 255, 0)))


def test_a_value_that_resizing_would_lose_counts(masked):
    mask = coloured(0, 255, 0)
    mask[0, 0] = 128
    assert "0, 128, 255" in refused(masked(mask, mask), mask_values=None)


def test_mask_values_say_what_values_and_colours_are(masked):
    root = masked(*[coloured(0, 128, 255)] * 2)
    values = {"0": 0, "128": 2, "255": 1}
    assert (read(root, mask_values=values).masks == np.array([0, 2, 1])[STRIPES]).all()
    root = masked(*[coloured(BACK, RED, GREEN)] * 2)
    colours = {"#000000": 0, "#FF0000": 1, "#00ff00": 1}
    assert (read(root, mask_values=colours).masks == np.array([0, 1, 1])[STRIPES]).all()


@pytest.mark.parametrize("values", [{"0": 0, "255": 1}, {"#000000": 0, "#ff0000": 1}])
def test_what_mask_values_leave_out_is_refused(masked, values):
    palette = (BACK, RED, GREEN)
    said = refused(masked(*[coloured(*palette)] * 2), mask_values=values)
    assert "#00ff00" in said
    assert f"mask_values ({', '.join(values)}) says nothing" in said


def test_blue_is_not_the_grey_255(masked):
    root = masked(*[coloured(BACK, (0, 0, 255), BACK)] * 2)
    assert "#0000ff" in refused(root, mask_values={"0": 0, "255": 1})


def test_a_palette_is_read_by_its_numbers_or_its_colours(masked):
    root = masked(*[coloured(0, 1, 2)] * 2)
    for i in range(2):
        image = Image.fromarray(STRIPES.astype(np.uint8), mode="P")
        image.putpalette([*BACK, *RED, *GREEN])
        image.save(root / f"m{i}.png")
    assert (read(root).masks == STRIPES).all()
    colours = {"#000000": 0, "#ff0000": 2, "#00ff00": 1}
    assert (read(root, mask_values=colours).masks == np.array([0, 2, 1])[STRIPES]).all()


def test_a_map_that_jpeg_changed_is_refused(masked):
    root = masked(coloured(0, 255, 0), coloured(0, 255, 0))
    noisy = np.random.default_rng(0).choice([0, 255], (SIDE, SIDE)).astype(np.uint8)
    for i in range(2):
        Image.fromarray(noisy).save(root / f"m{i}.png", "JPEG", quality=60)
    assert "values (0, 1, 2" in (said := refused(root))
    assert "JPEG or smoothing" in said


def test_a_picture_is_no_mask(masked):
    many = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    assert "more than 256 values" in refused(masked(many, many))


@pytest.mark.parametrize("shape", [(24, 12), (12, 24), (48, 47 * 2)])
def test_another_shape_is_refused_with_both(masked, shape):
    mask = np.zeros(shape, np.uint8)
    said = refused(masked(mask, mask))
    assert said == (
        f"2 masks of another shape than the image: 2 of {shape[1]} x {shape[0]} for an image of "
        "24 x 24"
    )


def test_the_same_shape_at_another_resolution_is_resized_and_said(masked):
    large = np.kron(STRIPES, np.ones((2, 2), int)).astype(np.uint8)
    images = read(masked(large, large, STRIPES.astype(np.uint8)))
    assert (images.masks == STRIPES).all()
    assert [str(one) for one in images.notes if "mask" in str(one)] == [
        "2 masks of another resolution than the image: resized."
    ]


@pytest.mark.parametrize("joint", ["; ", "|"])
def test_lungs_of_two_files_are_one_mask(masked, joint):
    root = masked(coloured(255, 0, 0), coloured(0, 0, 255))
    table = (root / "labels.csv").read_text()
    both = table.replace("m0.png", f"m0.png{joint}m1.png").replace(
        ",m1.png", f",m1.png{joint}m0.png"
    )
    (root / "labels.csv").write_text(both)
    images = read(root)
    assert (images.masks == np.array([1, 0, 1])[STRIPES]).all()
    assert "2 masks of several files: laid over each other." in [str(one) for one in images.notes]


def test_a_mask_of_two_files_of_which_one_is_missing(masked):
    root = masked(coloured(255, 0, 0), coloured(0, 0, 255))
    table = (root / "labels.csv").read_text().replace("m0.png", "m0.png;gone.png")
    (root / "labels.csv").write_text(table)
    assert "1 masks cannot be read" in refused(root)


def test_a_mask_lies_on_an_image_that_was_put_upright(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    root = folder([{"image": f"{i}.jpg", "label": "ab"[i], "mask": "m.png"} for i in range(2)])
    for i in range(2):
        noise = np.random.default_rng(i).integers(0, 256, (20, 40), dtype=np.uint8)
        Image.fromarray(noise).save(root / f"{i}.jpg", exif=exif)
    Image.fromarray(np.zeros((40, 20), np.uint8)).save(root / "m.png")
    assert read(root).masks.shape == (2, SIDE, SIDE)


@pytest.mark.parametrize(
    "values",
    [{}, {"0": 0}, {"0": 0, "#ff0000": 1}, {"0": 0, "x": 1}, {"0": 0, "1": 255}, {"0": 0, "1": -1}],
)
def test_mask_values_of_another_form_are_refused(values, tmp_path):
    with pytest.raises(ValidationError):
        FolderData(source="folder", path=tmp_path, mask_values=values)
