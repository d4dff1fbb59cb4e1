"""The fixture carbon_benchmark in projects of others, with their own pytest."""

import json
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest
import torch

from greendapt.meter import Meter
from greendapt.pytest_plugin import call_costs
from greendapt.pytest_plugin.plugin_session import Session
from greendapt.run.environment import environment
from greendapt.store.baselines import Baseline, read_baseline, write_baseline

pytest_plugins = ["pytester"]

STEP = """
import os

import torch

BATCH = int(os.environ.get("BATCH", "4"))


def step(net, optimizer, images):
    loss = net(images).square().sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def test_step(carbon_benchmark):
    net = torch.nn.Linear(8, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0)
    assert carbon_benchmark(step, net, optimizer, images=torch.ones(BATCH, 8)) > 0
"""
FLOPS = 2 * (2 * 8 * 2)
"""Of one image: the product forward, and the weights' gradient."""
MORE = """

def test_sum(carbon_benchmark):
    assert carbon_benchmark(sum, [1, 2]) == 3
"""
QUICK = ("--benchmark-max-time=0.05", "--benchmark-min-rounds=5")
EXACT = ("--benchmark-disable",)
PLAIN = ("-p", "no:cacheprovider", "-W", "ignore::pytest.PytestAssertRewriteWarning")
INSTALLED = any(one.value == "greendapt.pytest_plugin" for one in entry_points(group="pytest11"))
LOADED = () if INSTALLED else ("-p", "greendapt.pytest_plugin")


@pytest.fixture(autouse=True, scope="module")
def _imported():
    """A pytest in this process forgets what it was first to import; torch cannot be imported twice.

    So all that a session imports late is imported here.
    """
    net = torch.nn.Linear(8, 2)
    optimizer = torch.optim.SGD(net.parameters())
    call_costs.counted(lambda: (net(torch.ones(1, 8)).sum().backward(), optimizer.step()))
    assert environment(torch.device("cpu"))
    assert Session.run
    Meter(device="auto").close()


