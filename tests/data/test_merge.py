"""Several folders, phantoms and fractals as one set."""

import csv
from collections import defaultdict

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from greendapt.core.errors import DataError
from greendapt.data.dataset import load
from greendapt.data.imageset import Stack
from greendapt.data.pack.packs import Packs
from greendapt.data.prepared import Task, check_together
from greendapt.data.sources.base import NoLabels
from greendapt.meter import Meter
from greendapt.suite.datasets import Data, MergedData
from greendapt.train import inputs
from greendapt.train.inputs import take

FINDINGS = ("Edema", "Mass", "Pleural Effusion", "No Finding")


def write(root, rows, seed=0, size=20, colour=False):
    """labels.csv and an image for each row."""
    root.mkdir(parents=True)
    shape = (size, size, 3) if colour else (size, size)
    with (root / "labels.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for n, row in enumerate(rows):
        values = np.random.default_rng([seed, n]).integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(values).save(root / str(row["image"]))
    return root


def hospital(root, columns, count=24, seed=0, **extra):
    """Findings that vary, two images a patient, and an uncertain one at times."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(count):
        row = {"image": f"{i:02}.png", "patient_id": i // 2, "view": ("PA", "AP", "L")[i % 3]}
        row |= {c: int(rng.choice((0, 0, 1, 1, -1))) for c in columns}
        rows.append(row | {k: f(i) for k, f in extra.items()})
    return write(root, rows, seed)


def source(path, label="*", **more):
    return {"source": "folder", "path": path, "label": label} | more


def read(*sources, needs="labels", aliases=None, size=16, name="pool", **said):
    spec = MergedData(source="merged", sources=sources, **said)
    return load(spec, name=name, image_size=size, aliases=aliases or {}, needs=needs)


@pytest.fixture
def two(tmp_path):
    """A knows edema, mass and effusion; B mass, pneumonia, and effusion by another name."""
    a = hospital(tmp_path / "a", ("Edema", "Mass", "Effusion"), seed=1)
    b = hospital(tmp_path / "b", ("Mass", "Pneumonia", "Pleural Effusion"), count=30, seed=2)
    return source(a), source(b)


ALIASES = {"effusion": ("Pleural Effusion",)}


def test_the_labels_that_both_have(two):
    both = read(*two, aliases=ALIASES)
    assert both.classes == ("effusion", "mass")
    assert both.task == "multilabel"
    assert len(both) == 54
    assert both.targets.shape == (54, 2)
    assert "It joins a (24 images), b (30 images)." in list(map(str, both.notes))
    assert any(n.startswith("The source alone reaches AUC 0.") for n in map(str, both.notes))


def test_the_labels_of_either_are_missing_in_the_other(two):
    both = read(*two, aliases=ALIASES, labels="union")
    assert both.classes == ("edema", "effusion", "mass", "pneumonia")
    edema, pneumonia = both.targets[:, 0], both.targets[:, 3]
    assert np.isnan(edema[24:]).all()
    assert np.isnan(pneumonia[:24]).all()
    assert not np.isnan(edema[:24]).all()


@pytest.mark.parametrize(("how", "value"), [("mask", np.nan), ("zero", 0), ("one", 1)])
def test_uncertain_labels(two, how, value):
    a = read(two[0], labels="union", uncertain=how)
    with (two[0]["path"] / "labels.csv").open() as file:
        said = [row["Edema"] for row in csv.DictReader(file)]
    unsure = np.array(said) == "-1"
    assert unsure.any()
    np.testing.assert_array_equal(a.targets[unsure, 0], np.float32(value))
    assert a.targets[~unsure, 0].tolist() == [float(v) for v in said if v != "-1"]


def test_no_finding(tmp_path):
    rows = [
        {"image": f"{i}.png", "Edema": ("1", "0", "-1", "")[i % 4], "Mass": i % 2,
         "No Finding": i % 5 == 0} for i in range(20)
    ]  # fmt: skip
    for row in rows:
        row["No Finding"] = int(row["No Finding"])
    root = write(tmp_path / "a", rows)
    zeros = read(source(root))
    assert zeros.classes == ("edema", "mass")
    assert (zeros.targets[::5] == 0).all()
    assert np.isnan(zeros.targets[2::4][:, 0]).any()
    dropped = read(source(root), no_finding="drop")
    assert dropped.targets[0, 0] == 1
    assert dropped.classes == ("edema", "mass")
    kept = read(source(root), no_finding="label", aliases={"healthy": ("no_finding",)})
    assert kept.classes == ("edema", "healthy", "mass")
    assert kept.targets[:, 1].tolist() == [float(i % 5 == 0) for i in range(20)]


def test_a_finding_that_never_differs_in_one_source_counts(tmp_path):
    a = hospital(tmp_path / "a", (), seed=1, Mass=lambda _: 0, Edema=lambda _: 0)
    b = hospital(tmp_path / "b", ("Mass",), seed=2, Edema=lambda _: 0)
    both = read(source(a, "Mass,Edema"), source(b))
    assert both.classes == ("mass",)
    assert "Left out, the same in every image: edema." in list(map(str, both.notes))
    assert (both.targets[:24] == 0).all()
    with pytest.raises(DataError, match="no label differs between the images of all sources"):
        read(source(a))


def test_views(two):
    for views, count in ((("PA",), 18), (("frontal",), 36), (("lateral", "pa"), 36)):
        some = read(*two, aliases=ALIASES, views=views)
        assert len(some) == count
    assert set(read(*two, aliases=ALIASES, views=("lateral",)).views) == {"L"}
    with pytest.raises(DataError, match=r"a: no image has a view among LL.*there is: AP, L, PA"):
        read(*two, aliases=ALIASES, views=("LL",))


def test_groups_of_patients_are_kept_and_unknown_where_a_source_has_none(tmp_path):
    sexes = {"sex": lambda i: "FM"[i // 2 % 2]}
    a = hospital(tmp_path / "a", ("Edema", "Mass"), **sexes)
    b = hospital(tmp_path / "b", ("Edema", "Mass"), seed=1)
    groups = read(source(a), source(b)).subgroups
    assert {*groups} == {"sex", "view", "source"}
    assert {*groups["source"].tolist()} == {"a", "b"}
    assert {*groups["sex"][groups["source"] == "a"].tolist()} == {"F", "M"}
    assert {*groups["sex"][groups["source"] == "b"].tolist()} == {"unknown"}


def test_a_source_without_views_must_be_asked_for(tmp_path, two):
    rows = [{"image": f"{i}.png", "Mass": i % 2} for i in range(8)]
    blind = source(write(tmp_path / "blind", rows))
    with pytest.raises(DataError, match="blind: no image has a view among PA"):
        read(two[0], blind, views=("PA",))
    both = read(two[0], blind, views=("PA", "unknown"))
    assert set(both.views) == {"PA", "UNKNOWN"}
    assert len(both) == 16


def test_patients_of_two_sources_stay_apart_whatever_they_are_called(two):
    both = read(*two, aliases=ALIASES)
    assert len(set(both.patients)) == 12 + 15
    assert not set(both.patients[:24]) & set(both.patients[24:])
    assert len(both.origins) == 2
    for part in both.part("train"), both.part("val"), both.part("test"):
        others = both.subset(both.splits != part.splits[0])
        assert not set(part.patients) & set(others.patients)


def test_official_splits_are_kept_and_others_are_made(tmp_path, two):
    fixed = ("train", "val", "test")
    own = hospital(tmp_path / "own", ("Mass",), seed=3, split=lambda i: fixed[i // 2 % 3])
    both = read(two[0], source(own))
    assert both.splits[24:].tolist() == [fixed[i // 2 % 3] for i in range(24)]
    alone = read(two[0], labels="union")
    assert both.splits[:24].tolist() == alone.splits.tolist()


def test_an_image_in_a_later_part_of_another_source_leaves_training(tmp_path):
    train = {"split": lambda i: "train" if i < 20 else "val"}
    a = hospital(tmp_path / "a", ("Mass",), seed=1, **train)
    b = hospital(tmp_path / "b", ("Mass",), seed=2, split=lambda _: "test")
    for name in ("00.png", "05.png"):
        (a / name).write_bytes((b / name).read_bytes())
    for sources in ((a, b), (b, a)):
        both = read(*map(source, sources))
        assert len(both) == 46
        assert not set(both.part("train").hashes) & set(both.part("test").hashes)
        assert any(
            "2 images were left out of training or validation" in n for n in map(str, both.notes)
        )
        few = read(*map(source, sources), fraction=0.3)
        assert set(few.part("train").hashes) <= set(both.part("train").hashes)


def test_one_source_named_twice(two):
    with pytest.raises(DataError, match=r"a 1 and a 2 are one source, \d+ patients are in both"):
        read(two[0], two[0])


def test_no_label_in_common(two):
    with pytest.raises(DataError, match=r"share no label \(a has edema; b has .*'union'"):
        read(two[0] | {"label": "Edema"}, two[1])


def test_everything_wrong_with_every_source(tmp_path, two):
    with pytest.raises(DataError) as error:
        read(source(tmp_path / "x"), two[0], source(tmp_path / "y"))
    assert len(str(error.value).splitlines()) == 2
    with pytest.raises(NoLabels):
        read(two[0] | {"label": "nothing"})


def test_classes(tmp_path):
    words = {"a": ("Normal", "Pneumonia"), "b": ("Mass", "no finding", "pneumonia")}
    roots = [
        write(tmp_path / n, [{"image": f"{i}.png", "label": c[i % len(c)]} for i in range(12)], k)
        for k, (n, c) in enumerate(words.items())
    ]
    sources = [source(root, None) for root in roots]
    aliases = {"normal": ("no_finding",)}
    shared = read(*sources, aliases=aliases)
    assert shared.task == "multiclass"
    assert shared.classes == ("normal", "pneumonia")
    assert len(shared) == 12 + 8
    assert "b: 4 images of classes that not all sources have go." in list(map(str, shared.notes))
    every = read(*sources, aliases=aliases, labels="union")
    assert every.classes == ("mass", "normal", "pneumonia")
    assert np.bincount(every.targets).tolist() == [4, 10, 10]


def test_classes_beside_findings(tmp_path, two):
    rows = [{"image": f"{i}.png", "label": ("healthy", "mass")[i % 2]} for i in range(12)]
    classes = source(write(tmp_path / "c", rows), None)
    both = read(two[0], classes, aliases={"no_finding": ("healthy",)})
    assert both.classes == ("mass",)
    assert both.targets[24:, 0].tolist() == [0, 1] * 6


def test_colour_beside_grey_and_no_labels_at_all(tmp_path, two):
    colour = write(tmp_path / "c", [{"image": f"{i}.png"} for i in range(6)], colour=True)
    both = read(two[0], source(colour), needs="images")
    assert both.task == "unlabelled"
    assert both.classes == ()
    assert both.gather().shape == (30, 3, 16, 16)
    grey = both.gather(slice(0, 24))
    assert (grey == grey[:, :1]).all()
    assert (both.gather(slice(24, 30)) != both.gather(slice(24, 30))[:, :1]).any()


ARRAYS = st.lists(st.tuples(st.integers(0, 4), st.sampled_from([1, 3])), min_size=1, max_size=4)


@given(ARRAYS, st.data())
def test_a_stack_is_its_arrays_one_after_the_other(shapes, data):
    rng = np.random.default_rng(0)
    parts = [rng.integers(0, 256, (n, c, 2, 3), dtype=np.uint8) for n, c in shapes]
    stack, channels = Stack(tuple(parts)), max(c for _, c in shapes)
    whole = np.concatenate([np.broadcast_to(p, (len(p), channels, 2, 3)) for p in parts])
    assert stack.shape == whole.shape
    assert len(stack) == len(whole)
    index = st.integers(0, max(len(whole) - 1, 0))
    rows = np.array(data.draw(st.lists(index, max_size=5 if len(whole) else 0)), dtype=np.int64)
    np.testing.assert_array_equal(stack[rows], whole[rows])
    part = slice(*sorted((data.draw(st.integers(0, 9)), data.draw(st.integers(0, 9)))))
    np.testing.assert_array_equal(stack[part], whole[part])


def test_a_merged_pool_reads_its_packs_where_they_lie(tmp_path, two):
    packs = Packs(tmp_path / "packs", print, Meter)
    spec = MergedData(source="merged", sources=two, fraction=0.5)
    kept = load(spec, name="pool", image_size=16, aliases={}, packs=packs)
    assert all(isinstance(part, np.memmap) for part in kept.pixels.parts)
    decoded = load(spec, name="pool", image_size=16, aliases={})
    assert kept.digest == decoded.digest
    assert len(kept) < 54 == len(kept.pixels)
    taken = take(inputs.of(kept), torch.tensor([20, 0]))
    np.testing.assert_array_equal(taken.numpy(), decoded.gather(np.array([20, 0])))


def test_masks(two):
    phantom = {"source": "phantom", "images": 20}
    both = read(two[0], phantom, needs="images")
    assert both.synthetic
    assert (both.masks[:24] == 255).all()
    assert (both.masks[24:] != 255).all()


def test_phantoms_of_two_hospitals():
    a = {"source": "phantom", "task": "findings", "images": 40}
    both = read(a, a | {"hospital": "b"}, a | {"seed": 5})
    assert len(both) == 120
    assert len(both.classes) == 5
    assert both.origins == {"phantom:a", "phantom:b"}
    joins = "phantom a 1 (40 images), phantom b (40 images), phantom a 2 (40 images)"
    assert f"It joins {joins}." in list(map(str, both.notes))


PHANTOMS = ({"source": "phantom", "task": "findings", "images": 50, "seed": 3},
            {"source": "phantom", "task": "findings", "images": 40, "hospital": "b"})  # fmt: skip


@settings(deadline=None, max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(st.floats(0.01, 1), st.floats(0.01, 1), st.integers(0, 5))
def test_a_smaller_share_lies_inside_a_larger_one(one, other, seed):
    few, many = (read(*PHANTOMS, fraction=f, seed=seed) for f in sorted((one, other)))
    where = dict(zip(many.hashes.tolist(), many.splits.tolist(), strict=True))
    assert all(where[h] == s for h, s in zip(few.hashes.tolist(), few.splits.tolist(), strict=True))
    assert set(few.origins) == set(many.origins)


def test_a_share_is_of_patients_and_drawn_by_the_seed():
    every = read(*PHANTOMS)
    half = read(*PHANTOMS, fraction=0.5)
    ours = set(half.patients)
    assert set(every.hashes[np.isin(every.patients, list(ours))]) == set(half.hashes)
    assert len(ours) == pytest.approx(len(set(every.patients)) / 2, abs=4)
    assert set(read(*PHANTOMS, fraction=0.5, seed=1).patients) != ours
    again = read(*reversed(PHANTOMS), fraction=0.5)
    assert set(again.hashes) == set(half.hashes)


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.permutations(range(3)),
    st.sampled_from(["intersection", "union"]),
    st.sampled_from(["mask", "zero", "one"]),
)
def test_permuted_sources_change_nothing_but_order(tmp_path_factory, order, labels, uncertain):
    folder = tmp_path_factory.mktemp("p")
    columns = (("Edema", "Mass"), ("Mass", "Effusion"), ("Mass", "Pneumonia", "Edema"))
    sources = [source(hospital(folder / str(k), c, 12, seed=k)) for k, c in enumerate(columns)]
    said = {"labels": labels, "uncertain": uncertain}
    one, other = read(*sources, **said), read(*(sources[k] for k in order), **said)
    assert one.classes == other.classes

    def rows(merged):
        found = defaultdict(list)
        for k in range(len(merged)):
            target = tuple(np.nan_to_num(merged.targets[k], nan=-1).tolist())
            found[int(merged.hashes[k])].append((target, merged.splits[k], merged.patients[k]))
        return found

    assert rows(one) == rows(other)


def test_a_merged_pool_gives_up_what_development_tests_on(two):
    pool = read(*two, aliases=ALIASES)
    spec = Data(pool=two[0], development=two[1] | {"label": "Mass"}).development
    development = load(spec, name="development", image_size=16, aliases={})
    done = check_together({None: pool}, {None: Task(development, {})})
    held = set(development.patients[development.splits != "train"])
    assert held
    assert not held & set(done.pool.patients)
    notes = list(map(str, done.notes))
    assert any(n.startswith("Pool and development come from the same") for n in notes)
