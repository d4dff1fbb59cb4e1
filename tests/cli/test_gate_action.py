"""The action's own steps, run by bash in a repository with a change that costs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step.get("name", ""): step for step in ACTION["runs"]["steps"]}
NET = """
from torch import nn

class Net(nn.Module):
    def __init__(self, channels, width=8):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, width, 3, 4, 1), nn.ReLU())
        self.layer1 = nn.Sequential(nn.Conv2d(width, 8, 3, 2, 1), nn.ReLU())

    def forward(self, x):
        return self.layer1(self.stem(x)).mean((2, 3))

def build(image_size, channels):
    return Net(channels)
"""
SUITE = """
[own.net]
kind = "network"
code = "my_net:build"
units = ["stem", "layer1"]
"""
TEST = """
import torch

def test_product(carbon_benchmark):
    carbon_benchmark(torch.mm, torch.ones(4, SIZE), torch.ones(SIZE, 4))
"""


@pytest.fixture
def project(tiny, tmp_path, monkeypatch):
    """A repository with a suite of its own code and a test, both committed."""
    root = tmp_path / "project"
    root.mkdir()
    text = tiny.read_text(encoding="utf-8").replace('["test_resnet"]', '["net"]')
    (root / "costs.toml").write_text(text + SUITE, encoding="utf-8")
    (root / "my_net.py").write_text(NET, encoding="utf-8")
    (root / "test_costs.py").write_text(TEST.replace("SIZE", "8"), encoding="utf-8")
    monkeypatch.chdir(root)
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "Nets")
    return root


def git(*arguments):
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    done = subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def step(name, tmp_path, **inputs):
    """A step of action.yml with these inputs, as a runner would start it."""
    defaults = {key: one["default"] for key, one in ACTION["inputs"].items()}
    given = {f"${{{{ inputs.{key} }}}}": value for key, value in {**defaults, **inputs}.items()}
    given["${{ github.event.pull_request.base.sha }}"] = git("rev-parse", "HEAD")
    given["${{ runner.temp }}/greendapt-out"] = str(tmp_path / "out")
    given["${{ github.token }}"] = "none"
    environ = {key: given[value] for key, value in STEPS[name]["env"].items()}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    runner = {
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_REF": "refs/heads/main",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]],
        env={**os.environ, **runner, **environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_wider_network_of_ones_own_is_a_regression_by_so_much(project, tmp_path):
    wider = NET.replace("width=8", "width=16")
    (project / "my_net.py").write_text(wider, encoding="utf-8")
    bench = "--strategies none,full --transfers probe --set evaluation.corruptions=[]"
    done = step("Judge", tmp_path, suite="costs.toml", bench=bench)
    assert done.returncode == 1, done.stdout + done.stderr
    told = step("Tell", tmp_path)
    assert told.returncode == 0, told.stderr
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith("### greendapt check: regression")
    assert "| cell | figure | base | head | difference | verdict |" in summary
    assert "| full | training FLOPs |" in summary
    assert (tmp_path / "out" / "junit.xml").exists()


def test_a_dearer_function_fails_by_the_plug_in(project, tmp_path):
    save = [sys.executable, "-m", "pytest", "-q", "--benchmark-disable", "--carbon-save=base.toml"]
    subprocess.run(save, cwd=project, check=True, capture_output=True)
    asked = {"tests": "test_costs.py", "baseline": "base.toml"}
    same = step("Judge", tmp_path, **asked)
    assert same.returncode == 0, same.stdout + same.stderr
    (project / "test_costs.py").write_text(TEST.replace("SIZE", "16"), encoding="utf-8")
    assert step("Judge", tmp_path, **asked).returncode == 1
    verdict = (tmp_path / "out" / "verdict.md").read_text(encoding="utf-8")
    assert verdict.startswith("### greendapt, tests: failed")
    assert "now costs 2x the training FLOPs of the baseline" in verdict


@pytest.mark.parametrize(
    ("inputs", "said"),
    [({}, "name a suite, or tests"), ({"tests": "test_costs.py"}, "tests need a baseline")],
)
@pytest.mark.usefixtures("project")
def test_what_is_not_said_is_asked_for(tmp_path, inputs, said):
    done = step("Judge", tmp_path, **inputs)
    assert done.returncode != 0
    assert said in done.stderr


def test_every_step_is_valid_shell_and_its_inputs_exist():
    for one in STEPS.values():
        if "run" in one:
            subprocess.run(["bash", "-n", "-c", one["run"]], check=True)
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    used = {part.split(" }}")[0].strip() for part in text.split("${{ inputs.")[1:]}
    assert used == set(ACTION["inputs"])
