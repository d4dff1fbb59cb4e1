from dataclasses import replace

import numpy as np
import pytest

from greendapt.core.errors import DataError
from greendapt.core.remarks import Gravity, note
from greendapt.data import prepared
from greendapt.data.imageset import ImageSet, codes
from greendapt.data.prepared import Task, prepare
from greendapt.data.splits import assign_splits
from greendapt.suite.models import Suite


@pytest.fixture(autouse=True)
def _no_copies_from_before(tmp_path, monkeypatch):
    """The hashes of these images are made up: what is remembered of one test is not of another."""
    monkeypatch.setenv("GREENDAPT_CACHE", str(tmp_path / "cache"))


def images(
    name="development", origin="here", count=120, classes=("normal", "pneumonia"), seed=0, start=0
):
    rng = np.random.default_rng([seed, start])
    patients = codes(origin, (str(start + i) for i in range(count)))
    targets = np.arange(count, dtype=np.int64) % len(classes)
    return ImageSet(
        name=name,
        origin=origin,
        synthetic=False,
        task="multiclass",
        classes=classes,
        pixels=rng.integers(0, 256, (count, 1, 16, 16), dtype=np.uint8),
        targets=targets,
        patients=patients,
        splits=assign_splits(patients, targets=targets),
        hashes=np.arange(count, dtype=np.uint64) + np.uint64(1000 * seed + start),
    )


def findings(one, targets, classes):
    return replace(one, task="multilabel", targets=np.array(targets, np.float32), classes=classes)


def check_together(pool, development, external, allow_leaks=False):
    return prepared.check_together({None: pool}, {None: Task(development, external)}, allow_leaks)


def overlap(one, other):
    return np.isin(one.hashes, other.hashes)


def refused(*sets):
    pool, development, external = (*sets, {})[:3]
    with pytest.raises(DataError) as error:
        check_together(pool, development, external)
    return str(error.value)


POOL = images("pool", "there", seed=9)


def test_three_sets_that_go_together():
    out = images("external x", "elsewhere", seed=2)
    done = check_together(POOL, images(), {"x": out})
    assert done.pool is POOL
    assert done.external["x"].pixels is out.pixels
    few = "Development's val part has only 18 images: choosing the best epoch is noisy."
    assert [str(one) for one in done.notes if one.gravity is Gravity.WEAK] == [few]


def test_external_labels_follow_developments_order():
    out = images("external x", "elsewhere", classes=("pneumonia", "normal"), seed=2)
    aligned = check_together(POOL, images(), {"x": out}).external["x"]
    assert aligned.classes == ("normal", "pneumonia")
    assert (aligned.targets == 1 - out.targets).all()


def test_a_class_that_development_does_not_have():
    out = images("external x", "elsewhere", classes=("normal", "mass"), seed=2)
    said = refused(POOL, images(), {"x": out})
    assert said.startswith(
        "external x: development has no class 'mass' (it has: normal, pneumonia)"
    )


def test_every_external_is_named():
    bad = {k: images(f"external {k}", k, classes=("a", "b"), seed=i) for i, k in enumerate("xy", 2)}
    assert len(refused(POOL, images(), bad).splitlines()) == 2


def test_a_class_that_the_external_set_lacks_is_a_note():
    out = images("external x", "elsewhere", seed=2)
    three = images(classes=("mass", "normal", "pneumonia"))
    done = check_together(POOL, three, {"x": out})
    assert "External x: it has no mass." in list(map(str, done.notes))
    assert (done.external["x"].targets == out.targets + 1).all()


def test_kinds_of_labels_must_agree():
    out = images("external x", "elsewhere", seed=2)
    out = findings(out, np.eye(2)[out.targets], out.classes)
    assert "multilabel, development's are multiclass" in refused(POOL, images(), {"x": out})


def test_findings_are_aligned_by_name():
    dev, out = images(), images("external x", "elsewhere", seed=2)
    dev = findings(dev, np.eye(2)[dev.targets], ("mass", "edema"))
    out = findings(out, np.eye(2)[out.targets], ("hernia", "mass"))
    done = check_together(POOL, dev, {"x": out})
    aligned = done.external["x"]
    assert aligned.classes == ("mass", "edema")
    assert np.isnan(aligned.targets[:, 1]).all()
    assert (aligned.targets[:, 0] == out.targets[:, 1]).all()
    assert "External x: its finding hernia is not used, development has none." in list(
        map(str, done.notes)
    )
    strange = replace(out, classes=("hernia", "nodule"))
    assert "no class" in refused(POOL, dev, {"x": strange})


