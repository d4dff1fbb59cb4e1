"""DICOM files are shown as they state, or refused with what is missing."""

import io

import numpy as np
import pytest
from PIL import Image

from greendapt.data.dataset import load
from greendapt.data.sources.image_files import read_images
from greendapt.suite.datasets import FolderData

pydicom = pytest.importorskip("pydicom", minversion="3.0", reason="the dicom extra is missing")

from pydicom import uid  # noqa: E402
from pydicom.dataset import Dataset, FileMetaDataset  # noqa: E402
from pydicom.encaps import encapsulate  # noqa: E402

RAMP = np.tile(np.linspace(0, 1, 32), (32, 1))


def dicom(path, values, bits=12, syntax=uid.ExplicitVRLittleEndian, **tags):
    """Writes values [H, W] or [H, W, 3] as a file that stores them in so many bits."""
    one = Dataset()
    one.file_meta = FileMetaDataset()
    one.file_meta.TransferSyntaxUID = syntax
    one.SOPClassUID = uid.DigitalXRayImageStorageForPresentation
    one.SOPInstanceUID = uid.generate_uid()
    signed = values.min() < 0
    width = 8 if bits <= 8 else 16
    one.Rows, one.Columns = values.shape[:2]
    one.SamplesPerPixel = 3 if values.ndim == 3 else 1
    one.PhotometricInterpretation = "RGB" if values.ndim == 3 else "MONOCHROME2"
    if values.ndim == 3:
        one.PlanarConfiguration = 0
    one.BitsAllocated, one.BitsStored, one.HighBit = width, bits, bits - 1
    one.PixelRepresentation = int(signed)
    kind = np.dtype(f"{'i' if signed else 'u'}{width // 8}")
    kind = kind.newbyteorder(">" if syntax == uid.ExplicitVRBigEndian else "<")
    one.PixelData = values.astype(kind).tobytes()
    one["PixelData"].VR = "OB" if width == 8 else "OW"
    for name, value in tags.items():
        setattr(one, name, value)
    one.save_as(path, enforce_file_format=True)
    return path


def shown(*paths):
    batch = read_images(paths, 32)
    assert batch.bad == []
    return batch.pixels.astype(int)


def why(path):
    ((_, reason),) = read_images([path], 16).bad
    return reason


@pytest.mark.parametrize("bits", [8, 10, 12, 14])
@pytest.mark.parametrize("inverted", [False, True])
def test_white_is_that_of_the_bits_stored(tmp_path, bits, inverted):
    values = np.rint(RAMP * 0.5 * (2**bits - 1))
    kind = "MONOCHROME1" if inverted else "MONOCHROME2"
    path = dicom(tmp_path / "x.dcm", values, bits, PhotometricInterpretation=kind)
    expected = 1 - RAMP * 0.5 if inverted else RAMP * 0.5
    assert np.abs(shown(path)[0, 0] - 255 * expected).max() <= 1.5
    told = " ".join(map(str, read_images([path], 8).remarks()))
    assert ("zero is white" in told) == inverted
    assert ("as their files state" in told) == (bits > 8)


def test_16_bits_stored_are_the_size_of_a_word(tmp_path):
    values = np.rint(RAMP * 4095)
    one = dicom(tmp_path / "1.dcm", values, 16)
    nothing = {"RescaleSlope": 1, "RescaleIntercept": 0, "WindowWidth": "", "WindowCenter": 9}
    inverse = {"PhotometricInterpretation": "MONOCHROME1"}
    two = dicom(tmp_path / "2.dcm", values, 16, **inverse, **nothing)
    images = shown(one, two)
    assert np.abs(images[0, 0] - 255 * RAMP).max() <= 1.5
    assert np.abs(images[1, 0] - 255 * (1 - RAMP)).max() <= 1.5


def test_the_window_is_applied_after_the_rescaling(tmp_path):
    """Stored -500 to 1500; in Hounsfield units 1,000 less; a lung window of -1350 to 150."""
    values = np.rint(RAMP * 2000) - 500
    tags = {"RescaleSlope": 1, "RescaleIntercept": -1000, "WindowCenter": -600, "WindowWidth": 1500}
    path = dicom(tmp_path / "x.dcm", values, 16, **tags)
    expected = ((values - 1000) + 1350) / 1500
    assert np.abs(shown(path)[0, 0] - 255 * expected.clip(0, 1)).max() <= 1.5


def test_the_first_of_several_windows_counts(tmp_path):
    values = np.rint(RAMP * 4095)
    two = dicom(tmp_path / "2.dcm", values, WindowCenter=[1000, 3000], WindowWidth=[1000, 500])
    one = dicom(tmp_path / "1.dcm", values, WindowCenter=1000, WindowWidth=1000)
    assert np.array_equal(*shown(one, two))


def test_a_voi_lut(tmp_path):
    table = Dataset()
    table.LUTDescriptor, table.LUTData = [256, 0, 8], list(range(255, -1, -1))
    table["LUTDescriptor"].VR = table["LUTData"].VR = "US"
    path = dicom(tmp_path / "x.dcm", np.rint(RAMP * 255), 8, VOILUTSequence=[table])
    assert np.abs(shown(path)[0, 0] - 255 * (1 - RAMP)).max() <= 1.5


