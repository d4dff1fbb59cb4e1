"""Several folders as one pool, through ``greendapt bench``."""

import csv
import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def hospitals(tmp_path):
    """Two folders of 40 images; each has a finding of its own, uncertain at times."""
    for k, (name, own) in enumerate({"a": "Mass", "b": "Pneumonia"}.items()):
        root = tmp_path / name
        root.mkdir()
        rng = np.random.default_rng(k)
        with (root / "labels.csv").open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(["image", "patient_id", "Effusion", own])
            for i in range(40):
                table.writerow([f"{i}.png", i // 2, i % 2, (1, 0, -1)[i % 3]])
                pixels = rng.integers(0, 256, (24, 24), dtype=np.uint8)
                Image.fromarray(pixels).save(root / f"{i}.png")
    return f"{tmp_path / 'a'}:*+{tmp_path / 'b'}:*"


def test_two_folders_as_pool_and_development(greendapt, tiny, hospitals, tmp_path):
    done = greendapt(
        "bench", "--suite", tiny, "--out", tmp_path / "runs", "--json", "--strategies", "none,full",
        "--data", f"pool={hospitals}", "--data", f"development={hospitals}",
        "--set", "data.pool.labels=union", "--set", "data.development.labels=union",
        "--transfers", "probe,finetune",
    )  # fmt: skip
    assert done.code == 0, done.err
    said = json.loads(done.out)
    for row in said["summary"]["rows"]:
        scores = row["metrics"]["development"]
        assert set(scores["auc_by_class"]) == {"effusion", "mass", "pneumonia"}
        assert 0 <= scores["auc"] <= 1
    notes = " ".join(said["summary"]["notes"])
    assert "Pool: It joins a (40 images), b (40 images)." in notes
    assert "Pool and development come from the same source" in notes
    assert "images were left out: they, or other images of their patients" in notes


def test_what_is_wrong_with_a_merged_pool(greendapt, tiny, hospitals, tmp_path):
    asked = ("bench", "--suite", tiny, "--out", tmp_path / "runs")
    done = greendapt(*asked, "--data", f"pool={hospitals}", "--set", "data.pool.fraction=2")
    assert done.code == 2
    assert "data.pool.fraction: should be less than or equal to 1 (is 2)" in done.err
    done = greendapt(*asked, "--data", f"pool={hospitals}", "--set", 'data.pool.views=["PA"]')
    assert done.code == 2
    assert "pool: a: no image has a view among PA" in done.err
    done = greendapt(*asked, "--data", f"pool={hospitals}+{tmp_path / 'gone'}")
    assert done.code == 2
    assert "gone does not exist" in done.err
    assert not (tmp_path / "runs").exists() or not list((tmp_path / "runs").iterdir())


def test_scores_on_two_folders(greendapt, hospitals):
    done = greendapt(
        "score", "--weights", "none", "--backbone", "test_resnet", "--image-size", 32,
        "--data", hospitals, "--device", "cpu", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert json.loads(done.out)["images"] == 80
