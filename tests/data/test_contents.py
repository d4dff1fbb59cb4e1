import numpy as np

from greendapt.data.checks.contents import contents
from greendapt.data.imageset import ImageSet


def images(targets, classes):
    n = len(targets)
    return ImageSet(
        name="development",
        origin="here",
        synthetic=False,
        task="multilabel" if targets.ndim == 2 else "multiclass",
        classes=classes,
        pixels=np.zeros((n, 1, 4, 4), np.uint8),
        targets=targets,
        patients=np.arange(n) // 2,
        splits=np.array(["train", "train", "train", "train", "val", "test"][:n]),
        hashes=np.arange(n).astype(np.uint64),
    )


def test_classes_by_part():
    one = images(np.array([0, 1, 0, 1, 0, 1]), ("a", "b"))
    assert str(contents(one, by_part=True)) == (
        "Read, in training / validation / test: 4 / 1 / 1 images (a 2 / 1 / 0, b 2 / 0 / 1) "
        "of 2 / 1 / 1 patients."
    )


def test_findings_together():
    one = images(np.array([[1, np.nan], [1, 0], [0, 1]], np.float32), ("x", "y"))
    assert str(contents(one, by_part=False)) == "Read: 3 images (x 2, y 1) of 2 patients."


def test_many_labels_are_cut():
    one = images(np.zeros(6, np.int64), tuple(f"c{k}" for k in range(20)))
    assert "c11 0, and 8 more labels" in str(contents(one, by_part=False))
