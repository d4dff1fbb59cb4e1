from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from greendapt.core.errors import DataError
from greendapt.core.remarks import Gravity
from greendapt.data.dataset import load
from greendapt.suite.datasets import FolderData

ALIASES = {"normal": ("no_finding",)}


def read(path, label=None, split=None, needs="labels", size=16, aliases=ALIASES):
    spec = FolderData(source="folder", path=path, label=label, split=split)
    return load(spec, name="set", image_size=size, aliases=aliases, needs=needs)


def refused(path, **said):
    with pytest.raises(DataError) as error:
        read(path, **said)
    return str(error.value)


def told(one):
    return " ".join(map(str, one.notes))


# --- what works


def test_labels_csv(folder, rows):
    found = read(folder(rows))
    assert found.task == "multiclass"
    assert found.classes == ("normal", "pneumonia")
    assert found.targets.tolist() == [1, 0] * 6
    assert found.pixels.shape == (12, 1, 16, 16)
    assert len(set(found.patients)) == len(set(found.hashes)) == 12
    assert set(found.splits) == {"train", "val", "test"}
    assert found.views is None
    assert not found.synthetic


def test_columns_are_found_whatever_their_case(folder, rows):
    table = [{"Image": r["image"], "LABEL": r["label"], "Patient ID": i // 2, "View": "pa",
              "image": r["image"]} for i, r in enumerate(rows)]  # fmt: skip
    found = read(folder(table))
    assert len(set(found.patients)) == 6
    assert set(found.views) == {"PA"}


def test_the_files_splits_are_kept(folder, rows):
    for i, row in enumerate(rows):
        row["split"] = ("train", "Validation", "test")[i % 3]
    found = read(folder(rows))
    assert found.splits.tolist() == ["train", "val", "test"] * 4
    assert found.part("val").targets.tolist() == found.targets[1::3].tolist()


def test_a_picked_split_is_split_again(folder, rows):
    for i, row in enumerate(rows):
        row["split"] = "train" if i < 8 else "test"
    found = read(folder(rows), split="train")
    assert len(found) == 8
    assert set(found.splits) == {"train", "val", "test"}


def test_without_validation_a_fifth_of_the_training_patients_becomes_it(folder, rows):
    for i, row in enumerate(rows):
        row["split"] = "train" if i < 10 else "test"
    found = read(folder(rows))
    assert [(found.splits == s).sum() for s in ("train", "val", "test")] == [8, 2, 2]
    assert "no validation part" in told(found)


def test_findings_with_missing_labels(folder, rows):
    for i, row in enumerate(rows):
        row |= {"Edema": i % 2, "Mass": ("", "1", "0", "-1")[i % 4], "Same": 0, "age": 1}
    root = folder(rows)
    found = read(root, label="*")
    assert found.task == "multilabel"
    assert found.classes == ("edema", "mass")
    assert np.isnan(found.targets[::2, 1]).sum() == 3
    assert np.isnan(found.targets[3::4, 1]).all()
    assert "Left out, the same in every image: same." in told(found)
    assert read(root, label="Mass,Edema").classes == ("mass", "edema")
    assert read(root, label="edema").targets.shape == (12, 1)


def test_without_a_label_column_every_finding_is_taken(folder, rows):
    table = [{"image": r["image"], "x": i % 2, "y": i % 3 == 0} for i, r in enumerate(rows)]
    for row in table:
        row["y"] = int(row["y"])
    assert read(folder(table)).classes == ("x", "y")


def test_a_named_column_of_classes(folder, rows):
    for i, row in enumerate(rows):
        row["fine"] = "abc"[i % 3]
    assert read(folder(rows), label="fine").classes == ("a", "b", "c")


def test_unlabelled_images_need_no_label(folder, rows):
    found = read(folder([{"image": row["image"]} for row in rows]), needs="images")
    assert found.task == "unlabelled"
    assert found.classes == ()
    assert set(found.targets) == {-1}


def test_masks_are_read_on_demand(folder, rows):
    for row in rows[:6]:
        row["lung_mask"] = "m.png"
    for row in rows[6:]:
        row["lung_mask"] = ""
    root = folder(rows)
    Image.fromarray(np.full((9, 9), 255, np.uint8)).save(root / "m.png")
    assert read(root).masks is None
    assert read(root, needs="masks").masks[:, 0, 0].tolist() == [1] * 6 + [255] * 6