@pytest.fixture(autouse=True)
def _one_process(monkeypatch):
    """Of the project under test, whoever runs these tests."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)


@pytest.fixture
def project(pytester, monkeypatch):
    """Runs the tests of a project in this process: what pytest printed, and how it ended."""
    monkeypatch.setattr(call_costs, "WINDOW_S", 0.01)
    pytester.makepyfile(test_it=STEP)

    def run(*options, batch=4):
        monkeypatch.setenv("BATCH", str(batch))
        return pytester.runpytest_inprocess(*LOADED, *PLAIN, *options)

    return run


@pytest.fixture
def altered(pytester):
    """``altered(change)``: the saved baseline with every spread of the one test changed."""

    def alter(change, key=lambda key: key):
        path = pytester.path / "base.toml"
        made = read_baseline(path)
        (cell,) = made.cells
        noisy = {
            key(machine): {name: change(one) for name, one in spreads.items()}
            for machine, spreads in cell.noisy.items()
        }
        machines = {key(machine): said for machine, said in made.machines.items()}
        cell = cell.model_copy(update={"noisy": noisy})
        write_baseline(path, made.model_copy(update={"machines": machines, "cells": (cell,)}))

    return alter


def test_the_costs_of_a_call_are_in_extra_info(project, pytester):
    done = project(*QUICK, "--benchmark-json=out.json")
    done.assert_outcomes(passed=1)
    (one,) = json.loads((pytester.path / "out.json").read_text())["benchmarks"]
    info = one["extra_info"]
    assert info["training_flops"]["value"] == 4 * FLOPS
    assert info["training_flops"]["source"] == "counted operations of a call"
    energy = info["energy_j"]
    assert energy["unit"] == "J"
    assert 0 < energy["value"] < 1000 * one["stats"]["max"]  # W
    assert energy["low"] is None or energy["low"] <= energy["value"] <= energy["high"]
    assert info["peak_memory_bytes"]["value"] > 2**20
    done.stdout.fnmatch_lines(["*carbon: a call costs*", "test_it.py::test_step: *, 256 FLOP, *"])


def test_a_rerun_passes_and_more_flops_fail(project, pytester):
    project(*EXACT, "--carbon-save=base.toml").assert_outcomes(passed=1)
    again = project(*EXACT, "--carbon-baseline=base.toml")
    again.assert_outcomes(passed=1, warnings=0)
    again.stdout.fnmatch_lines(["*256 FLOP; pass"])
    worse = project(*EXACT, "--carbon-baseline=base.toml", "--carbon-save=base.toml", batch=8)
    worse.assert_outcomes(failed=1)
    worse.stdout.fnmatch_lines(
        ["test_it.py::test_step now costs 2x the training FLOPs of the baseline (512 FLOP, was *"]
    )
    (cell,) = read_baseline(pytester.path / "base.toml").cells
    assert cell.exact == {"training_flops": 4 * FLOPS}  # what fails is not saved
    limit = "--carbon-limit=test_it.py::test_step/flops=100%"
    project(*EXACT, "--carbon-baseline=base.toml", limit, batch=8).assert_outcomes(passed=1)


def test_noisy_figures_are_judged_on_the_same_machine(project, altered, pytester):
    project(*QUICK, "--carbon-save=base.toml", "--benchmark-json=out.json")
    (cell,) = read_baseline(pytester.path / "base.toml").cells
    (spreads,) = cell.noisy.values()
    assert spreads["wall_s"].repeats >= 5
    assert spreads["peak_memory_bytes"].repeats == call_costs.WINDOWS
    (one,) = json.loads((pytester.path / "out.json").read_text())["benchmarks"]
    modelled = one["extra_info"]["energy_j"]["quality"] == "estimated"
    assert ("energy_j" in spreads) != modelled
    altered(lambda one: one.model_copy(update={"mean": one.mean * 1000, "spread": 0.001}))
    project(*QUICK, "--carbon-baseline=base.toml").assert_outcomes(passed=1, warnings=0)
    altered(lambda one: one.model_copy(update={"mean": one.mean / 1e6}))
    dearer = project(*QUICK, "--carbon-baseline=base.toml")
    dearer.assert_outcomes(failed=1)
    dearer.stdout.fnmatch_lines(["*peak memory x* above the +10% allowed*"])
    exact = project(*QUICK, "--carbon-baseline=base.toml", "--carbon-tiers=exact")
    exact.assert_outcomes(passed=1, warnings=0)


def test_what_cannot_be_judged_is_a_warning(project, altered, pytester):
    project(*QUICK, "--carbon-save=base.toml")
    altered(lambda one: one.model_copy(update={"repeats": 2}))
    few = project(*QUICK, "--carbon-baseline=base.toml")
    few.assert_outcomes(passed=1, warnings=1)
    few.stdout.fnmatch_lines(["*CarbonWarning: test_it.py::test_step time * (2 of 3 repeats*"])
    altered(lambda one: one, key=lambda key: key[::-1])
    elsewhere = project(*QUICK, "--carbon-baseline=base.toml")
    elsewhere.assert_outcomes(passed=1, warnings=1)
    elsewhere.stdout.fnmatch_lines(
        ["*CarbonWarning: time, energy and memory cannot be compared*", "*; void"]
    )
    pytester.makepyfile(test_it=STEP + MORE)
    new = project(*EXACT, "--carbon-baseline=base.toml")
    new.assert_outcomes(passed=2, warnings=1)
    new.stdout.fnmatch_lines(["*test_sum is not in base.toml: nothing is judged", "*; not judged"])


def test_what_was_not_measured_has_not_passed(project):
    project(*QUICK, "--carbon-save=base.toml")
    none = project(*EXACT, "--carbon-baseline=base.toml", "--carbon-tiers=noisy")
    none.assert_outcomes(passed=1, warnings=0)
    none.stdout.fnmatch_lines(["test_it.py::test_step: * not measured *; not judged"])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_asked_for_must_be_there(project):
    done = project("--carbon-device=cuda")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["ERROR: --carbon-device cuda: torch sees no GPU here"])


def test_saving_leaves_other_tests_and_other_machines(project, altered, pytester):
    project(*QUICK, "--carbon-save=base.toml")
    altered(lambda one: one, key=lambda _: "elsewhere")
    pytester.makepyfile(test_it=STEP + MORE)
    project(*EXACT, "-k", "sum", "--carbon-save=base.toml")
    both = read_baseline(pytester.path / "base.toml")
    assert [cell.name for cell in both.cells] == [
        ("test_it.py::test_step",),
        ("test_it.py::test_sum",),
    ]
    project(*QUICK, "-k", "step", "--carbon-save=base.toml")
    more = read_baseline(pytester.path / "base.toml")
    assert len(more.machines) == len(more.cells[0].noisy) == 2
    project(*EXACT, "-k", "step", "--carbon-save=base.toml", batch=8)
    changed = read_baseline(pytester.path / "base.toml")
    assert not changed.cells[0].noisy  # other work: what it took is no longer known
    assert not changed.machines


def test_under_xdist_flops_alone_are_judged_and_saved(project, pytester):
    pytester.makepyfile(test_it=STEP + MORE)
    project(*EXACT, "--carbon-save=base.toml")
    worse = project("-n1", "--carbon-baseline=base.toml", "--carbon-save=new.toml", batch=8)
    worse.assert_outcomes(passed=1, failed=1)
    worse.stdout.fnmatch_lines(["test_it.py::test_step: * not measured *512 FLOP; regression"])
    (cell,) = read_baseline(pytester.path / "new.toml").cells
    assert (cell.name, cell.noisy) == (("test_it.py::test_sum",), {})


def test_a_step_on_the_gpu_is_waited_for_and_its_memory_is_the_gpus(project, pytester):
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    pytester.makepyfile(
        test_it="""
        import torch

        def test_product(carbon_benchmark):
            a = torch.ones(4096, 4096, device="cuda")
            carbon_benchmark(torch.mm, a, a)
        """
    )
    project(*QUICK, "--benchmark-json=out.json").assert_outcomes(passed=1)
    (one,) = json.loads((pytester.path / "out.json").read_text())["benchmarks"]
    info = one["extra_info"]
    assert one["stats"]["min"] > info["training_flops"]["value"] / 2e15  # faster than any GPU
    assert info["peak_memory_bytes"]["source"] == "peak memory allocated by torch on the GPU"
    assert info["peak_memory_bytes"]["value"] >= 2 * 4 * 4096**2
    assert "gpu measured" in info["energy_j"]["source"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--carbon-baseline=no.toml"], "--carbon-save writes it"),
        (["--carbon-baseline=test_it.py"], "test_it.py, line 1: no baseline"),
        (["--carbon-baseline=suite.toml"], "is of suite tiny, not of tests"),
        (["--carbon-save=no/base.toml"], "there is no folder no"),
        (["--carbon-limit=energy"], "--carbon-limit energy: write FIGURE=VALUE"),
        (["--carbon-limit=energy=5"], "write a percentage, such as 5%"),
        (["--carbon-tiers=all"], "--carbon-tiers all: 'all' is not a valid Tier"),
    ],
    ids=["absent", "no baseline", "of a suite", "no folder", "no limit", "no percent", "no tier"],
)
def test_bad_options_end_before_any_test(project, pytester, options, said):
    other = Baseline(schema=2, suite="tiny", profile="", data="")
    write_baseline(pytester.path / "suite.toml", other)
    done = project(*options)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert said in done.stderr.str()


def test_without_pytest_benchmark_there_is_one_clear_error(project):
    done = project("-p", "no:benchmark")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(
        ["the fixture carbon_benchmark needs pytest-benchmark: pip install *"]
    )
    asked = project("-p", "no:benchmark", "--carbon-save=base.toml")
    assert asked.ret == pytest.ExitCode.USAGE_ERROR
    asked.stderr.fnmatch_lines(["ERROR: the options --carbon-... need pytest-benchmark: *"])


def test_loading_the_plug_in_imports_nothing_heavy():
    heavy = ("torch", "numpy", "scipy", "pydantic", "codecarbon", "pytest_benchmark")
    code = (
        f"import sys, greendapt.pytest_plugin\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_pytest_finds_the_plug_in_by_its_entry_point():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {"greendapt": "greendapt.pytest_plugin"}


@pytest.mark.e2e
def test_a_foreign_project_gates_its_own_training_step(tmp_path, monkeypatch):
    (tmp_path / "test_step.py").write_text(STEP)
    monkeypatch.setenv("PY_COLORS", "0")

    def run(*options, batch="4"):
        monkeypatch.setenv("BATCH", batch)
        command = [sys.executable, "-m", "pytest", "-q", *LOADED, *QUICK, *options]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    saved = run("--carbon-save", "costs.toml")
    assert saved.returncode == 0, saved.stdout + saved.stderr
    assert "saved to costs.toml: 1 test\n" in saved.stdout
    noise = ("--carbon-limit", "time=900%", "--carbon-limit", "memory=50%")
    again = run("--carbon-baseline", "costs.toml", *noise)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "; pass\n" in again.stdout
    doubled = run("--carbon-baseline", "costs.toml", "--carbon-tiers", "exact", batch="8")
    assert doubled.returncode == 1
    assert "test_step.py::test_step now costs 2x the training FLOPs" in doubled.stdout
