"""Bad input: exit code 2, one clear sentence on stderr, nothing else, no run folder."""

import csv
import pickle

import numpy as np
import pytest
import torch
from PIL import Image

TWO = ("ill", "well")


class Folder:
    """Writes a dataset folder."""

    def __init__(self, root):
        self.root = root
        root.mkdir()

    def write(self, rows, columns=("image", "label", "patient_id")):
        rng = np.random.default_rng(0)
        with (self.root / "labels.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(rows)
        for name, *_ in rows:
            if ".." not in name:
                pixels = rng.integers(0, 255, (40, 40), dtype=np.uint8)
                Image.fromarray(pixels).save(self.root / name)
        return self.root


@pytest.fixture
def folder(tmp_path):
    def make(name, rows, *columns):
        return Folder(tmp_path / name).write(rows, *columns)

    return make


def rows_of(labels, count=40):
    return [(f"{i}.png", labels[i % len(labels)], f"p{i}") for i in range(count)]


@pytest.fixture
def good(folder):
    return folder("good", rows_of(TWO))


@pytest.fixture
def refused(greendapt, tiny, tmp_path):
    """Runs bench, which must refuse; gives what it said on stderr behind the program's name."""

    def run(*arguments, suite=tiny):
        done = greendapt("bench", "--suite", suite, "--out", tmp_path / "runs", *arguments)
        assert done.code == 2, done.err
        assert done.out == ""
        assert "Traceback" not in done.err
        assert not (tmp_path / "runs").exists()
        return done.err.split("greendapt: ", 1)[1].strip()

    return run


@pytest.fixture
def refused_data(refused, good):
    """The same with datasets; what is not given is a good one."""

    def run(pool=good, development=good, external=()):
        given = [f"pool={pool}", f"development={development}", *(f"external={e}" for e in external)]
        return refused(*(part for one in given for part in ("--data", one)))

    return run


# --- flags ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--seeds", "0"],
            "run.seeds: should be a number from 1 to 1000, or a range such as { from = 3",
        ),
        (["--seeds", "many"], "--seeds many: give how many, such as 5, or 3..20"),
        (["--shots", "x"], "--shots x: give images per class or 'full'"),
        (["--shots", "0"], "run.shots.0: should be greater than or equal to 1 (is 0)"),
        (["--image-size", "1"], "model.image_size: should be greater than or equal to 16 (is 1)"),
        (["--region", "XX"], "carbon.region: should be three capital letters"),
        (["--region", "UK"], "did you mean GBR (United Kingdom)?"),
        (["--region", "California"], "did you mean USA-CA (California)?"),
        (["--region", "ZZZ"], "region 'ZZZ' is not a country code"),
        (["--intensity", "-1"], "carbon.intensity_g_per_kwh: should be 0 or more gCO2e/kWh"),
        (["--pue", "0.5"], "carbon.pue: should be greater than or equal to 1 (is 0.5)"),
        (["--set", "nonsense"], "--set nonsense: write KEY=VALUE"),
        (["--set", "run.seedz=3"], "run.seedz: unknown key; did you mean seeds?"),
        (["--set", "run.fast_step=x"], "step: should be true, false or 'compiled' (is 'x')"),
        (["--data", "nonsense"], "--data nonsense: write pool=DIR"),
        (["--data", "pool="], "--data pool=: write pool=DIR"),
        (["--profile", "nope"], "there is no profile 'nope' (there is: default, long)"),
        (["--strategies", "nope"], "run.strategies: there is no 'nope' (there is: none, full"),
        (["--strategies", ","], "run.strategies"),
        (["--transfers", "nope"], "run.transfers: there is no 'nope'"),
        (
            ["--device", "tpu"],
            "run.device: should be 'auto', 'cpu', 'cuda', 'xpu' or 'mps' (is 'tpu')",
        ),
        (["--backbone", "test_resnt"], "no model 'test_resnt'; did you mean test_resnet"),
        (["--backbone", "tnt_s_patch16_224"], "'tnt_s_patch16_224' runs only as a whole"),
        (["--nope"], "No such option: --nope"),
        (["--set", "strategy.full.cut=9"], "cut = 9: 'test_resnet' has 4 stages"),
        (["--set", 'phase.adapt.train="last:99"'], "'test_resnet' has 4 blocks and a stem"),
        (["--set", 'phase.adapt.train="most"'], "phase.adapt.train: 'most' is not 'head'"),
        (["--set", 'phase.adapt.train=["stage9"]'], "'test_resnet' has no stage9"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_flags(refused, arguments, said):
    answer = refused(*arguments)
    assert said in answer
    assert "\n" not in answer


def test_no_cuda(refused, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert refused("--device", "cuda") == (
        "--device cuda: torch sees no CUDA device; take --device cpu"
    )


@pytest.mark.parametrize(("device", "name"), [("xpu", "Intel GPU"), ("mps", "Apple GPU")])
def test_no_other_gpu(refused, monkeypatch, device, name):
    from greendapt.meter import devices

    monkeypatch.setitem(devices.IS_AVAILABLE, device, lambda _: False)
    assert refused("--device", device) == (
        f"--device {device}: torch sees no {name}; take --device cpu"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no file"),
        (b"hello", "is not a whole safetensors file"),
        (pickle.dumps({"weight": 1}), "is not a whole safetensors file"),
    ],
    ids=["missing", "text", "pickle"],
)
def test_weights_files(refused, tmp_path, content, said):
    path = tmp_path / "weights.safetensors"
    if content is not None:
        path.write_bytes(content)
    answer = refused("--weights", path)
    assert said in answer
    assert str(path) in answer


def test_a_checkpoint_of_another_network(refused, tmp_path):
    """With a table; the file's path is the user's own."""
    path = tmp_path / "resnet.pth"
    state = {f"module.layer{i}.weight": torch.ones(2) for i in range(200)}
    torch.save({"state_dict": state}, path)
    first, *table = refused("--weights", path).splitlines()
    assert first.startswith(f"weights: {path} does not fit the backbone; the nearest reading of")
    assert [line.split("  ")[1] for line in table] == ["missing", "left over"]


# --- suite files ------------------------------------------------------------------------------


@pytest.fixture
def changed(tiny, tmp_path):
    def write(old, new):
        text = tiny.read_text()
        assert old in text
        path = tmp_path / "own.toml"
        path.write_text(text.replace(old, new))
        return path

    return write


def test_unknown_suite(refused):
    assert (
        refused(suite="chestxry")
        == "--suite: there is no suite 'chestxry'; did you mean chestxray?"
    )
    assert "there is no file" in refused(suite="nowhere/own.toml")


def test_not_toml(refused, changed):
    answer = refused(suite=changed("schema = 1", "schema = "))
    assert "own.toml: not valid TOML" in answer
    assert "line 2" in answer


def test_a_cycle(refused, changed):
    path = changed(
        "[strategy.none]", '[strategy.none]\n[strategy.a]\nbase = "b"\n[strategy.b]\nbase = "a"'
    )
    answer = refused(suite=path)
    assert "strategy.a.base: a cycle, a -> b -> a" in answer


def test_all_problems_at_once_with_file_and_key(refused, changed):
    path = changed(
        'hospital = "b"\nimages = 40',
        'hospital = "c"\nimagez = 40',
    )
    answer = refused("--strategies", "nope", "--seeds", "0", "--shots", "0", suite=path).split("\n")
    assert answer[0] == f"{path}: 5 problems:"
    assert {line.strip().split(":")[0] for line in answer[1:]} == {
        "run.seeds",
        "run.shots.0",
        "data.external.b.hospital",
        "data.external.b.imagez",
        "run.strategies",
    }


# --- data -------------------------------------------------------------------------------------


def test_missing_folder(refused_data, tmp_path):
    answer = refused_data(pool=tmp_path / "nowhere")
    assert (
        answer == f"pool: the dataset folder {tmp_path / 'nowhere'} does not exist; check the path"
    )


def test_no_label_column(refused_data, folder):
    rows = [(f"{i}.png", TWO[i % 2]) for i in range(30)]
    path = folder("unnamed", rows, ("image", "diagnosis"))
    assert f"{path} has no label column 'label'; it has: image, diagnosis" in refused_data(
        development=path
    )


def test_a_truncated_image_in_each_dataset(refused_data, folder):
    paths = [folder(name, rows_of(TWO)) for name in ("one", "two")]
    for path in paths:
        image = path / "3.png"
        image.write_bytes(image.read_bytes()[: image.stat().st_size // 2])
    answer = refused_data(pool=paths[0], development=paths[1]).split("\n")
    assert [line.split(":")[0] for line in answer] == ["pool", "development"]
    assert all("3.png (image file is truncated)" in line for line in answer)


def test_a_path_that_leaves_the_folder(refused_data, folder):
    path = folder("leaves", [("../good/0.png", "ill", "x"), *rows_of(TWO)])
    assert "1 paths leave the dataset folder" in refused_data(development=path)


def test_a_class_that_development_lacks(refused_data, folder):
    path = folder("more", rows_of(("ill", "well", "odd")))
    answer = refused_data(external=[path])
    assert "development has no class 'odd' (it has: ill, well)" in answer


def test_one_class_only(refused_data, folder):
    path = folder("single", rows_of(("ill",)))
    assert "every image is 'ill'; at least two classes are needed" in refused_data(development=path)


def test_an_empty_split(refused_data, folder):
    rows = [(*row, "train") for row in rows_of(TWO)]
    path = folder("empty", rows, ("image", "label", "patient_id", "split"))
    assert "the split 'test' is empty" in refused_data(development=path)


def test_a_patient_in_two_splits(refused_data, folder):
    rows = [
        (f"{i}.png", TWO[i % 2], f"p{i // 2}", ("train", "test", "val")[i % 3]) for i in range(30)
    ]
    path = folder("twice", rows, ("image", "label", "patient_id", "split"))
    assert "15 patients are in more than one split: p0 (test, train)" in refused_data(
        development=path
    )


def test_a_supervised_phase_on_an_unlabelled_pool(refused_data, folder):
    path = folder("bare", [(f"{i}.png",) for i in range(30)], ("image",))
    answer = refused_data(pool=path)
    assert "--set phase.head.objective=simclr --set phase.adapt.objective=simclr" in answer


# --- runs -------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["resume", "report"])
def test_a_folder_that_is_no_run(greendapt, tmp_path, command):
    for path in (tmp_path, tmp_path / "nowhere"):
        done = greendapt(command, path)
        assert done.code == 2
        assert done.out == ""
        assert done.err.startswith(f"greendapt: {path} is no")
        assert done.err.count("\n") == 1


def test_no_permission(greendapt, tiny, tmp_path):
    (tmp_path / "file").write_text("")
    done = greendapt("bench", "--suite", tiny, "--out", tmp_path / "file" / "runs")
    assert done.code == 2
    assert done.out == ""
    last = done.err.splitlines()[-1]
    assert last.startswith(f"greendapt: cannot write {tmp_path / 'file' / 'runs'}: Not a directory")


def test_debug_anywhere_shows_the_traceback(greendapt, tiny):
    for arguments in (
        ("--debug", "bench", "--suite", tiny, "--seeds", "0"),
        ("bench", "--debug", "--suite", tiny, "--seeds", "0"),
        ("report", "nowhere", "--debug"),
    ):
        done = greendapt(*arguments)
        assert done.code == 2
        assert "Traceback" in done.err