def tree(root: Path, *parts: str) -> Path:
    rng = np.random.default_rng(0)
    for part in parts:
        for i in range(4):
            (root / part).mkdir(parents=True, exist_ok=True)
            values = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(values).save(root / part / f"{i}.png")
    return root


def test_a_tree_of_classes(tmp_path):
    found = read(tree(tmp_path, "NORMAL", "pneumonia/deep"))
    assert found.classes == ("normal", "pneumonia")
    assert np.bincount(found.targets).tolist() == [4, 4]
    assert found.pixels.shape == (8, 3, 16, 16)


def test_a_tree_with_splits_above(tmp_path):
    root = tree(tmp_path, *(f"{s}/{c}" for s in ("train", "valid", "test") for c in "ab"))
    found = read(root)
    assert found.classes == ("a", "b")
    assert [(found.splits == s).sum() for s in ("train", "val", "test")] == [8, 8, 8]
    assert len(read(root, split="test")) == 8


def test_a_flat_folder_is_an_unlabelled_pool(tmp_path):
    assert len(read(tree(tmp_path, "."), needs="images")) == 4


def test_codes_are_the_same_wherever_a_patient_is_loaded(folder, rows):
    for i, row in enumerate(rows):
        row |= {"patient_id": f"p{i // 2}", "split": "train" if i < 8 else "test"}
    root = folder(rows)
    both, train = read(root), read(root, split="train")
    assert (both.patients[:8] == train.patients).all()
    assert (both.hashes[:8] == train.hashes).all()


def test_the_splits_of_a_tree_are_one_source(tmp_path):
    root = tree(tmp_path / "chest", *(f"{s}/{c}" for s in ("train", "test") for c in "ab"))
    train, test, both = read(root / "train"), read(root / "test"), read(root)
    assert train.origin == test.origin == both.origin
    assert not set(train.patients) & set(test.patients)
    assert set(train.patients) < set(both.patients)


def test_the_digest_is_of_content(folder, rows, tmp_path):
    root = folder(rows)
    before = read(root).digest
    moved = root.rename(tmp_path / "elsewhere")
    assert read(moved).digest == before
    assert read(moved, size=8).digest != before
    text = (moved / "labels.csv").read_text()
    (moved / "labels.csv").write_text(text.replace("00.png,Pneumonia", "00.png,Normal"))
    assert read(moved).digest != before


# --- what is refused, and how


def test_missing_folder(tmp_path):
    said = refused(tmp_path / "gone")
    assert "does not exist" in said
    assert "gone" in said


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "x").write_text("")
    assert "is not a folder" in refused(tmp_path / "x")


def test_empty_folder(tmp_path):
    assert "lists no images" in refused(tmp_path)


def test_empty_table(folder, rows):
    root = folder(rows)
    (root / "labels.csv").write_text("image,label\n")
    assert "lists no images" in refused(root)


def test_binary_table(folder, rows):
    root = folder(rows)
    (root / "labels.csv").write_bytes(b"image,label\n\xff\xfe\x00,a\n")
    assert "is not a CSV file" in refused(root)


def test_no_image_column(folder, rows):
    root = folder(rows)
    (root / "labels.csv").write_text("file,label\na.png,x\n")
    assert "no column 'image' names its images (labels.csv has file, label)" in refused(root)


def test_missing_label_column_names_those_there_are(folder, rows):
    root = folder(rows)
    assert "no label column 'diagnosis'; it has: image, label" in refused(root, label="diagnosis")
    assert "no label column '*'" in refused(root, label="*")
    assert "no label column" in refused(root, label=" , ")


def test_a_tree_has_no_columns(tmp_path):
    assert "no label column 'x'" in refused(tree(tmp_path, "a", "b"), label="x")


def test_everything_wrong_is_said_at_once(folder, rows):
    rows[3]["label"] = ""
    rows.append({"image": "../out.png", "label": "Normal"})
    rows.append({"image": "gone.png", "label": "Normal"})
    rows.append(dict(rows[0]))
    root = folder(rows)
    (root / "gone.png").unlink()
    cut = root / "05.png"
    cut.write_bytes(cut.read_bytes()[:300])
    (root / "06.png").write_text("text")
    said = refused(root)
    assert "1 paths leave the dataset folder" in said
    assert "../out.png" in said
    assert "1 images have no label in the column 'label': 03.png" in said
    assert "1 images are listed more than once: 00.png" in said
    for name in ("05.png", "06.png (not an image)", "gone.png (no such file)"):
        assert name in said
    assert len(said.splitlines()) == 4


