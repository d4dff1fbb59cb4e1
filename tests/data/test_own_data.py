"""Datasets that a function of the suite's own code gives."""

import numpy as np
import pytest

from greendapt.core import own_code
from greendapt.core.errors import DataError
from greendapt.core.own_code import OwnCodeError
from greendapt.data.dataset import load
from greendapt.suite.datasets import MergedData, OwnData

CODE = """
import numpy as np

def make():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (30, 20, 24), dtype=np.uint8)
    return {"images": images, "labels": np.arange(30) % 3, "classes": ["a", "b", "c"]}
"""


@pytest.fixture
def read(tmp_path, monkeypatch):
    """``read(MORE)``: the dataset of `CODE` with the last line's table changed by ``MORE``."""
    monkeypatch.setattr(own_code, "_LOADED", {})

    def make(more="", needs="labels", code=CODE, size=16, **spec):
        file = tmp_path / "my_data.py"
        file.write_text(f"{code}\ndef changed():\n    return make() | dict({more})\n")
        own_code.load("dataset", "mine", file, "changed")
        table = OwnData(source="own", name="mine", **spec)
        return load(table, name="set", image_size=size, aliases={}, needs=needs)

    return make


def test_images_labels_and_patients_are_what_it_gives(read):
    images = read("patients=[f'p{i // 2}' for i in range(30)]", size=24)
    assert images.pixels.shape == (30, 1, 24, 24)
    assert images.classes == ("a", "b", "c")
    assert images.targets.tolist() == [i % 3 for i in range(30)]
    assert len(set(images.patients)) == 15
    assert all(len(set(images.splits[2 * i : 2 * i + 2])) == 1 for i in range(15))
    assert images.notes == ()


def test_its_content_is_its_identity(read):
    first = read()
    assert first.digest == read(code=CODE + "\nUNUSED = 1\n").digest
    assert first.digest != read(code=CODE.replace("default_rng(0)", "default_rng(1)")).digest
    assert "No patient ids" in str(first.notes[0])


def test_published_splits_are_kept_or_one_of_them_is_taken(read):
    splits = "splits=['train'] * 15 + ['val'] * 5 + ['test'] * 10"
    whole, test = read(splits), read(splits, split="test")
    assert [(whole.splits == s).sum() for s in ("train", "val", "test")] == [15, 5, 10]
    assert len(test) == 10
    assert {*test.patients} == {*whole.patients[-10:]}


def test_findings_may_be_missing_and_images_differ_in_size_and_colour(read):
    images = read(
        "images=[np.full((9 + i, 9, 3)[: 2 + i % 2], i, np.uint8) for i in range(30)], "
        "labels=np.array([[0, 1, np.nan], [1, np.nan, 0], [np.nan, 0, 1]] * 10)"
    )
    assert images.task == "multilabel"
    assert np.isnan(images.targets).sum() == 30
    assert images.pixels.shape == (30, 3, 16, 16)
    assert (images.pixels == np.arange(30)[:, None, None, None]).all()


def test_a_pool_needs_no_labels(read):
    images = read("labels=None", needs="images")
    assert images.task == "unlabelled"


def test_it_can_be_one_source_of_several(read):
    read("splits=['train'] * 15 + ['val'] * 5 + ['test'] * 10")
    parts = tuple(OwnData(source="own", name="mine", split=part) for part in ("train", "test"))
    several = MergedData(source="merged", sources=parts)
    assert len(load(several, name="set", image_size=16, aliases={})) == 25


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("labels=None", "gives no labels"),
        ("labels=range(29)", "30 images with 29 labels"),
        ("labels=['a'] * 30", "not whole numbers"),
        ("labels=np.full((30, 2), 0.5)", "are not 0, 1 and NaN"),
        ("labels=[2] * 30", "every image is 'c'"),
        ("classes=['a']", "do not fit 1 classes"),
        ("classes='abc'", "no list of names"),
        ("splits=['dev'] * 30", "splits hold 'dev'"),
        ("patients=['p']", "30 images with 1 patients"),
        ("images=[]", "gives no array of images"),
        ("images=np.zeros((30, 8, 8))", "image 0 is float64 [8, 8], not"),
        ("images=['a'] * 30", "image 0 is str [], not"),
        ("image=3", "gives keys images, labels, classes, image; it must give images"),
    ],
)
def test_what_is_no_dataset_is_refused(read, more, says):
    with pytest.raises(DataError, match="mine") as error:
        read(more)
    assert says in str(error.value)


def test_masks_and_parts_that_are_not_there_are_refused(read):
    with pytest.raises(DataError, match="has no masks"):
        read(needs="masks")
    with pytest.raises(DataError, match="none of its splits is 'test'"):
        read("splits=['train'] * 30", split="test")
    with pytest.raises(OwnCodeError, match="not allowed to run dataset code"):
        load(OwnData(source="own", name="other"), name="s", image_size=16, aliases={})


def test_where_it_fails_is_said(read):
    with pytest.raises(OwnCodeError, match=r"^own.mine: my_data.py, line \d+: ZeroDivisionError"):
        read("labels=1 / 0")
