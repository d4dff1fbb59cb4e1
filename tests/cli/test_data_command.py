"""``greendapt data pack``, and how a run uses what it leaves."""

import csv
import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def cache(tmp_path, monkeypatch):
    path = tmp_path / "cache"
    monkeypatch.setenv("GREENDAPT_CACHE", str(path))
    return path


@pytest.fixture
def xrays(tmp_path):
    """Forty images of two classes."""
    root = tmp_path / "xrays"
    root.mkdir()
    rng = np.random.default_rng(0)
    for i in range(40):
        Image.fromarray(rng.integers(0, 256, (40, 40), dtype=np.uint8)).save(root / f"{i:02}.png")
    with (root / "labels.csv").open("w", newline="") as file:
        rows = [(f"{i:02}.png", ("ill", "well")[i % 2]) for i in range(40)]
        csv.writer(file).writerows([("image", "label"), *rows])
    return root


def run_json(out):
    (path,) = out.glob("*/run.json")
    return json.loads(path.read_text())


def test_pack_then_run(greendapt, cache, xrays, tiny, tmp_path):
    before = {path: path.stat().st_mtime_ns for path in xrays.iterdir()}
    done = greendapt("data", "pack", xrays, "--image-size", 32, "--json")
    (made,) = json.loads(done.out)
    assert (done.code, made["images"], made["bytes"]) == (0, 40, 40 * 32 * 32)
    assert made["builds"][0]["figures"]["energy_j"]["unit"] == "J"
    flags = ["--suite", tiny, "--data", f"development={xrays}", "--strategies", "none"]
    out = tmp_path / "runs"
    ran = greendapt("bench", *flags, "--set", "data.external={}", "--out", out, "--json")
    assert ran.code == 0, ran.err
    (note,) = [n["text"] for n in run_json(out)["notes"] if "packed" in n["text"]]
    assert note.startswith("Development: Its 40 images were decoded and packed once")
    assert [path.parent for path in cache.glob("packs/*/pixels.npy")] == [tmp_path / made["pack"]]
    assert {path: path.stat().st_mtime_ns for path in xrays.iterdir()} == before


def test_a_run_packs_by_itself_or_not_at_all_with_the_same_metrics(
    greendapt, cache, xrays, tiny, tmp_path
):
    metrics = []
    for pack in ("false", "true"):
        assert not (cache / "packs").exists()
        out = tmp_path / pack
        flags = ["--data", f"pool={xrays}", "--data", f"development={xrays}", "--out", out]
        flags += ["--suite", tiny, "--set", f"run.pack={pack}", "--strategies", "partial"]
        ran = greendapt("bench", *flags, "--json")
        assert ran.code == 0, ran.err
        rows = json.loads(ran.out)["summary"]["rows"]
        metrics.append([row["metrics"] for row in rows])
    assert metrics[0] == metrics[1]
    assert len(list(cache.glob("packs/*/pixels.npy"))) == 1


def test_the_listing_may_be_given(greendapt, cache, xrays):
    done = greendapt("data", "pack", xrays / "labels.csv", "--image-size", 16)
    assert done.code == 0
    assert "40 images of 16 px, 10.2 kB" in done.out
    assert str(cache) in done.out


def test_images_that_cannot_be_read_are_named_the_others_kept(greendapt, cache, xrays):
    (xrays / "07.png").write_text("text")
    done = greendapt("data", "pack", xrays, "--image-size", 16)
    assert (done.code, done.out) == (2, "")
    assert "1 images cannot be read: 07.png (not an image)" in done.err
    assert len(list(cache.glob("packs/*/pixels.npy"))) == 1


def test_a_cache_that_cannot_be_written(greendapt, xrays, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GREENDAPT_CACHE", str(tmp_path / "file"))
    done = greendapt("data", "pack", xrays, "--image-size", 16)
    assert (done.code, done.out) == (2, "")
    assert "choose another folder with GREENDAPT_CACHE" in done.err
