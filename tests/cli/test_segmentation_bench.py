"""Masks as the downstream task, through ``greendapt bench``."""

import json

import numpy as np
import pytest
from PIL import Image

SEGMENT = """
[transfer.unet]
kind = "segment"
epochs = 2
optimizer = "sgd"
schedule = "poly"
learning_rate = 0.05
batch_size = 8
[transfer.frozen]
kind = "segment"
train = "head"
batch_norm = "frozen"
epochs = 2
learning_rate = 1e-2
"""


@pytest.fixture(scope="module")
def suite(tiny, tmp_path_factory):
    path = tmp_path_factory.mktemp("suites") / "masks.toml"
    text = tiny.read_text(encoding="utf-8") + SEGMENT
    path.write_text(text.replace('["probe"]', '["unet", "frozen"]'), encoding="utf-8")
    return path


def test_unets_are_judged_by_dice_on_all_sets(greendapt, suite, tmp_path, only_run):
    asked = ("bench", "--suite", suite, "--strategies", "none,full", "--device", "cpu", "--json")
    said = greendapt(*asked, "--out", tmp_path / "runs")
    assert said.code == 0, said.err
    rows = json.loads(said.out)["summary"]["rows"]
    assert {(row["strategy"], row["transfer"]) for row in rows} == {
        (s, t) for s in ("none", "full") for t in ("unet", "frozen")
    }
    for row in rows:
        reached = row["metrics"]["development"]
        assert 0 < reached["dice"] <= 1
        assert reached["dice_low"] <= reached["dice"] <= reached["dice_high"]
        assert set(reached["dice_by_class"]) == {"1", "2"}  # lung and heart
        assert row["metrics"]["external"]["b"]["hausdorff95_px"] > 0
        assert "dice" in row["metrics"]["corrupted"]["by"]["noise:3"]
        assert row["sci_auc_point_g"] is None
        assert row["training_flops"]["value"] > 0
    frozen, trained = (
        next(r for r in rows if r["strategy"] == "none" and r["transfer"] == t)
        for t in ("frozen", "unet")
    )
    assert frozen["training_flops"]["value"] < trained["training_flops"]["value"]
    run = only_run(tmp_path / "runs")
    report = (run / "report.md").read_text(encoding="utf-8")
    assert "Development Dice" in report
    assert "AUC" not in report
    assert "The question cost" in report
    assert all(f"- {transfer}, all labels: " in report for transfer in ("unet", "frozen"))
    page = (run / "report.html").read_text(encoding="utf-8")
    assert " AUC" not in page
    assert "95% Hausdorff distance (px)" in page
    again = greendapt("resume", run, "--json")
    assert json.loads(again.out)["summary"]["rows"] == rows


def images(folder, count, top=1, masks=True):
    """Squares on noise, with their masks."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    lines = ["image,mask,patient_id"]
    for i in range(count):
        x, y = rng.integers(2, 18, 2)
        pixels, mask = rng.integers(0, 80, (32, 32)), np.zeros((32, 32))
        pixels[y : y + 10, x : x + 10] += 150
        mask[y : y + 10, x : x + 10] = top
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.png")
        Image.fromarray(mask.astype(np.uint8)).save(folder / f"{i}_mask.png")
        lines.append(f"{i}.png,{f'{i}_mask.png' if masks and i % 4 else ''},{i}")
    (folder / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_ones_own_masks_and_images_without_any(greendapt, suite, tmp_path):
    own = images(tmp_path / "own", 60)
    said = greendapt(
        "bench", "--suite", suite, "--data", f"development={own}", "--strategies", "none",
        "--device", "cpu", "--json", "--set", 'run.transfers=["unet"]', "--image-size", 64,
    )  # fmt: skip
    assert said.code == 0, said.err
    summary = json.loads(said.out)["summary"]
    (row,) = summary["rows"]
    assert "dice_by_class" not in row["metrics"]["development"]  # one class and background
    assert any("15 images without a mask are left out" in note for note in summary["notes"])


@pytest.mark.parametrize(
    ("development", "external", "sentence"),
    [
        ({"masks": False}, None, "no masks|no image has a mask"),
        ({"top": 0}, None, "the masks are empty"),
        ({}, {"top": 2}, "masks hold the values 0, 2; say which class each is"),
    ],
)
def test_masks_that_cannot_be_used(greendapt, suite, tmp_path, development, external, sentence):
    flags = ["--data", f"development={images(tmp_path / 'own', 40, **development)}"]
    if external is not None:
        flags += ["--data", f"external={images(tmp_path / 'far', 20, **external)}"]
    said = greendapt("bench", "--suite", suite, *flags, "--strategies", "none")
    assert said.code == 2
    assert any(part in said.err for part in sentence.split("|"))


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (("--shots", "5"), "segmentation takes 'full' only"),
        (("--set", 'run.transfers=["unet","probe"]'), "'probe' takes labels, others take masks"),
        (("--set", "transfer.unet.augmentation=light"), "move the images and not their masks"),
        (("--set", "transfer.unet.train=last:99"), "has 4 blocks and a stem"),
    ],
)
def test_what_segmentation_cannot_do(greendapt, suite, flags, sentence):
    said = greendapt("bench", "--suite", suite, "--strategies", "none", *flags)
    assert said.code == 2
    assert sentence in said.err