@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_an_empty_part(split):
    dev = images()
    dev = dev.subset(dev.splits != split)
    assert f"the split '{split}' is empty" in refused(POOL, dev)


def test_a_class_without_training_images():
    dev = images(classes=("a", "b", "c"))
    dev = dev.subset(~((dev.splits == "train") & (dev.targets == 2)))
    assert "the training part has no image of c" in refused(POOL, dev)


def test_one_class_in_the_test_part():
    dev = images()
    dev = dev.subset(~((dev.splits == "test") & (dev.targets == 0)))
    assert "one class only" in refused(POOL, dev)


def test_development_test_images_leave_the_pool_by_content():
    dev = images()
    pool = images("pool", "copy", count=200, seed=0)
    done = check_together(pool, dev, {})
    held = int((dev.splits != "train").sum())
    assert len(done.pool) == 200 - held
    assert not overlap(done.pool, dev.subset(dev.splits != "train")).any()
    assert overlap(done.pool, dev.part("train")).any()
    assert any(
        note.startswith(f"{held} of 200 pool images were left out") for note in map(str, done.notes)
    )


def test_other_images_of_test_patients_leave_the_pool():
    dev = images()
    pool = images("pool", "here", count=200, seed=3)
    assert not np.isin(pool.hashes, dev.hashes).any()
    done = check_together(pool, dev, {})
    assert len(done.pool) == 200 - int((dev.splits != "train").sum())
    elsewhere = images("pool", "there", count=200, seed=3)
    assert len(check_together(elsewhere, dev, {}).pool) == 200


def test_external_images_leave_the_pool():
    out = images("external x", "there", count=50, seed=9)
    done = check_together(POOL, images(), {"x": out})
    assert len(done.pool) == 70
    assert not overlap(done.pool, done.external["x"]).any()


def test_a_pool_of_nothing_but_test_images():
    dev = images()
    assert "every image" in refused(replace(dev.part("test"), name="pool"), dev)


def test_external_images_of_developments_training_part_are_left_out():
    dev = images()
    out = replace(images("external x", count=200, seed=5), origin="here")
    done = check_together(POOL, dev, {"x": out})
    assert len(done.external["x"]) == 200 - int((dev.splits != "test").sum())
    assert "comes from elsewhere" in refused(POOL, dev, {"x": replace(dev.part("train"), name="x")})


def test_same_sources_are_told():
    dev = images()
    pool = images("pool", "here", start=500)
    out = images("external x", "here", start=900)
    notes = " ".join(map(str, check_together(pool, dev, {"x": out}).notes))
    assert "Pool and development come from the same source" in notes
    assert "Pool and external x come from the same source" in notes
    assert "Development and external x come from the same source" in notes


def with_copies(dev, count=4):
    """Its first test images are brightened copies of training images."""
    test, train = (np.flatnonzero(dev.splits == s) for s in ("test", "train"))
    pixels = dev.pixels.copy()
    pixels[test[:count]] = np.clip(pixels[train[:count]].astype(int) * 1.1 + 2, 0, 255)
    return replace(dev, pixels=pixels)


LEAK = (
    "4 of 30 images of development's test part are copies of images of development's training or "
    "validation part (0 the same, 4 nearly)"
)


def test_copies_of_training_images_in_the_test_part_stop_a_run():
    assert refused(POOL, with_copies(images())) == (
        f"{LEAK}; leave them out of one of the two, or --allow-leaks, which the verdict then says"
    )


def test_leaks_that_are_allowed_are_the_first_remark():
    first = check_together(POOL, with_copies(images()), {}, allow_leaks=True).notes[0]
    assert (first.text, first.gravity) == (f"{LEAK}.", Gravity.LEAK)


def test_a_pool_of_changed_test_images_is_refused_and_a_part_of_it_left_out():
    dev = images()
    test = dev.part("test")
    pixels = np.clip(test.gather() * 0.8 + 20, 0, 255).astype(np.uint8)
    changed = replace(images("pool", "there", count=len(test), seed=7), pixels=pixels)
    text = refused(changed, dev)
    assert "pool: every image, or its patient, is also in development's validation" in text
    assert "(30 of them as copies that are nearly the same)" in text
    mixed = POOL.gather()
    mixed[:10] = pixels[:10]
    done = check_together(replace(POOL, pixels=mixed), dev, {})
    assert len(done.pool) == len(POOL) - 10
    allowed = check_together(changed, dev, {}, allow_leaks=True)
    assert len(allowed.pool) == len(test)
    assert allowed.notes[0].gravity is Gravity.LEAK


