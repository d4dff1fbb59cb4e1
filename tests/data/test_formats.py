"""Which files are images, and what to do with those that are not read."""

from pathlib import Path

import pytest

from greendapt.data.sources.formats import IMAGE_SUFFIXES, mask_parts, suffix_of, why_not


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.PNG", ".png"), ("a.b.nii.gz", ".nii.gz"), ("x.tar.gz", ".tar.gz"), ("x.csv.gz", ".gz"),
     ("1.2.840.dcm", ".dcm"), ("none", ""), (".gz", ""), ("x.gz", ".gz")],
)  # fmt: skip
def test_suffixes(name, suffix):
    assert suffix_of(Path(name)) == suffix


@pytest.mark.parametrize(
    ("suffix", "converter"),
    [(".mha", "SimpleITK"), (".NRRD", "SimpleITK"), (".svs", "OpenSlide"), (".heic", "ImageMagick"),
     (".h5", "numpy"), (".mp4", "ffmpeg"), (".npz", "MedMNIST"), (".zip", "unpack")],
)  # fmt: skip
def test_what_is_not_read_is_named_with_its_converter(suffix, converter):
    assert converter in why_not(suffix)


def test_what_is_read_or_is_no_image_has_no_converter():
    assert not any(map(why_not, [*IMAGE_SUFFIXES, ".txt", ".csv", ".json", ""]))


def test_the_files_of_a_mask():
    assert mask_parts("left/1.png; right/1.png") == ["left/1.png", "right/1.png"]
    assert mask_parts("a.png|b.png") == ["a.png", "b.png"]
    assert mask_parts("") == []