def test_white_does_not_depend_on_what_is_shown(tmp_path):
    dark = dicom(tmp_path / "dark.dcm", np.full((8, 8), 1000), WindowCenter=2000, WindowWidth=4000)
    light = dicom(tmp_path / "b.dcm", np.full((8, 8), 4000), WindowCenter=2000, WindowWidth=4000)
    images = shown(dark, light)
    assert images[1].mean() == pytest.approx(4 * images[0].mean(), abs=4)


def test_colours(tmp_path):
    values = np.stack([RAMP * 255, 0 * RAMP, 0 * RAMP + 9], -1)
    images = shown(dicom(tmp_path / "x.dcm", np.rint(values), 8))
    assert images.shape == (1, 3, 32, 32)
    assert np.abs(images[0].transpose(1, 2, 0) - values).max() <= 1.5


@pytest.mark.parametrize(
    "syntax",
    [uid.ImplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian, uid.ExplicitVRBigEndian],
)
def test_uncompressed_syntaxes(tmp_path, syntax):
    path = dicom(tmp_path / "x.dcm", np.rint(RAMP * 4095), syntax=syntax)
    assert np.abs(shown(path)[0, 0] - 255 * RAMP).max() <= 1.5


def test_run_lengths(tmp_path):
    path = dicom(tmp_path / "x.dcm", np.rint(RAMP * 4095))
    one = pydicom.dcmread(path)
    one.compress(uid.RLELossless)
    one.save_as(path)
    assert np.abs(shown(path)[0, 0] - 255 * RAMP).max() <= 1.5


@pytest.mark.parametrize(
    ("syntax", "form"), [(uid.JPEGBaseline8Bit, "JPEG"), (uid.JPEG2000Lossless, "JPEG2000")]
)
def test_what_pillow_decompresses(tmp_path, syntax, form):
    values, file = np.rint(RAMP * 255).astype(np.uint8), io.BytesIO()
    Image.fromarray(values).save(file, form, **({"no_jp2": True} if form == "JPEG2000" else {}))
    path = dicom(tmp_path / "x.dcm", values, 8)
    compressed(path, syntax, file.getvalue())
    assert np.abs(shown(path)[0, 0] - 255 * RAMP).max() <= 4


def compressed(path, syntax, frame):
    one = pydicom.dcmread(path)
    one.PixelData = encapsulate([frame])
    one["PixelData"].is_undefined_length = True
    one.file_meta.TransferSyntaxUID = syntax
    one.save_as(path)


def test_a_decoder_that_is_missing_is_named(tmp_path, monkeypatch):
    from pydicom.pixels.decoders import JPEGLSLosslessDecoder

    path = dicom(tmp_path / "x.dcm", np.rint(RAMP * 255), 8)
    compressed(path, uid.JPEGLSLossless, b"\xff\xd8\xff\xd9")
    monkeypatch.setattr(JPEGLSLosslessDecoder, "_available", {})
    reason = why(path)
    assert "JPEG-LS Lossless" in reason
    assert "pip install python-gdcm" in reason


def test_what_is_no_image_of_one_frame_is_refused(tmp_path):
    values = np.rint(RAMP * 4095)
    many = dicom(tmp_path / "many.dcm", np.concatenate([values] * 3), Rows=32, NumberOfFrames=3)
    assert "3 frames" in why(many)
    huge = dicom(tmp_path / "huge.dcm", values, Rows=30_000, Columns=30_000)
    assert "30000 x 30000 pixels, more than 100 million" in why(huge)
    report = dicom(tmp_path / "report.dcm", values)
    one = pydicom.dcmread(report)
    del one.PixelData
    one.save_as(report)
    assert "without an image" in why(report)
    short = dicom(tmp_path / "short.dcm", values)
    short.write_bytes(short.read_bytes()[:-900])
    assert why(short)


def test_a_file_without_a_suffix_that_a_table_names(folder, rows):
    for row in rows:
        row["image"] = str(row["image"]).removesuffix(".png")
    root = folder([{"image": "none.png", "label": "Normal"}])
    for i, row in enumerate(rows):
        dicom(root / str(row["image"]), np.rint(RAMP * 100 * i), 12)
    folder(rows)
    spec = FolderData(source="folder", path=root)
    assert len(load(spec, name="x", image_size=16, aliases={})) == 12


def test_a_tree_of_dicom_files(tmp_path):
    for k in range(6):
        (tmp_path / "ab"[k % 2]).mkdir(exist_ok=True)
        dicom(tmp_path / "ab"[k % 2] / f"{k}.dcm", np.rint(RAMP * 600 * k), 12)
    spec = FolderData(source="folder", path=tmp_path)
    assert load(spec, name="x", image_size=16, aliases={}).classes == ("a", "b")


def test_without_pydicom_the_extra_is_named(tmp_path, not_installed):
    path = dicom(tmp_path / "x.dcm", RAMP * 9)
    not_installed("pydicom")
    assert "pip install 'greendapt[dicom]'" in why(path)
