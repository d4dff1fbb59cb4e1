"""A suite's own code: refused unasked, run where it is trusted, part of what decides a stage."""

import json

import pytest

from greendapt.core import own_code

CODE = """
from pathlib import Path

import numpy as np
import torch
from torch import nn

Path(__file__).with_name("ran").touch()


class Net(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, 8, 3, 2, 1), nn.BatchNorm2d(8), nn.ReLU())
        self.layer1 = nn.Sequential(nn.Conv2d(8, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU())
        self.layer2 = nn.Sequential(nn.Conv2d(16, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU())

    def forward(self, x):
        return self.layer2(self.layer1(self.stem(x))).mean((2, 3))


def build(image_size, channels):
    return Net(channels)


def dim(image, generator):
    return image * (0.5 + 0.5 * torch.rand((), generator=generator))


def squared(logits, targets):
    return (logits.softmax(1) - nn.functional.one_hot(targets, logits.shape[1])).square().mean()


def patterns():
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    images = rng.integers(0, 60, (90, 32, 32)) + 60 * labels[:, None, None]
    return {"images": images.astype(np.uint8), "labels": labels, "classes": ["a", "b", "c"]}
"""
OWN = """
[own.{net}]
kind = "network"
code = "my_code:build"
units = ["stem", "layer1", "layer2"]
[own.my_dim]
kind = "augmentation"
code = "my_dim:dim"
"""


@pytest.fixture
def own(tiny, tmp_path):
    """``own(NAME)``: a suite with a network of that name and an augmentation of its own."""

    def write(name, code=CODE):
        folder = tmp_path / "suites"
        folder.mkdir(exist_ok=True)
        (folder / "my_code.py").write_text(code)
        (folder / "my_dim.py").write_text(CODE)
        text = tiny.read_text().replace("test_resnet", name) + OWN.format(net=name)
        path = folder / "own.toml"
        path.write_text(text.replace("[phase.adapt]", '[phase.adapt]\naugmentation = "my_dim"'))
        return path

    return write


def records(run):
    lines = (run / "records.jsonl").read_text().splitlines()
    return {one["key"]: one for one in map(json.loads, lines)}


def test_nothing_of_it_runs_unasked(greendapt, own, tmp_path):
    suite = own("unasked_net")
    for command in ("bench", "plan", "recommend"):
        done = greendapt(command, "--suite", suite)
        assert done.code == 2, done.err
        assert done.err.count("\n") == 1
        assert str(suite.parent / "my_code.py") in done.err
        assert "own.my_dim" in done.err
        assert "--trust" in done.err
    assert greendapt("plan", "--suite", suite, "--device", "h100").code == 2
    assert not (suite.parent / "ran").exists()
    assert not (tmp_path / "runs").exists()


def test_a_trusted_run_is_read_without_its_code(greendapt, own, only_run, tmp_path, monkeypatch):
    suite = own("trusted_net")
    out = tmp_path / "out"
    done = greendapt("bench", "--suite", suite, "--trust", "--out", out)
    assert done.code == 0, done.err
    run, ran = only_run(out), suite.parent / "ran"
    info = json.loads((run / "run.json").read_text())
    assert info["own"].keys() == {"trusted_net", "my_dim"}
    assert all(len(digest) == 64 for digest in info["own"].values())
    assert {row["backbone"] for row in json.loads((run / "summary.json").read_text())["rows"]} == {
        "trusted_net"
    }
    ran.unlink()
    monkeypatch.setattr(own_code, "_LOADED", {})  # as in another process
    for file in ("my_code.py", "my_dim.py"):
        (suite.parent / file).write_text("raise SystemExit('it ran')")
    for command in ("report", "recommend"):
        assert greendapt(command, run).code == 0
    assert greendapt("resume", run).code == 2
    assert not ran.exists()
    exported = greendapt("export", run, "--strategy", "full")
    assert exported.code == 2
    assert "a network of the suite's own" in exported.err


def test_stages_of_changed_code_run_anew_and_no_others(greendapt, own, only_run, tmp_path):
    suite, out = own("changed_net"), tmp_path / "out"
    assert greendapt("bench", "--suite", suite, "--trust", "--out", out).code == 0
    run = only_run(out)
    before = records(run)
    (suite.parent / "my_dim.py").write_text(CODE.replace("0.5 + 0.5", "0.4 + 0.6"))
    done = greendapt("resume", run, "--trust")
    assert done.code == 0, done.err
    assert "runs again, its data, weights or own code changed" in done.err
    titles = {one["title"] for key, one in records(run).items() if key not in before}
    assert "changed_net phase 2 (all, 2 epochs)" in titles
    assert "changed_net phase 1 (head, 2 epochs)" not in titles
    assert not any(title.startswith("features of none") for title in titles)
    own_now = json.loads((run / "run.json").read_text())["own"]
    other = greendapt("bench", "--suite", own("changed_net", CODE + "\n"), "--trust", "--out", out)
    assert other.code == 2
    assert "another network of that name" in other.err
    assert len(own_now) == 2