def test_an_external_set_of_changed_training_images():
    dev = images()
    train = dev.part("train").subset(np.arange(20))
    pixels = 255 - train.gather()[..., ::-1]
    out = replace(images("external x", "there", count=20, seed=7), pixels=pixels)
    assert "external x: every image" in refused(POOL, dev, {"x": out})


def test_a_patient_in_the_training_and_the_test_part():
    dev = images()
    test, train = (np.flatnonzero(dev.splits == s)[0] for s in ("test", "train"))
    dev.patients[test] = dev.patients[train]
    assert refused(POOL, dev).startswith(
        "1 patients are in both development's test part and development's training or validation"
    )


def test_what_was_drawn_is_compared_by_content_alone():
    dev = replace(with_copies(images()), origin="phantom:a")
    assert all(one.gravity is not Gravity.LEAK for one in check_together(POOL, dev, {}).notes)


def test_one_image_with_two_labels():
    dev = images()
    a, b = (np.flatnonzero((dev.splits == "train") & (dev.targets == k))[0] for k in (0, 1))
    dev.hashes[a] = dev.hashes[b]
    text = "2 images of development stand there with another label, too: one of the two labels is"
    assert any(str(one).startswith(text) for one in check_together(POOL, dev, {}).notes)


def test_classes_of_one_test_image_and_of_none():
    dev = images()
    dev = findings(dev, np.eye(2)[dev.targets][:, [0, 1, 1]], ("mass", "edema", "hernia"))
    test = np.flatnonzero(dev.splits == "test")
    dev.targets[test, 1] = 0
    dev.targets[test[0], 1] = 1
    dev.targets[test, 2] = 0
    notes = list(map(str, check_together(POOL, dev, {}).notes))
    start = "Development's test part has"
    assert f"{start} one positive of edema: no AUC can be told of it." in notes
    assert f"{start} no positive of hernia: the mean AUC leaves it out." in notes


def test_a_view_that_gives_the_answer_away():
    dev = images()
    dev = replace(dev, views=np.where(dev.targets == 1, "AP", "PA"))
    notes = " ".join(map(str, check_together(POOL, dev, {}).notes))
    assert "The view alone (AP, PA) reaches AUC 1.00" in notes
    same = replace(dev, views=np.full(len(dev), "PA"))
    assert "view" not in " ".join(map(str, check_together(POOL, same, {}).notes))


def test_notes_of_the_sets_are_kept():
    dev = replace(images(), notes=(note("Something."),))
    assert "Development: Something." in list(map(str, check_together(POOL, dev, {}).notes))


def suite(data, objective="supervised"):
    phase = {"train": "all", "epochs": 1, "learning_rate": 0.1, "objective": objective}
    return Suite.model_validate(
        {
            "schema": 1,
            "name": "x",
            "title": "x",
            "run": {"strategies": ["full"], "transfers": ["probe"]},
            "model": {"backbones": ["resnet10t"]},
            "data": data,
            "strategy": {"full": {"phases": ["p"]}},
            "phase": {"p": phase},
            "transfer": {"probe": {"kind": "probe", "epochs": 1, "learning_rate": 0.1}},
        }
    )


def test_prepare_loads_a_suite():
    data = {
        "pool": {"source": "phantom", "images": 40, "seed": 1},
        "development": {"source": "phantom", "images": 60, "seed": 2},
        "external": {"b": {"source": "phantom", "hospital": "b", "images": 30, "seed": 3}},
    }
    done = prepare(suite(data), 32)
    assert (len(done.pool), len(done.development), len(done.external["b"])) == (40, 60, 30)
    assert done.pool.task == "multiclass"
    assert done.external["b"].name == "external b"
    assert any(
        note.startswith("Pool and development come from the same") for note in map(str, done.notes)
    )
    assert prepare(suite(data, "simclr"), 32).pool.task == "unlabelled"


def test_prepare_lists_the_problems_of_all_sets(tmp_path):
    gone = {"source": "folder", "path": str(tmp_path / "gone")}
    with pytest.raises(DataError) as error:
        prepare(suite({"pool": gone, "development": gone, "external": {"z": gone}}), 32)
    lines = str(error.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["pool", "development", "external z"]
