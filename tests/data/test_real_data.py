"""Real chest X-rays: GREENDAPT_REAL_DATA is a folder with kermany_cxr and nih_pneumonia."""

import os
from pathlib import Path

import numpy as np
import pytest

from greendapt.data.audit import audit
from greendapt.data.dataset import load
from greendapt.data.prepared import Task, check_together
from greendapt.suite.datasets import FolderData, MergedData

ROOT = os.environ.get("GREENDAPT_REAL_DATA")
pytestmark = pytest.mark.skipif(
    ROOT is None, reason="set GREENDAPT_REAL_DATA to the folder of the real datasets"
)


def read(folder, label=None, split=None, name="development", needs="labels"):
    path = Path(ROOT or "") / folder
    spec = FolderData(source="folder", path=path, label=label, split=split)
    aliases = {"normal": ("no_finding",)}
    return load(spec, name=name, image_size=32, aliases=aliases, needs=needs)


def test_kermany_and_nih_together():
    pool = read("kermany_cxr", "label_fine", "train", "pool")
    development = read("kermany_cxr", "label")
    external = read("nih_pneumonia", name="external nih")
    done = check_together({None: pool}, {None: Task(development, {"nih": external})})
    assert len(done.pool) == 5216
    assert done.pool.classes == ("bacteria", "normal", "virus")
    assert done.external["nih"].classes == ("normal", "pneumonia")
    assert np.bincount(done.external["nih"].targets).tolist() == [500, 500]
    assert [(development.splits == s).sum() for s in ("train", "val", "test")] == [5216, 16, 624]
    notes = list(map(str, done.notes))
    assert any(n.startswith("Pool and development come from the same") for n in notes)


def test_nih_with_kermanys_test_part_outside():
    pool = read("kermany_cxr", "label_fine", "train", "pool")
    external = read("kermany_cxr", "label", "test", "external kermany")
    done = check_together({None: pool}, {None: Task(read("nih_pneumonia"), {"kermany": external})})
    assert len(done.external["kermany"]) == 624
    notes = " ".join(map(str, done.notes))
    assert "Pool and external kermany come from the same source" in notes
    assert "The view alone (AP, PA)" in notes


def test_an_audit_of_both():
    specs = [
        FolderData(source="folder", path=Path(ROOT or "") / name)
        for name in ("kermany_cxr", "nih_pneumonia")
    ]
    found = audit(specs, aliases={"normal": ("no_finding",)}, say=lambda _: None)
    assert found.findings == []
    thumbnails, labels = found.separability
    assert thumbnails.low > 0.99
    assert 0.5 < labels.auc < 0.7
    assert found.counts[0].labels["pneumonia"].yes == 4273


def test_both_as_one_source():
    folders = [
        {"source": "folder", "path": Path(ROOT or "") / name, "label": label}
        for name, label in (("kermany_cxr", None), ("nih_pneumonia", "*"))
    ]
    spec = MergedData(source="merged", sources=folders, labels="union")
    both = load(spec, name="pool", image_size=32, aliases={"no_finding": ("normal",)})
    assert both.targets.shape == (6856, 14)
    known = ~np.isnan(both.targets)
    assert known.sum(axis=1).tolist() == [1] * 5856 + [14] * 1000
    assert (both.targets[:, both.classes.index("pneumonia")] == 1).sum() == 4773


def test_findings_and_masks():
    assert read("nih_pneumonia", "*").targets.shape == (1000, 14)
    masks = read("kermany_cxr", split="train", needs="masks").masks
    assert (masks[:, 0, 0] != 255).sum() == 3448