def test_a_dataset_and_a_loss_of_ones_own_run_beside_what_is_built_in(
    greendapt, own, only_run, tmp_path
):
    suite, out = own("plain_net"), tmp_path / "out"
    mine = "{source='own', name='patterns'}"
    arguments = (
        *("bench", "--suite", suite, "--trust", "--out", out, "--backbone", "test_resnet"),
        *("--strategies", "none,partial", "--transfers", "probe,finetune", "--allow-leaks"),
        *("--set", f"data.development={mine}", "--set", f"data.pool={mine}"),
        *("--set", "transfer.finetune.loss=squared"),
    )
    text = suite.read_text().replace("[data.external.b]", "[data.pools.b.data]")
    text += "[own.patterns]\nkind = 'dataset'\ncode = 'my_code:patterns'\n"
    suite.write_text(text + "[own.squared]\nkind = 'loss'\ncode = 'my_code:squared'\n")
    bad = greendapt(*arguments, "--set", "phase.head={loss='squared', objective='simclr'}")
    assert bad.code == 2
    assert "loss = 'squared' needs objective = 'supervised'" in bad.err
    done = greendapt(*arguments, "--set", "phase.head.loss=squared")
    assert done.code == 0, done.err
    rows = json.loads((only_run(out) / "summary.json").read_text())["rows"]
    assert len(rows) == 4
    suite.write_text(text + "[own.squared]\nkind = 'loss'\ncode = 'my_dim:squared'\n")
    away = greendapt(*arguments[:3], *arguments[4:], "--set", "own.my_dim.code=my_code:dim")
    assert away.code == 2
    assert f"{tmp_path / 'my_code.py'} (own.my_dim)" in away.err  # --set counts from where we are


@pytest.mark.e2e
def test_workers_run_what_the_run_was_allowed_to(greendapt, own, only_run, tmp_path):
    suite, out = own("shared_net"), tmp_path / "out"
    done = greendapt(
        *("bench", "--suite", suite, "--trust", "--out", out, "--executor", "local"),
        *("--strategies", "full", "--device", "cpu"),
    )
    assert done.code == 0, done.err
    assert {one["status"] for one in records(only_run(out)).values()} == {"done"}


@pytest.mark.parametrize(
    ("name", "code", "says"),
    [
        ("bad_syntax", "x = 1\ndef build(:\n", "my_code.py, line 2: SyntaxError: "),
        ("bad_import", "\nimport my_other_file\n", "my_code.py, line 2: ModuleNotFoundError: "),
        ("bad_exit", "raise SystemExit('over')", "my_code.py, line 1: SystemExit: over"),
        ("bad_name", "def bild(): ...\n", "has no function 'build'; did you mean bild?"),
        ("bad_call", "def build(): ...\n", "TypeError: build() got an unexpected keyword"),
        ("bad_result", "def build(**_): return 3\n", "gives no torch.nn.Module"),
        (
            "bad_forward",
            CODE.replace("        return self.layer2", "        1 / 0\n        return self.layer2"),
            "my_code.py, line 19: ZeroDivisionError: division by zero",
        ),
        (
            "bad_units",
            CODE.replace("self.layer2(self.layer1(", "self.layer2(2 * self.layer1("),
            "do not give what the network's forward gives",
        ),
        ("bad_unit", CODE.replace("layer1", "block1"), "the network has no 'layer1'"),
    ],
)
def test_what_is_wrong_with_it_is_one_sentence(greendapt, own, name, code, says):
    done = greendapt("bench", "--suite", own(name, code), "--trust")
    assert done.code == 2
    last = done.err.splitlines()[-1]
    assert last.startswith(f"greendapt: own.{name}")
    assert says in last
    assert "Traceback" not in done.err


def test_an_augmentation_that_fails_fails_its_cells(greendapt, own, tmp_path, only_run):
    suite, out = own("steady_net"), tmp_path / "out"
    (suite.parent / "my_dim.py").write_text("def dim(image, generator):\n    return image[:, 1:]\n")
    done = greendapt("bench", "--suite", suite, "--trust", "--out", out)
    assert done.code == 4
    assert "own.my_dim: dim of my_dim.py gives [1, 31, 32] for an image [1, 32, 32]" in done.err
    summary = json.loads((only_run(out) / "summary.json").read_text())
    assert {row["strategy"] for row in summary["rows"]} == {"none"}


def test_a_mistake_in_the_suite_is_said_by_its_key(greendapt, own):
    suite = own("mistaken_net")
    for changes, says in (
        (("--set", "phase.adapt.augmentation=my_dimm"), "there is no augmentation 'my_dimm'"),
        (("--set", "own.my_dim.units=['a']"), "own.my_dim.units: only a network has units"),
        (("--set", "own.light={kind='augmentation', code='a:b'}"), "a built-in augmentation"),
        (("--set", "own.my_dim.code=my_dim"), "own.my_dim.code: "),
        (("--set", "data.pool={source='own', name='my_dim'}"), "there is no dataset 'my_dim'"),
        (("--set", "own.my_dim.folder=/"), "own.my_dim.folder: unknown key"),
    ):
        done = greendapt("bench", "--suite", suite, "--trust", *changes)
        assert done.code == 2
        assert says in done.err
    assert not (suite.parent / "ran").exists()
