"""A package that adds one of everything: listed, used, and held to its contracts."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

SAMPLE = Path(__file__).parents[1] / "sample_plugin"


def test_each_is_listed_with_its_package(shell, sample, entry_points):
    done = shell("plugins", "--json", env=sample())
    assert (done.code, done.err) == (0, "")
    registries = {one["group"]: one["names"] for one in json.loads(done.out)["registries"]}
    for group, points in entry_points.items():
        plugins = {one["name"]: one for one in registries[group] if one["package"]}
        for name, target in points.items():
            listed = {"name": name, "package": "sample-plugin", "target": target, "problem": ""}
            assert plugins[name] == listed
        assert [one for one in registries[group] if not one["package"]]


def test_a_broken_one_is_a_sentence(shell, sample, entry_points):
    broken = ("no_such_module:it", "json:dumps", "sample_plugin:nothing")
    done = shell("plugins", env=sample(*broken))
    assert (done.code, done.err) == (0, "")
    unseen = 1  # json.dumps is a function, as an executor is: wrong only where it is called
    assert done.out.count("    ! the ") == len(broken) * len(entry_points) - unseen
    for number, target in enumerate(broken):
        assert f"'broken{number}' of sample-plugin ({target})" in done.out
    assert "Traceback" not in done.out


def test_a_run_uses_them(shell, sample, tiny, tmp_path, only_run):
    suite = tmp_path / "tiny.toml"
    stop = '[phase.adapt.stop]\nrule = "looks"\nmost = 2\non = "spread"\nimages = 40\n'
    text = tiny.read_text(encoding="utf-8")
    suite.write_text(text.replace("[strategy.none]", f"{stop}[strategy.none]"), encoding="utf-8")
    changes = ("--set", 'evaluation.corruptions=["veil"]', "--set", "phase.adapt.train=early:3")
    arguments = ("--strategies", "none,full", "--out", tmp_path, "--executor", "one_process")
    done = shell("bench", "--suite", suite, *arguments, *changes, env=sample())
    assert done.code == 0, done.err
    run = only_run(tmp_path)
    rows = json.loads((run / "summary.json").read_text(encoding="utf-8"))["rows"]
    for row in rows:
        assert all(name.startswith("veil") for name in row["metrics"]["corrupted"]["by"])
    lines = (run / "records.jsonl").read_text(encoding="utf-8").splitlines()
    (phase,) = (r for r in map(json.loads, lines) if "early:3" in r["title"])
    assert len(phase["details"]["looks"]) == 2
    assert all(look["score"] is not None for look in phase["details"]["looks"])
    memory = phase["figures"]["energy_dram_j"]
    assert (memory["source"], memory["value"] > 0) == ("2 W, made up", True)
    done = shell("report", run, "--format", "words", env=sample())
    assert done.out == f"{run / 'report.words.txt'}\n"
    headline = (run / "report.words.txt").read_text(encoding="utf-8").strip()
    assert headline in (run / "report.md").read_text(encoding="utf-8").replace("\\", "")


def test_what_is_not_installed_is_refused_in_a_sentence(shell, tiny, tmp_path):
    changes = ("--set", 'evaluation.corruptions=["veil"]')
    done = shell("bench", "--suite", tiny, "--out", tmp_path, *changes)
    assert done.code == 2
    assert "no corruption has that name" in done.err


def test_they_pass_the_contracts(sample):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "contracts.py"]
    done = subprocess.run(
        [*command, "--rootdir", str(SAMPLE), "--import-mode=importlib", "-c", "/dev/null"],
        cwd=SAMPLE,
        env=sample(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
