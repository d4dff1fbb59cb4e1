"""NIfTI files of one slice are images; volumes are refused with what to do."""

import gzip

import numpy as np
import pytest

from greendapt.data.dataset import load
from greendapt.data.sources.image_files import read_images
from greendapt.suite.datasets import FolderData

nibabel = pytest.importorskip("nibabel", reason="the nifti extra is missing")

PICTURE = np.add.outer(np.arange(24) * 5, np.arange(32) * 3).astype(np.uint8)
"""[H, W]: darkest at the upper left."""
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""As converters of pictures write it: columns to the patient's left, rows to the back."""


def nifti(path, values, affine=LPS, kind=nibabel.Nifti1Image, **header):
    """Writes values [x, y, ...]."""
    image = kind(values, affine)
    for name, value in header.items():
        image.header[name] = value
    nibabel.save(image, path)
    return path


def shown(*paths, size=32):
    batch = read_images(paths, size)
    assert batch.bad == []
    return batch.pixels[:, 0].astype(int)


def why(path):
    ((_, reason),) = read_images([path], 16).bad
    return reason


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("more", [(), (1,), (1, 1)])
def test_a_slice_is_an_image(tmp_path, name, kind, more):
    path = nifti(tmp_path / name, PICTURE.T.reshape(32, 24, *more), kind=kind)
    batch = read_images([path], 32)
    assert tuple(batch.traits[0][["height", "width"]]) == (24, 32)
    corners = batch.pixels[0, 0][[0, 0, -1, -1], [0, -1, 0, -1]]
    assert np.abs(corners.astype(int) - [0, 93, 115, 208]).max() <= 3


def test_however_it_is_stored_it_lies_the_same(tmp_path):
    lps = nifti(tmp_path / "lps.nii", PICTURE.T[..., None])
    ras = nifti(tmp_path / "ras.nii", PICTURE[::-1, ::-1].T[..., None], np.eye(4))
    coronal = nifti(
        tmp_path / "coronal.nii",
        PICTURE[::-1].T[:, None],
        np.array([[-1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]]),
    )
    images = shown(lps, ras, coronal)
    assert np.array_equal(images[0], images[1])
    assert np.array_equal(images[0], images[2])


def test_greys_are_scaled_as_the_file_states(tmp_path):
    wide = (PICTURE.T.astype(np.int16) - 100) * 10
    window = nifti(tmp_path / "w.nii", wide, cal_min=-1000, cal_max=1550)
    deep = nifti(tmp_path / "d.nii", PICTURE.T.astype(np.int16) * 16)
    plain, one, two = shown(nifti(tmp_path / "p.nii", PICTURE.T), window, deep)
    assert np.abs(plain - one).max() <= 1
    assert np.abs(plain - two).max() <= 1


def test_greys_without_a_window_are_refused(tmp_path):
    for name, values in (("neg", PICTURE.T.astype(np.int16) - 9), ("frac", PICTURE.T / 3)):
        assert "cal_min" in why(nifti(tmp_path / f"{name}.nii", values))


def test_a_volume_is_refused_with_what_to_do(tmp_path):
    reason = why(nifti(tmp_path / "x.nii.gz", np.zeros((32, 24, 10), np.uint8)))
    assert "a NIfTI volume of 32 x 24 x 10" in reason
    assert "med2image" in reason


def test_a_small_file_that_unpacks_to_anything_is_not_unpacked(tmp_path):
    path = nifti(tmp_path / "x.nii", np.zeros((8, 8, 1), np.uint8))
    header = bytearray(path.read_bytes()[:352])
    header[42:46] = np.array([30_000, 30_000], "<i2").tobytes()
    path.write_bytes(gzip.compress(bytes(header) + bytes(1000)))
    assert "30000 x 30000 pixels" in why(path)
    header[108:112] = np.array([1e9], "<f4").tobytes()
    header[42:46] = np.array([8, 8], "<i2").tobytes()
    path.write_bytes(bytes(header) + bytes(1000))
    assert "damaged" in why(path)


def test_a_tree_of_slices(tmp_path):
    for k in range(6):
        (tmp_path / "ab"[k % 2]).mkdir(exist_ok=True)
        nifti(tmp_path / "ab"[k % 2] / f"{k}.nii.gz", PICTURE.T + np.uint8(k))
    spec = FolderData(source="folder", path=tmp_path)
    assert len(load(spec, name="x", image_size=16, aliases={})) == 6


def test_without_nibabel_the_extra_is_named(tmp_path, not_installed):
    path = nifti(tmp_path / "x.nii", PICTURE.T)
    not_installed("nibabel")
    assert "pip install 'greendapt[nifti]'" in why(path)
