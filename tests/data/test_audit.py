"""Faults planted in folders, and found."""

import csv
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from greendapt.core.errors import DataError
from greendapt.data.audit import audit
from greendapt.data.audit.counts import Answers
from greendapt.data.dataset import load
from greendapt.data.sources.subgroups import age_band, sex
from greendapt.suite.datasets import FolderData, PhantomData


@pytest.fixture(scope="module")
def radiographs():
    """Phantoms by hospital, uint8 [60, 64, 64], of 60 people."""
    return [people(hospital) for hospital in "ab"]


def people(hospital):
    spec = PhantomData(source="phantom", hospital=hospital, images=200, seed=4)
    data = load(spec, name="set", image_size=64, aliases={})
    _, first = np.unique(data.patients, return_index=True)
    return data.pixels[np.sort(first)[:60], 0]


def write(root, rows, images):
    root.mkdir(parents=True)
    with (root / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for row, image in zip(rows, images, strict=False):
        Image.fromarray(image).save(root / str(row["image"]))
    return root


def table(count, prefix="x", split=lambda i: ("train", "train", "test")[i % 3]):
    return [
        {"image": f"{prefix}{i:02}.png", "label": ("ill", "well")[i // 3 % 2],
         "split": split(i), "patient_id": f"{prefix}-{i}"} for i in range(count)
    ]  # fmt: skip


@pytest.fixture
def two(tmp_path, radiographs):
    roots = []
    for name, images in zip("ab", radiographs, strict=True):
        roots.append(write(tmp_path / name, table(60, name), images))
    return roots


def look(*roots, aliases=None, label=None, split=None):
    specs = [FolderData(source="folder", path=r, label=label, split=split) for r in roots]
    return audit(specs, aliases=aliases or {}, say=lambda _: None)


def test_nothing_to_put_right(two):
    found = look(*two)
    assert found.findings == []
    assert found.patients == found.twins == []
    assert found.named == {}
    first = found.counts[0]
    assert (first.source, first.images, first.patients, first.unreadable) == ("a", 60, 60, [])
    assert first.splits == {"test": 20, "train": 40}
    assert first.labels == {"ill": Answers(30, 30, 0, 0), "well": Answers(30, 30, 0, 0)}
    assert first.views == first.sexes == first.ages == {}


def test_counts_of_findings_views_sexes_and_ages(tmp_path, radiographs):
    rows = [
        {"image": f"{i}.png", "Edema": ("1", "0", "-1", "")[i % 4], "View": ("pa", "AP", "")[i % 3],
         "Sex": ("F", "male", "?")[i % 3], "Age": ("063Y", "7", "400")[i % 3]} for i in range(12)
    ]  # fmt: skip
    found = look(write(tmp_path / "c", rows, radiographs[0])).counts[0]
    assert found.labels == {"edema": Answers(3, 3, 3, 3)}
    assert found.views == {"AP": 4, "PA": 4, "UNKNOWN": 4}
    assert found.sexes == {"F": 4, "M": 4, "unknown": 4}
    assert found.ages == {"0-17": 4, "60-79": 4, "unknown": 4}
    assert found.patients is None
    assert found.splits == {}


@pytest.mark.parametrize(
    ("cell", "band"),
    [("0", "0-17"), ("17.9", "0-17"), ("18", "18-39"), ("058Y", "40-59"), ("18M", "0-17"),
     ("800W", "0-17"), ("79", "60-79"), ("80", "80+"), ("119", "80+"), ("120", "unknown"),
     ("", "unknown"), ("old", "unknown"), ("-3", "unknown"), ("62 years", "60-79")],
)  # fmt: skip
def test_age_bands(cell, band):
    assert age_band(cell) == band


@given(st.text(max_size=5))
def test_any_cell_has_a_sex_and_an_age_or_none(cell):
    assert sex(cell) in ("F", "M", "unknown")
    assert age_band(cell) in ("0-17", "18-39", "40-59", "60-79", "80+", "unknown")


def test_a_patient_in_two_splits_and_in_two_sources(tmp_path, radiographs):
    rows, others = table(60), table(60, "y")
    for k in (0, 3):
        rows[k]["patient_id"] = rows[k + 2]["patient_id"]  # train and test
    others[7]["patient_id"] = others[8]["patient_id"] = rows[10]["patient_id"]
    roots = [write(tmp_path / "a", rows, radiographs[0]),
             write(tmp_path / "b", others, radiographs[1])]  # fmt: skip
    found = look(*roots)
    said = [(str(s.one), str(s.other), s.patients) for s in found.patients]
    assert said == [
        ("a (train)", "a (test)", 2),
        ("b (train)", "b (test)", 1),
        ("a", "b", 1),
    ]
    assert found.findings[0] == "2 patients are in both a (train) and a (test)"
    assert found.findings[2].startswith("1 patients are in both a and b (if they are numbers")
    assert len(found.findings) == 3
    assert found.named["patients in a and b"] == ["x-10"]


def recompressed(image):
    file = io.BytesIO()
    Image.fromarray(image).resize((96, 96)).save(file, "JPEG", quality=70)
    return np.asarray(Image.open(file).convert("L"))


def test_copies_are_found_within_and_across_splits_and_sources(two):
    a, b = two

    def copy(source, target, change=lambda image: image):
        image = np.asarray(Image.open(source))
        Image.fromarray(change(image)).save(target)

    copy(a / "a00.png", a / "a01.png")  # both in train
    copy(a / "a03.png", a / "a05.png")  # train and test
    copy(a / "a06.png", a / "a08.png", recompressed)  # train and test, not the same bytes
    copy(a / "a09.png", b / "b10.png", recompressed)
    copy(a / "a09.png", b / "b13.png")
    found = look(a, b)
    said = {(str(t.one), str(t.other)): (t.exact, t.near) for t in found.twins}
    assert said == {
        ("a (train)", "a (train)"): (1, 0),
        ("a (train)", "a (test)"): (1, 1),
        ("a (train)", "b (train)"): (1, 1),
        ("b (train)", "b (train)"): (0, 1),
    }
    assert found.findings == [
        "2 of 20 images of a (test) are copies of images of a (train) (1 the same, 1 nearly)",
        "2 of 40 images of b (train) are copies of images of a (train) (1 the same, 1 nearly)",
    ]
    assert found.named["copies, a (train) and b (train)"] == ["a09.png = b10.png",
                                                              "a09.png = b13.png"]  # fmt: skip


def test_images_that_cannot_be_read_are_told_by_number(two):
    (two[0] / "a04.png").write_text("no image")
    (two[0] / "a50.png").unlink()
    found = look(*two)
    assert found.counts[0].unreadable == [5, 51]
    assert found.findings == ["a: 2 of 60 images cannot be read"]
    assert found.named == {
        "a: cannot be read": ["5: a04.png (not an image)", "51: a50.png (no such file)"]
    }


def test_nothing_can_be_read(two):
    for path in two[0].glob("*.png"):
        path.write_text("no image")
    found = look(*two)
    assert found.findings == ["a: 60 of 60 images cannot be read"]
    assert [t.auc for t in found.separability] == [None, None]


def test_what_is_wrong_with_the_table(two, tmp_path):
    Image.new("L", (9, 9)).save(tmp_path / "secret.png")
    with (two[0] / "labels.csv").open("a") as file:
        file.write("../secret.png,ill,train,x\na00.png,ill,train,a-0\n,ill,train,y\n")
        file.write("/etc/hosts,ill,fold3,z\n")
    found = look(*two)
    assert found.counts[0].images == 61  # what lies outside is not looked at
    said = " ".join(found.findings)
    for what in ("a: 1 rows of labels.csv without an image", "a: 2 paths leave the dataset folder",
                 "a: 1 images are listed more than once"):  # fmt: skip
        assert what in said
    assert "secret" not in said


def test_free_text_is_not_counted_value_by_value(tmp_path, radiographs):
    rows = [
        row | {"label": f"report {i}", "view": f"id {i}", "split": f"s{i}"}
        for i, row in enumerate(table(60))
    ]
    found = look(write(tmp_path / "a", rows, radiographs[0]))
    assert found.counts[0].labels == found.counts[0].views == found.counts[0].splits == {}
    assert "a: 60 values of the column 'label' are no classes" in found.findings
    assert any("60 values of the column 'split' are not train" in line for line in found.findings)
    assert "report" not in repr((found.counts, found.patients, found.twins, found.findings))


def test_sources_that_look_the_same_and_differ(two, tmp_path, radiographs):
    halves = [
        write(tmp_path / name, table(30, name), radiographs[0][part])
        for name, part in (("one", slice(30)), ("two", slice(30, 60)))
    ]
    alike, apart = look(*halves).separability, look(*two).separability
    assert [t.seen for t in alike] == ["thumbnails", "labels"]
    assert alike[0].low < 0.5 < alike[0].high
    assert apart[0].auc > 0.9
    assert apart[0].low > 0.8
    for labels in alike[1], apart[1]:  # the same shares of labels in both
        assert abs(labels.auc - 0.5) < 0.2


@pytest.mark.parametrize("column", ["patient_id", "nobody"])
def test_a_source_cannot_be_told_from_its_copy(tmp_path, radiographs, column):
    rows = [
        {("nobody" if k == "patient_id" else k): v for k, v in row.items()} for row in table(60)
    ]
    rows = table(60) if column == "patient_id" else rows
    roots = [write(tmp_path / name, rows, radiographs[0]) for name in ("one", "two")]
    for told in look(*roots).separability:
        assert told.auc == pytest.approx(0.5, abs=0.02)


def test_labels_alone_tell_sources_of_other_prevalence_apart(tmp_path, radiographs):
    rows = [table(60, "x"), table(60, "y")]
    for k in range(60):
        rows[0][k]["label"] = "ill" if k % 10 else "Healthy"
        rows[1][k]["label"] = "ill" if k % 10 == 0 else "well"
    roots = [write(tmp_path / n, r, radiographs[0]) for n, r in zip("xy", rows, strict=True)]
    told = look(*roots, aliases={"well": ("healthy",)}).separability[1]
    assert told.auc == pytest.approx(0.9, abs=0.03)
    assert 0.8 < told.low < told.auc < told.high < 1


def test_no_label_in_common_and_too_few_patients(two, tmp_path, radiographs):
    other = [row | {"label": "mass", "patient_id": i % 4} for i, row in enumerate(table(20, "z"))]
    few = write(tmp_path / "few", other, radiographs[1])
    thumbnails, labels = look(two[0], few).separability
    assert "share no label" in labels.why
    assert "fewer than 5 patients" in thumbnails.why
    assert thumbnails.auc is labels.auc is None


def test_a_tree_of_classes_and_one_source_alone(tmp_path, radiographs):
    for k, image in enumerate(radiographs[0][:8]):
        path = tmp_path / "tree" / ("train", "test")[k % 2] / "ab"[k // 2 % 2] / f"{k}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    found = look(tmp_path / "tree")
    assert found.counts[0].splits == {"test": 4, "train": 4}
    assert found.counts[0].labels["a"] == Answers(4, 4, 0, 0)
    assert found.separability == []


def test_a_column_and_a_split(two):
    found = look(two[0], label="label", split="test")
    assert found.counts[0].images == 20
    assert look(two[0] / "labels.csv", split="test").counts[0] == found.counts[0]
    with pytest.raises(DataError, match="has no label column 'x'; it has: image, label"):
        look(two[0], label="x")
    with pytest.raises(DataError, match="lists no image inside it in the split 'val'"):
        look(two[0], split="val")


def test_folders_of_one_name_are_told_apart(two, tmp_path, radiographs):
    again = write(tmp_path / "other" / "a", table(60, "q"), radiographs[1])
    names = [one.source for one in look(two[0], again).counts]
    assert len(set(names)) == 2
    assert names[1] == "other/a (2)"