def test_only_the_first_ten_are_shown(folder):
    rows = [{"image": f"{i}.png", "label": "ab"[i % 2]} for i in range(14)]
    root = folder(rows)
    for row in rows[:13]:
        (root / row["image"]).write_text("")
    said = refused(root)
    assert "13 images cannot be read: 0.png" in said
    assert said.endswith("and 3 more")


@pytest.mark.parametrize("where", ["{out}/x.png", "sub/../../x.png"])
def test_paths_that_leave_the_folder(folder, rows, tmp_path, where):
    rows[0]["image"] = where.format(out=tmp_path)
    assert "leave the dataset folder" in refused(folder(rows))


def test_a_link_is_followed_out_of_the_folder(folder, rows, tmp_path):
    root = folder(rows)
    outside = tmp_path / "outside.png"
    (root / "00.png").rename(outside)
    (root / "00.png").symlink_to(outside)
    assert len(read(root)) == 12


def test_a_mask_path_that_leaves_the_folder(folder, rows):
    for row in rows:
        row["mask"] = "../m.png"
    assert "leave the dataset folder" in refused(folder(rows), needs="masks")


@pytest.mark.parametrize("name", ["a\0b.png", "x" * 5000], ids=["null", "long"])
def test_impossible_names(folder, rows, name):
    root = folder(rows)
    with (root / "labels.csv").open("a") as file:
        file.write(f"{name},Normal\n")
    assert "null bytes" in refused(root) or "1 images cannot be read" in refused(root)


def test_masks_where_there_are_none(folder, rows):
    assert "no masks" in refused(folder(rows), needs="masks")


def test_one_class_only(folder, rows):
    for row in rows:
        row["label"] = "Normal"
    assert "every image is 'normal'; at least two classes" in refused(folder(rows))


def test_one_class_after_picking_a_split(folder, rows):
    for row in rows:
        row["split"] = "test" if row["label"] == "Normal" else "train"
    assert "at least two classes" in refused(folder(rows), split="test")


def test_a_finding_that_never_differs(folder, rows):
    for i, row in enumerate(rows):
        row |= {"x": i % 2, "y": 0}
    assert "1 findings never differ between images: y" in refused(folder(rows), label="y")


def test_joined_columns_must_be_findings(folder, rows):
    for i, row in enumerate(rows):
        row |= {"x": i % 2}
    assert "1 columns are not findings" in refused(folder(rows), label="x,label")


def test_an_empty_split(folder, rows):
    for row in rows:
        row["split"] = "train"
    root = folder(rows)
    assert "the split 'test' is empty" in refused(root, split="test")


def test_a_split_where_there_are_none(folder, rows):
    assert "has no splits" in refused(folder(rows), split="test")


def test_unknown_split_names(folder, rows):
    for i, row in enumerate(rows):
        row["split"] = "train" if i else "fold3"
    said = refused(folder(rows))
    assert "not train, val or test: fold3" in said


def test_a_patient_in_two_splits(folder, rows):
    for i, row in enumerate(rows):
        row |= {"split": "train" if i < 6 else "test", "patient_id": i % 9}
    said = refused(folder(rows))
    assert "3 patients are in more than one split: 0 (test, train)" in said


def test_a_patient_in_two_splits_is_a_leak_that_can_be_allowed(folder, rows):
    for i, row in enumerate(rows):
        row |= {"split": "train" if i < 6 else "test", "patient_id": i % 9}
    spec = FolderData(source="folder", path=folder(rows))
    images = load(spec, name="set", image_size=16, aliases=ALIASES, allow_leaks=True)
    assert set(images.splits[6:]) == {"test"}
    leaks = [str(one) for one in images.notes if one.gravity is Gravity.LEAK]
    assert leaks == ["3 patients are in more than one split."]


def test_ambiguous_alias(folder, rows):
    said = refused(folder(rows), aliases={"a": ("normal",), "b": ("Normal",)})
    assert "stands for both 'a' and 'b'" in said
