"""Tables of images, tables for replay, and images, as strangers write them."""

import io

import numpy as np
import pytest
from awkward import fuzzed, only_sentences, spoilt, tables, texts
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from greendapt.core.packed import HALF, pack
from greendapt.core.text import aligned
from greendapt.data.audit import audit
from greendapt.data.dataset import load
from greendapt.data.sources.image_files import read_images
from greendapt.report.view.stopping import tables as tables_of
from greendapt.stats.race_replay import replayed
from greendapt.stats.rule_comparison import Terms, agreements, common_scores, compare, usual
from greendapt.store.race_tables import COLUMNS, read_race_table
from greendapt.store.trajectories import read_trajectories
from greendapt.suite.datasets import FolderData

LABELS = [["image", "label", "patient_id", "split", "Edema"]]
LABELS += [
    [f"{i}.png", "ab"[i % 2], f"p{i // 2}", ("train", "val", "test")[i // 4], str(i % 2)]
    for i in range(12)
]
REPLAY = [["series", "dataset", "seed", "epoch", "quality", "robustness", "energy_j"]]
REPLAY += [
    [f"s{s}", "d", str(seed), str(epoch), f"0.{epoch + s}", f"-0.{seed}", str(5 * epoch)]
    for s in range(2)
    for seed in range(2)
    for epoch in (1, 2, 4)
]
DRAWS = pack([0.5, 0.6, 0.7], HALF)
RACES = [[*COLUMNS]]
RACES += [
    f"d,net,probe,full,{name},,{seed},0.{5 + seed},,9,1e6,40,{name}:1e6,{DRAWS}".split(",")
    for name in ("none", "full")
    for seed in range(2)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    for i in range(12):
        pixels = np.random.default_rng(i).integers(0, 255, (16, 16), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


options = st.fixed_dictionaries(
    {},
    optional={
        "label": st.sampled_from(("label", "*", "Edema", "label,Edema")) | texts,
        "image": st.sampled_from(("image", "label")) | texts,
        "patient": st.sampled_from(("patient_id", "path", "none")) | texts,
        "split": st.sampled_from(("train", "test", "split")) | texts,
        "split_column": texts,
        "split_file": texts,
        "delimiter": st.sampled_from(("|", "none", ",")) | texts,
        "prefix": texts,
        "suffix": texts,
        "root": texts,
        "table": st.just("labels.csv") | texts,
        "preset": st.sampled_from(("nih", "none")) | texts,
        "rows_per_image": st.sampled_from(("any", "majority")),
        "missing": st.just("drop"),
        "one_hot": st.booleans(),
    },
)


def _spec(folder, given_options):
    try:
        return FolderData(source="folder", path=folder, **given_options)
    except ValueError:  # the suite refuses it
        return FolderData(source="folder", path=folder)


@given(
    table=tables(LABELS),
    given_options=options,
    needs=st.sampled_from(("labels", "images", "masks")),
)
@fuzzed(200)
def test_tables_of_images(folder, table, given_options, needs):
    (folder / "labels.csv").write_bytes(table.encode(errors="surrogatepass"))
    with only_sentences():
        found = load(
            _spec(folder, given_options), name="own", image_size=16, aliases={}, needs=needs
        )
        assert len(found)


@given(data=spoilt("\n".join(map(",".join, LABELS)).encode()))
@fuzzed(100)
def test_tables_of_images_as_bytes(folder, data):
    (folder / "labels.csv").write_bytes(data)
    with only_sentences():
        load(_spec(folder, {}), name="own", image_size=16, aliases={})


@given(table=tables(LABELS, most=3))
@fuzzed(15)
def test_audits(folder, table):
    (folder / "labels.csv").write_bytes(table.encode(errors="surrogatepass"))
    with only_sentences():
        audit([_spec(folder, {})], aliases={}, say=lambda _: None)


def _as(kind, mode="L", **more):
    file = io.BytesIO()
    pixels = np.arange(24 * 24 * 3).reshape(24, 24, 3).astype(np.uint8)
    picture = Image.fromarray(pixels if mode == "RGB" else pixels[..., 0])
    if mode == "I;16":
        picture = Image.fromarray(pixels[..., 0].astype(np.uint16) * 16)
    picture.save(file, kind, **more)
    return file.getvalue()


IMAGES = [
    *(_as("PNG"), _as("PNG", "RGB"), _as("PNG", "I;16"), _as("JPEG"), _as("TIFF", "I;16")),
    *(_as("TIFF", "RGB", compression="tiff_lzw"), _as("BMP"), _as("GIF"), _as("WEBP"), _as("PPM")),
    b"\0" * 128 + b"DICM" + b"\x02\0\0\0UL\x04\0\x00\0\0\0",
    b"\x5c\x01\0\0" + b"\0" * 340 + b"n+1\0" + b"\0" * 50,
]


@given(data=st.sampled_from(IMAGES).flatmap(lambda one: spoilt(one, most=8)))
@fuzzed(300)
def test_images(tmp_path, data):
    path = tmp_path / "image.png"
    path.write_bytes(data)
    read = read_images([path], 16)
    assert read.pixels.shape[2:] == (16, 16)
    assert all(reason for _, reason in read.bad)
    read.remarks()


@given(table=tables(REPLAY), raw=st.none() | spoilt("\n".join(map(",".join, REPLAY)).encode()))
@fuzzed(100)
def test_tables_for_replay(tmp_path, table, raw):
    path = tmp_path / "table.csv"
    path.write_bytes(table.encode(errors="surrogatepass") if raw is None else raw)
    with only_sentences():
        series = read_trajectories(path)
        rows = compare(series, usual(series), Terms(0.5, 0.1, 1.0))
        for head, *body in tables_of(rows, agreements(series, common_scores(series))):
            aligned([head, *body], numbers=False)


TWICE = "\n".join(map(",".join, RACES)).replace("full:1e6", "full:11e6", 1)


@given(table=tables(RACES), raw=st.none() | spoilt("\n".join(map(",".join, RACES)).encode()))
@fuzzed(100)
@example(table=TWICE, raw=None)
def test_tables_of_races(tmp_path, table, raw):
    path = tmp_path / "table.csv"
    path.write_bytes(table.encode(errors="surrogatepass") if raw is None else raw)
    with only_sentences():
        for one in read_race_table(path, 0.02):
            assert replayed(one, one.seeds).cost <= 1


@given(rule=texts, more=texts)
@fuzzed(50)
def test_rules_for_replay(tmp_path, rule, more):
    path = tmp_path / "table.csv"
    path.write_text("\n".join(map(",".join, REPLAY)))
    series = read_trajectories(path)
    for written in (rule, f"patience:{rule}:{more}", f"fixed:{rule}", f"gain:{rule}:{more}@{rule}"):
        with only_sentences():
            compare(series, [written], Terms(0.5, 0.1, 1.0))
