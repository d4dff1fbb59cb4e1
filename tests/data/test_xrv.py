import csv
import importlib
import inspect
import sys

import numpy as np
import pytest
from PIL import Image

from greendapt.core.errors import DataError
from greendapt.data.dataset import load
from greendapt.data.sources.xrv import arguments
from greendapt.suite.datasets import MergedData, XrayVisionData


def read(root, **said):
    spec = XrayVisionData(source="torchxrayvision", images=root, csv=root / "nih.csv", **said)
    return load(spec, name="set", image_size=16, aliases={"fluid": ("effusion",)})


def test_without_the_extra_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchxrayvision", None)
    monkeypatch.setitem(sys.modules, "torchxrayvision.datasets", None)
    with pytest.raises(DataError, match=r"pip install 'greendapt\[xrv\]'"):
        read(tmp_path, dataset="NIH_Dataset")


@pytest.fixture
def nih(tmp_path):
    pytest.importorskip("torchxrayvision", reason="the xrv extra is not installed")
    columns = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender"
    columns = [*columns.split(","), "View Position"]
    labels = ("Effusion", "No Finding", "Edema|Effusion", "Mass")
    with (tmp_path / "nih.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for i in range(16):
            name = f"{i:08d}_000.png"
            view = "AP" if i % 4 == 0 else "PA"
            writer.writerow([name, labels[i % 4], 0, i // 2, 50, "F", view])
            values = np.random.default_rng(i).integers(0, 256, (20, 20), dtype=np.uint8)
            Image.fromarray(values).save(tmp_path / name)
    return tmp_path


def test_a_dataset_of_torchxrayvision(nih):
    found = read(nih, dataset="NIH_Dataset")
    assert found.task == "multilabel"
    assert set(found.classes) == {"fluid", "edema", "mass"}
    assert found.pixels.shape == (16, 1, 16, 16)
    assert found.pixels.std() > 20
    assert len(set(found.patients)) == 8
    assert set(found.views) == {"AP", "PA"}
    assert found.targets[:, found.classes.index("fluid")].sum() == 8


def test_chosen_findings_and_views(nih):
    found = read(nih, dataset="NIH", findings=("Effusion",), views=("PA",))
    assert found.classes == ("fluid",)
    assert len(found) == 12
    with pytest.raises(DataError, match="no 1 findings: measles"):
        read(nih, dataset="NIH", findings=("Measles",))


def test_an_unknown_dataset_and_a_missing_folder(nih):
    with pytest.raises(DataError, match="no dataset 'Nobody'"):
        read(nih, dataset="Nobody")
    with pytest.raises(DataError, match="does not exist"):
        read(nih / "gone", dataset="NIH")


def test_an_unreadable_image(nih):
    (nih / "00000003_000.png").write_text("text")
    with pytest.raises(DataError, match="1 images cannot be read: image 3"):
        read(nih, dataset="NIH")


# --- every class takes what it is given


SETS = (
    "NIH", "NIH_Google", "CheX", "CheXlocalize", "MIMIC", "PC", "RSNA_Pneumonia", "VinBrain",
    "VinDr", "Openi", "BRAX", "COVID19", "SIIM_Pneumothorax", "NLMTB", "TBX11K",
    "StonyBrookCOVID", "ObjectCXR",
)  # fmt: skip


@pytest.fixture
def classes():
    reason = "the xrv extra is not installed"
    pytest.importorskip("torchxrayvision", reason=reason)
    return importlib.import_module("torchxrayvision.datasets")


def spec_of(kind, root):
    takes = inspect.signature(kind).parameters
    given = {"csv": "csvpath", "metadata": "metacsvpath"}
    tables = {key: root / f"{key}.csv" for key, name in given.items() if name in takes}
    return XrayVisionData(
        source="torchxrayvision", dataset=kind.__name__, images=root, views=("PA", "L"), **tables
    )


def test_no_class_is_forgotten(classes):
    there = {name for name in vars(classes) if name.endswith("_Dataset")} - {"Merge_Dataset"}
    assert there <= {f"{name}_Dataset" for name in SETS}


@pytest.mark.parametrize("name", SETS)
def test_a_class_takes_what_it_is_given(classes, tmp_path, name):
    kind = getattr(classes, f"{name}_Dataset", None)
    if kind is None:
        pytest.skip("this torchxrayvision has no such class")
    said = arguments(kind, spec_of(kind, tmp_path))
    bound = inspect.signature(kind).bind(**said).arguments
    assert str(tmp_path) in (bound.get("imgpath"), bound.get("imgzippath"))
    takes = inspect.signature(kind).parameters
    if "unique_patients" in takes:
        assert bound["unique_patients"] is False
    if "views" in takes:
        assert bound["views"] == ["PA", "L"]


def test_a_table_that_is_missing_or_too_much(classes, tmp_path):
    def spec(name, **more):
        return XrayVisionData(source="torchxrayvision", dataset=name, images=tmp_path, **more)

    with pytest.raises(DataError, match="MIMIC needs csv = its table"):
        arguments(classes.MIMIC_Dataset, spec("MIMIC"))
    with pytest.raises(DataError, match="MIMIC needs metadata = its table"):
        arguments(classes.MIMIC_Dataset, spec("MIMIC", csv=tmp_path / "a.csv"))
    with pytest.raises(DataError, match="NIH takes no metadata"):
        arguments(classes.NIH_Dataset, spec("NIH", metadata=tmp_path / "a.csv"))
    with pytest.raises(DataError, match="reads no images of its own"):
        arguments(classes.MergeDataset, spec("Merge"))


# --- CheXpert, MIMIC-CXR, and a class that names no patients, on made-up folders


def grey(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 256, (20, 20), dtype=np.uint8)
    Image.fromarray(values).save(path)


def table(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


FINDINGS = (
    "No Finding", "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion",
    "Edema", "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion",
    "Pleural Other", "Fracture", "Support Devices",
)  # fmt: skip


def findings(i):
    """Effusion -1, 1, 0, and nothing said with "No Finding"; edema 1, 0, ..."""
    said = dict.fromkeys(FINDINGS, "")
    effusion = ("-1.0", "1.0", "0.0", "")[i % 4]
    nothing = "1.0" if i % 4 == 3 else ""
    edema = "" if nothing else f"{i % 2}.0"
    return said | {"No Finding": nothing, "Pleural Effusion": effusion, "Edema": edema}


@pytest.fixture
def chexpert(tmp_path):
    pytest.importorskip("torchxrayvision", reason="the xrv extra is not installed")
    rows = []
    for i in range(16):
        name = f"train/patient{i // 2:05}/study1/view{i % 2}_frontal.jpg"
        grey(tmp_path / "chexpert" / name, 500 + i)
        about = {"Sex": "Male", "Age": 50, "Frontal/Lateral": ("Frontal", "Lateral")[i % 2]}
        side = {"AP/PA": "" if i % 2 else "PA"}
        rows.append({"Path": f"CheXpert-v1.0-small/{name}"} | about | side | findings(i))
    return {
        "source": "torchxrayvision",
        "dataset": "CheX",
        "images": tmp_path / "chexpert",
        "csv": table(tmp_path / "chexpert" / "train.csv", rows),
        "views": ("PA", "L"),
    }


def merged(*sources, **said):
    spec = MergedData(source="merged", sources=sources, **said)
    return load(spec, name="pool", image_size=16, aliases={})


def test_chexpert(chexpert):
    found = load(XrayVisionData(**chexpert), name="set", image_size=16, aliases={})
    assert set(found.classes) == {"edema", "effusion"}
    assert len(set(found.patients)) == 8
    assert set(found.views) == {"PA", "L"}
    effusion = found.targets[:, found.classes.index("effusion")]
    np.testing.assert_array_equal(effusion[:4], np.float32([np.nan, 1, 0, 0]))


@pytest.mark.parametrize(("how", "value"), [("mask", np.nan), ("zero", 0), ("one", 1)])
def test_the_minus_ones_of_chexpert(chexpert, how, value):
    found = merged(chexpert, uncertain=how)
    effusion = found.targets[:, found.classes.index("effusion")]
    np.testing.assert_array_equal(effusion[:4], np.float32([value, 1, 0, 0]))
    assert "no_finding" not in found.classes


def test_no_finding_of_chexpert_as_a_label(chexpert):
    found = merged(chexpert | {"findings": ("Effusion",)}, no_finding="label")
    assert found.classes == ("effusion",)  # "No Finding" is 1 or nothing: never 0
    assert any("no_finding" in note for note in map(str, found.notes))


def test_nih_beside_chexpert(nih, chexpert):
    nih_set = {"source": "torchxrayvision", "dataset": "NIH", "images": nih, "csv": nih / "nih.csv"}
    both = merged(nih_set, chexpert)
    assert both.classes == ("edema", "effusion")
    assert len(both) == 32
    assert len(set(both.patients)) == 16
    assert str(both.notes[0]) == "It joins NIH (16 images), CheX (16 images)."
    every = merged(nih_set, chexpert, labels="union")
    hernia = every.targets[:, every.classes.index("mass")]
    assert np.isnan(hernia[16:]).all()
    assert not np.isnan(hernia[:16]).any()


@pytest.mark.usefixtures("classes")
def test_mimic_with_its_official_split(tmp_path):
    splits = ("train", "validate", "test")
    labels, views = [], []
    for i in range(12):
        subject, study = 10000000 + i // 2, 50000000 + i
        folder = tmp_path / "files" / "p10" / f"p{subject}" / f"s{study}"
        grey(folder / f"d{i:03}.jpg", i)
        keys = {"subject_id": subject, "study_id": study}
        labels.append(keys | findings(i))
        views.append(keys | {"dicom_id": f"d{i:03}", "ViewPosition": "PA", "StudyDate": 20200101,
                             "split": splits[i // 2 % 3]})  # fmt: skip
    spec = XrayVisionData(
        source="torchxrayvision", dataset="MIMIC", images=tmp_path / "files",
        csv=table(tmp_path / "labels.csv", labels), metadata=table(tmp_path / "meta.csv", views),
    )  # fmt: skip
    found = load(spec, name="set", image_size=16, aliases={})
    assert found.splits.tolist() == [("train", "val", "test")[i // 2 % 3] for i in range(12)]
    assert len(set(found.patients)) == 6
    assert set(found.classes) == {"edema", "effusion"}


@pytest.mark.usefixtures("classes")
def test_a_class_that_names_no_patients(tmp_path):
    for i in range(12):
        grey(tmp_path / "CXR_png" / f"MCUCXR_{i:04}_{i % 2}.png", i // 2)  # each image twice
    spec = XrayVisionData(source="torchxrayvision", dataset="NLMTB", images=tmp_path)
    found = load(spec, name="set", image_size=16, aliases={})
    assert found.classes == ("tuberculosis",)
    assert len(set(found.patients)) == 6


@pytest.mark.usefixtures("classes")
def test_what_the_library_cannot_open(tmp_path):
    spec = XrayVisionData(
        source="torchxrayvision", dataset="CheX", images=tmp_path, csv=tmp_path / "gone.csv"
    )
    with pytest.raises(DataError, match=r"torchxrayvision cannot open CheX: .*gone\.csv"):
        load(spec, name="set", image_size=16, aliases={})


def dicom(path, seed, bits):
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    meta.MediaStorageSOPInstanceUID = f"1.2.3.{seed}"
    held = np.uint8 if bits == 8 else np.uint16
    values = np.random.default_rng(seed).integers(0, 2**bits, (20, 20), dtype=held)
    image = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    image.SOPClassUID = meta.MediaStorageSOPClassUID
    image.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    image.PhotometricInterpretation = "MONOCHROME2"
    image.Rows, image.Columns = values.shape
    image.SamplesPerPixel, image.PixelRepresentation = 1, 0
    image.BitsAllocated = values.itemsize * 8
    image.BitsStored, image.HighBit = bits, bits - 1
    image.PixelData = values.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save_as(path, enforce_file_format=True)


@pytest.fixture
def with_pydicom():
    pytest.importorskip("pydicom", reason="the xrv extra is not installed")


@pytest.mark.usefixtures("classes", "with_pydicom")
def test_vinbrain_reads_dicom_files_and_names_no_patients(tmp_path):
    for i in range(8):
        dicom(tmp_path / "images" / f"i{i}.dicom", i, bits=12)
    said = ("No finding", "Pleural effusion")
    rows = [{"image_id": f"i{i}", "class_name": said[i % 2]} for i in range(8)]
    spec = XrayVisionData(
        source="torchxrayvision", dataset="VinBrain", images=tmp_path / "images",
        csv=table(tmp_path / "labels.csv", rows),
    )  # fmt: skip
    found = load(spec, name="set", image_size=16, aliases={})
    assert found.classes == ("effusion",)
    assert found.targets[:, 0].tolist() == [0, 1] * 4
    assert found.pixels.std() > 20
    assert len(set(found.patients)) == 8


@pytest.mark.usefixtures("classes", "with_pydicom")
@pytest.mark.parametrize("suffix", [".dcm", ".jpg"])
def test_rsna_reads_dicom_files_and_jpegs(tmp_path, suffix):
    rows, headers = [], []
    for i in range(8):
        path = tmp_path / "images" / f"i{i}{suffix}"
        dicom(path, i, bits=8) if suffix == ".dcm" else grey(path, i)
        rows.append({"patientId": f"i{i}", "x": "", "Target": i % 2})
        headers.append({"PatientID": f"i{i}", "ViewPosition": "PA"})
    spec = XrayVisionData(
        source="torchxrayvision", dataset="RSNA_Pneumonia", images=tmp_path / "images",
        csv=table(tmp_path / "labels.csv", rows), metadata=table(tmp_path / "h.csv", headers),
    )  # fmt: skip
    found = load(spec, name="set", image_size=16, aliases={})
    assert found.classes == ("lung_opacity", "pneumonia")
    assert found.targets[:, 1].tolist() == [0, 1] * 4
    assert found.pixels.std() > 20
