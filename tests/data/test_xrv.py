import csv
import sys

import numpy as np
import pytest
from PIL import Image

from greendapt.core.errors import DataError
from greendapt.core.suite import XrayVisionData
from greendapt.data.dataset import load


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
