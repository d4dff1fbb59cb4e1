"""``greendapt data audit`` as a user runs it."""

import csv
import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def folders(tmp_path):
    """Two folders of 30 images each."""
    for k, name in enumerate(("here", "there")):
        root = tmp_path / name
        root.mkdir()
        rng = np.random.default_rng(k)
        with (root / "labels.csv").open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["image", "label", "patient_id", "split", "view", "sex", "age"])
            for i in range(30):
                file_name = f"scan{i:02}.png"
                label = ("healthy", "well")[k] if i % 2 else "ill"
                rows.writerow([file_name, label, f"{name}-MRN{i // 2}", ("train", "test")[i // 15],
                               "PA", "FM"[i % 2], 20 + i])  # fmt: skip
                pixels = rng.integers(0, 256, (30, 30), dtype=np.uint8)
                Image.fromarray(pixels).save(root / file_name)
        text = (root / "labels.csv").read_text().replace(f"{name}-MRN7,test", f"{name}-MRN77,test")
        (root / "labels.csv").write_text(text)
    return tmp_path / "here", tmp_path / "there"


def plant(here, there):
    """A copy across splits, a patient of both sources, an image that is none."""
    (here / "scan20.png").write_bytes((here / "scan01.png").read_bytes())
    (here / "scan09.png").write_text("no image")
    table = there / "labels.csv"
    table.write_text(table.read_text().replace("there-MRN3,", "here-MRN3,"))


def test_clean_folders(greendapt, folders):
    done = greendapt("data", "audit", *folders, "--alias", "well=healthy")
    assert done.code == 0, done.err
    assert max(map(len, done.out.splitlines())) <= 80
    for said in ("here", "there", "label well", "sex F", "age 18-39", "split test", "view PA",
                 "by thumbnails alone: AUC 0.", "by labels alone: AUC 0.",
                 "Nothing to put right."):  # fmt: skip
        assert said in done.out
    assert "label healthy" not in done.out


def test_findings_are_told_by_number_and_end_with_1(greendapt, folders):
    plant(*folders)
    done = greendapt("data", "audit", *folders)
    assert done.code == 1, done.err
    for said in ("! here: 1 of 30 images cannot be read", "1 (10)",
                 "! 1 patients are in both here and there",
                 "! 1 of 15 images of here (test) are copies of images of"):  # fmt: skip
        assert said in done.out


def test_no_file_and_no_patient_is_named_unless_asked(greendapt, folders):
    plant(*folders)
    for more in ((), ("--json",)):
        done = greendapt("data", "audit", *folders, *more)
        assert "scan" not in done.out + done.err
        assert "MRN" not in done.out + done.err
        named = greendapt("data", "audit", *folders, "--names", *more)
        assert named.code == 1
        for said in ("scan09.png", "scan01.png = scan20.png", "here-MRN3"):
            assert said in named.out


def test_json_and_nothing_else(greendapt, folders):
    plant(*folders)
    done = greendapt("data", "audit", *folders, "--json")
    said = json.loads(done.out)
    assert done.code == 1
    assert not said["clean"]
    assert said["counts"][0]["unreadable"] == [10]
    assert said["counts"][1]["labels"]["well"] == {
        "yes": 15, "no": 15, "uncertain": 0, "missing": 0,
    }  # fmt: skip
    place = {"source": "here", "split": None}
    assert said["patients"] == [{"one": place, "other": place | {"source": "there"}, "patients": 1}]
    assert [(t["exact"], t["near"]) for t in said["twins"]] == [(1, 0)]
    assert {t["seen"] for t in said["telling"]} == {"thumbnails", "labels"}
    assert len(said["findings"]) == 4


def test_many_sources_stay_within_80_columns(greendapt, folders, tmp_path):
    more = []
    for k in range(3):
        path = tmp_path / f"a_rather_long_name_of_a_hospital_somewhere_{k}"
        path.mkdir()
        (path / "labels.csv").write_text((folders[0] / "labels.csv").read_text())
        for image in folders[0].glob("*.png"):
            (path / image.name).write_bytes(image.read_bytes())
        more.append(path)
    done = greendapt("data", "audit", *folders, *more)
    assert done.code == 1
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("{gone}",), "does not exist"),
        (("{here}@val",), "lists no image inside it in the split 'val'"),
        (("{here}:diagnosis",), "has no label column 'diagnosis'"),
        (("{here}", "--alias", "x"), "--alias x: write NAME=OTHER"),
        (("{here}", "--alias", "a=ill", "--alias", "b=ill"), "stands for both"),
        ((), "Missing argument"),
    ],
)
def test_usage(greendapt, folders, tmp_path, arguments, said):
    places = {"here": folders[0], "gone": tmp_path / "gone"}
    done = greendapt("data", "audit", *(a.format(**places) for a in arguments))
    assert done.code == 2
    assert said in done.err
    assert done.out == ""
