"""Files as MedMNIST publishes them."""

import numpy as np
import pytest
from PIL import Image

from greendapt.core.errors import DataError, SuiteError
from greendapt.data.audit import audit
from greendapt.data.dataset import load
from greendapt.suite import overrides
from greendapt.suite.datasets import FolderData, MergedData, NpzData

COUNTS = {"train": 12, "val": 4, "test": 6}


@pytest.fixture
def medmnist(tmp_path):
    """Writes a file; ``changes``: arrays that are otherwise, None for those to leave out."""

    def make(colour=False, findings=1, side=28, counts=COUNTS, **changes):
        rng, arrays = np.random.default_rng(0), {}
        for split, count in counts.items():
            shape = (count, side, side, 3) if colour else (count, side, side)
            arrays[f"{split}_images"] = rng.integers(0, 256, shape, dtype=np.uint8)
            labels = np.arange(count * findings).reshape(count, findings)
            arrays[f"{split}_labels"] = (labels + labels // 3) % (3 if findings == 1 else 2)
        path = tmp_path / "somemnist.npz"
        kept = {name: values for name, values in (arrays | changes).items() if values is not None}
        np.savez_compressed(path, **kept)
        return path

    return make


def read(path, needs="labels", size=16, **spec):
    table = NpzData(source="npz", path=path, **spec)
    return load(table, name="set", image_size=size, aliases={}, needs=needs)


def refused(path, **spec):
    with pytest.raises(DataError) as error:
        read(path, **spec)
    return str(error.value)


@pytest.mark.parametrize("side", [28, 64])
@pytest.mark.parametrize("colour", [False, True])
def test_images_labels_and_splits_are_those_of_the_file(medmnist, side, colour):
    path = medmnist(colour, side=side)
    images = read(path, size=side)
    with np.load(path) as stored:
        whole = np.concatenate([stored[f"{split}_images"] for split in COUNTS])
        labels = np.concatenate([stored[f"{split}_labels"] for split in COUNTS])[:, 0]
    expected = whole.transpose(0, 3, 1, 2) if colour else whole[:, None]
    assert np.array_equal(images.pixels, expected)
    assert images.classes == ("0", "1", "2")
    assert np.array_equal(images.targets, labels)
    assert {s: int((images.splits == s).sum()) for s in COUNTS} == COUNTS
    assert len(set(images.patients)) == len(set(images.hashes)) == 22
    assert [str(one.gravity) for one in images.notes] == ["weak"]
    assert "No patient ids" in str(images.notes[0])


def test_several_columns_are_findings(medmnist):
    images = read(medmnist(findings=4), classes=("a", "b", "c", "d"))
    assert images.task == "multilabel"
    assert images.targets.shape == (22, 4)
    assert images.classes == ("a", "b", "c", "d")


def test_classes_get_their_names_and_a_pool_needs_none(medmnist):
    path = medmnist()
    assert read(path, classes=("z", "y", "x")).classes == ("z", "y", "x")
    assert read(path, needs="images").task == "unlabelled"


def test_copies_stay_together_where_a_split_is_made(medmnist):
    images = np.random.default_rng(1).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    path = medmnist(
        counts={"train": 40},
        train_images=np.concatenate([images, images]),
        train_labels=np.arange(40)[:, None] % 20 % 2,
    )
    read_again = read(path, split="train")
    assert np.array_equal(read_again.splits[:20], read_again.splits[20:])
    assert "40 images are copies" in " ".join(map(str, read_again.notes))


def test_one_split_is_split_again_and_its_images_stay_who_they_are(medmnist):
    path = medmnist()
    train, whole = read(path, split="train"), read(path)
    assert set(train.splits) == {"train", "val", "test"}
    assert np.array_equal(train.patients, whole.patients[:12])


def test_it_is_one_source_of_several(medmnist):
    part = NpzData(source="npz", path=medmnist())
    merged = MergedData(source="merged", sources=(part,))
    assert len(load(merged, name="set", image_size=16, aliases={})) == 22


WRONG = {
    "no arrays of it": ({"train_images": None, "val_images": None, "test_images": None},
                        "it holds test_labels, train_labels, val_labels, not train_images"),
    "volumes": ({"train_images": np.zeros((12, 8, 8, 8), np.uint8)}, "uint8 [12, 8, 8, 8], not 8"),
    "floats": ({"train_images": np.zeros((12, 8, 8))}, "float64 [12, 8, 8], not 8 bits"),
    "as many labels": ({"train_labels": np.zeros((3, 1), np.int64)}, "12 images with 3 labels"),
    "other labels": ({"train_labels": np.zeros((12, 1))}, "no whole numbers"),
    "negative": ({"train_labels": np.full((12, 1), -1)}, "do not fit 3 classes"),
    "pickled": ({"train_labels": np.array([None] * 12)}, "allow_pickle=False"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_such_file_is_refused(medmnist, case):
    changes, expected = WRONG[case]
    assert expected in refused(medmnist(**changes))


def test_other_refusals(medmnist, tmp_path):
    assert "does not exist" in refused(tmp_path / "gone.npz")
    (tmp_path / "text.npz").write_text("no zip")
    assert "is no file of MedMNIST" in refused(tmp_path / "text.npz")
    (tmp_path / "dir.npz").mkdir()
    assert "a folder, no file" in refused(tmp_path / "dir.npz")
    path = medmnist(counts={"train": 12, "test": 4})
    assert "it has no split 'val', but train, test" in refused(path, split="val")
    assert "do not fit 2 classes" in refused(path, classes=("a", "b"))
    assert "has no masks" in refused(path, needs="masks")
    cut = tmp_path / "cut.npz"
    cut.write_bytes(path.read_bytes()[:-2000])
    assert "is no file of MedMNIST" in refused(cut)


def test_a_path_that_ends_in_npz_is_such_a_source(tmp_path):
    assert overrides.dataset(f"{tmp_path}/a.npz@train") == {
        "source": "npz", "path": f"{tmp_path}/a.npz", "split": "train",
    }  # fmt: skip
    assert list(overrides.datasets([f"external={tmp_path}/a.npz"])["external"]) == ["a"]
    with pytest.raises(SuiteError, match="leave ':label' out"):
        overrides.dataset(f"{tmp_path}/a.npz:label")


def test_an_audit_reads_such_a_file_beside_a_folder(medmnist, tmp_path):
    path = medmnist()
    with np.load(path) as stored:
        twin = stored["test_images"][0]
        labels = np.concatenate([stored[f"{split}_labels"] for split in COUNTS])[:, 0]
    for name in ("0", "1"):
        (tmp_path / "tree" / name).mkdir(parents=True)
    Image.fromarray(twin).save(tmp_path / "tree" / "0" / "a.png")
    Image.fromarray(255 - twin.T).save(tmp_path / "tree" / "1" / "b.png")
    specs = [
        NpzData(source="npz", path=path),
        FolderData(source="folder", path=tmp_path / "tree"),
    ]
    found = audit(specs, aliases={}, say=lambda _: None)
    file = found.counts[0]
    assert (file.source, file.images, file.patients) == ("somemnist.npz", 22, None)
    assert file.splits == {"test": 6, "train": 12, "val": 4}
    assert {name: one.yes for name, one in file.labels.items()} == dict(
        zip("012", np.bincount(labels), strict=True)
    )
    assert [twins.exact for twins in found.twins if twins.other.source == "tree"] == [1]
    assert any("No patient ids" in text for text in found.read["somemnist.npz"])
    part = audit([NpzData(source="npz", path=path, split="val")], aliases={}, say=lambda _: None)
    assert part.counts[0].splits == {"val": 4}


def test_the_audit_refuses_what_is_no_such_file(tmp_path):
    (tmp_path / "text.npz").write_text("no zip")
    with pytest.raises(DataError, match="is no file of MedMNIST"):
        audit([NpzData(source="npz", path=tmp_path / "text.npz")], aliases={}, say=lambda _: None)
