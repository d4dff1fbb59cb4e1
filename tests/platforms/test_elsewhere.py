"""What runs on Windows and macOS, as far as a Linux can tell: without what these do not have."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HERE = Path(__file__).parent

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    rows = ["image,label,patient_id"]
    for i in range(60):
        pixels = np.random.default_rng(i).integers(0, 200, (40, 40)) + 55 * (i % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.png")
        rows.append(f"{i}.png,{'ab'[i % 2]},p{i}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Runs commands in one process of a poorer system; gives how each ended."""
    folder = tmp_path_factory.mktemp("elsewhere")

    def run(*commands):
        words = json.dumps([[str(word) for word in command] for command in commands])
        done = subprocess.run(
            [sys.executable, HERE / "elsewhere.py", words],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return [*zip(commands, json.loads(done.stdout.splitlines()[-1]), strict=True)]

    return run


def test_a_bench_and_all_that_reads_it(elsewhere, tiny, images, tmp_path, only_run):
    own = [f"--data=pool={images}", f"--data=development={images}", "--allow-leaks"]
    bench = ["bench", "--suite", tiny, "--strategies=none,full", "--weights=fractal", *own]
    for command, (code, out, said) in elsewhere(
        [*bench, "--out", tmp_path / "runs"],
        ["data", "audit", images],
        ["plan", "--suite", tiny, "--device", "h100"],
        ["doctor"],
    ):
        assert code in ((0, 1) if "audit" in command else (0,)), f"{command}: {said}"
        assert out
    first = only_run(tmp_path / "runs")
    second = shutil.copytree(first, tmp_path / "second")
    (second / "summary.json").unlink()
    ended = elsewhere(
        ["report", second],
        ["resume", second],
        ["report", first, "--format=html,md,csv,terminal"],
        ["baseline", first, "--out", tmp_path / "baseline.toml"],
        ["check", second, "--baseline", tmp_path / "baseline.toml", "--tiers=exact,accuracy"],
        ["compare", first, second],
    )
    for command, (code, _, said) in ended:
        assert code == 0, f"{command}: {said}"
    assert "reused" in ended[1][1][2]
    records = [json.loads(line) for line in (first / "records.jsonl").read_text().splitlines()]
    assert all(one["figures"]["wall_s"]["value"] > 0 for one in records)


def test_a_run_of_another_system_goes_on(elsewhere, greendapt, tiny, tmp_path, only_run):
    """Its lock file and those in the cache do not look held."""
    out = tmp_path / "runs"
    assert greendapt("bench", "--suite", tiny, "--weights=fractal", "--out", out).code == 0
    run = only_run(out)
    assert (run / ".lock").exists()
    (run / "summary.json").unlink()
    ((_, (code, _, said)),) = elsewhere(["resume", run])
    assert code == 0, said
    assert (run / "summary.json").exists()
