"""``greendapt bench``: what a run prints, leaves and computes, end to end."""

import csv
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.e2e

COSTS = {"wall_s": "s", "energy_j": "J", "carbon_g": "g", "training_flops": "FLOP"}
COSTS |= {"peak_memory_bytes": "byte"}


@pytest.fixture
def bench(greendapt, tiny, tmp_path):
    """Runs the tiny suite with --json; gives the summary (and the folder under ``run``)."""

    def run(*arguments, suite=tiny, code=0):
        out = tmp_path / "runs"
        done = greendapt("bench", "--suite", suite, "--out", out, "--json", *arguments)
        assert done.code == code, done.err
        said = json.loads(done.out)
        assert said.keys() == {"run", "summary"}
        return {**said["summary"], "run": Path(said["run"]), "stderr": done.err}

    return run


@pytest.fixture
def finished(finished_run):
    """The summary of the tiny suite."""
    return json.loads((finished_run / "summary.json").read_text(encoding="utf-8"))


def metrics(summary):
    return {
        (r["strategy"], r["backbone"], r["seed"], r["transfer"], r["shots"]): r["metrics"]
        for r in summary["rows"]
    }


def test_json_is_the_summary_and_nothing_else(bench):
    said = bench()
    stored = json.loads((said["run"] / "summary.json").read_text(encoding="utf-8"))
    assert stored == {key: said[key] for key in stored}
    assert said["schema"] == 2
    assert said["synthetic"] is True
    assert [row["strategy"] for row in said["rows"]] == ["none", "full", "partial"]
    for row in said["rows"]:
        for name, unit in COSTS.items():
            figure = row[name]
            assert figure["unit"] == unit
            assert figure["source"]
            assert (figure["value"] is None) == (figure["quality"] == "unavailable")
        for measured in (row["metrics"]["development"], row["metrics"]["external"]["b"]):
            assert 0 <= measured["auc_low"] <= measured["auc"] <= measured["auc_high"] <= 1
        assert 0 <= row["metrics"]["corrupted"]["auc"] <= 1
        assert isinstance(row["on_front"], bool)
    none, full, partial = said["rows"]
    assert any(row["on_front"] for row in said["rows"])
    flops = [row["training_flops"]["value"] for row in (none, partial, full)]
    assert flops == sorted(flops)
    assert {path.name for path in said["run"].iterdir()} >= {
        "run.json", "records.jsonl", "summary.json", "checkpoints",
        "report.html", "report.md", "report.svg",
    }  # fmt: skip


def test_without_json_a_table_and_the_path_of_the_report(greendapt, tiny, tmp_path, only_run):
    done = greendapt(
        "bench", "--suite", tiny, "--out", tmp_path / "runs", "--strategies", "none,full"
    )
    assert done.code == 0, done.err
    run = only_run(tmp_path / "runs")
    assert f"html  {run}/report.html" in done.out.splitlines()
    assert re.search(r"full +0\.\d+", done.out)
    first, second, *_ = done.err.splitlines()
    assert first == "tiny: 2 strategies with test_resnet; torch is loading"
    assert second.startswith("reading the data")
    numbered = re.findall(r"^\[(\d+)/(\d+)\]", done.err, flags=re.MULTILINE)
    assert [int(number) for number, _ in numbered] == [*range(1, int(numbered[0][1]) + 1)]


def test_options_choose_what_runs(bench):
    said = bench(
        "--strategies", "none,full", "--seeds", "2", "--shots", "3,full", "--transfers",
        "probe,finetune", "--set", "evaluation.bootstrap=120", "--set", "phase.adapt.epochs=1",
        "--region", "FRA", "--pue", "1.2",
    )  # fmt: skip
    wanted = {
        (strategy, "test_resnet", seed, transfer, shots)
        for strategy in ("none", "full")
        for seed in (0, 1)
        for transfer in ("probe", "finetune")
        for shots in (3, "full")
    }
    assert metrics(said).keys() == wanted
    assert len(said["rows"]) == len(wanted)
    run = json.loads((said["run"] / "run.json").read_text(encoding="utf-8"))
    assert run["suite"]["evaluation"]["bootstrap"] == 120
    assert run["suite"]["phase"]["adapt"]["epochs"] == 1
    assert run["grid"]["pue"] == 1.2
    assert not run["grid"]["flagged"]


def test_several_backbones(bench):
    said = bench("--backbone", "test_resnet,test_vit", "--strategies", "partial")
    assert [row["backbone"] for row in said["rows"]] == ["test_resnet", "test_vit"]


def test_a_prefix_cache_changes_no_metric_by_more_than_1e_4(bench, finished):
    cached, uncached = metrics(finished), metrics(bench("--no-prefix-cache", "--device", "cpu"))
    assert cached.keys() == uncached.keys()
    # other batches, other roundings: far too small to change the order of these few scores
    for cell, one in cached.items():
        for part in ("development", "corrupted"):
            assert one[part]["auc"] == pytest.approx(uncached[cell][part]["auc"], abs=1e-4)


def test_two_runs_give_the_same_metrics(bench, finished):
    cell = "full", "test_resnet", 0, "probe", "full"
    again = bench("--strategies", "full", "--device", "cpu")
    assert json.dumps(metrics(finished)[cell]) == json.dumps(metrics(again)[cell])


def test_generic_weights_are_made_once_and_their_cost_is_sunk(bench, monkeypatch, tmp_path):
    monkeypatch.setenv("GREENDAPT_CACHE", str(tmp_path / "cache"))
    flags = ("--weights", "fractal", "--strategies", "none")
    first, second = bench(*flags), bench(*flags)
    assert first["sunk"]["training_flops"]["value"] > 0
    assert second["sunk"] == first["sunk"]
    assert metrics(first) == metrics(second)
    assert first["rows"][0]["training_flops"]["value"] < first["sunk"]["training_flops"]["value"]


def test_a_failed_cell_leaves_the_others_and_is_named(bench, greendapt):
    said = bench("--strategies", "none,bad,full", code=4)
    assert [row["strategy"] for row in said["rows"]] == ["none", "full"]
    (failure,) = said["failures"]
    assert failure["strategy"] == "bad"
    assert "Diverged" in failure["error"]
    assert said["stderr"].splitlines()[-1].startswith("greendapt: 1 of 3 cells failed")
    for name in ("report.html", "report.md"):
        assert "Diverged" in (said["run"] / name).read_text(encoding="utf-8")
    again = greendapt("resume", said["run"])
    assert again.code == 4
    assert "runs again, it failed before" in again.err
    assert again.err.count("reused, done") == 11  # four of none, seven of full
    assert again.err.count("left out, a stage before failed") == 4


def test_training_that_can_never_learn_fails_its_cell_with_a_sentence(bench):
    """Random weights behind batch-norm scales that are 0 and stay so."""
    said = bench("--strategies", "none,partial", "--set", "phase.adapt.batch_norm=frozen", code=4)
    assert [row["strategy"] for row in said["rows"]] == ["none"]
    (failure,) = said["failures"]
    assert failure["strategy"] == "partial"
    assert "DeadTraining: no gradient reaches layer4.0.conv1.weight" in failure["error"]
    assert 'set batch_norm = "affine" or "train"' in failure["error"]
    assert said["stderr"].splitlines()[-1].startswith("greendapt: 1 of 2 cells failed")


def test_fewer_images_than_shots_is_noted(bench):
    said = bench("--strategies", "none", "--shots", "999")
    assert any("Development has fewer than 999 training images" in note for note in said["notes"])


def unlabelled(folder, count):
    """Images of noise, and nothing else."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        image = Image.fromarray(rng.integers(0, 255, (32, 32), dtype=np.uint8))
        image.save(folder / f"{number}.png")
    return folder


def test_simclr_on_a_pool_without_labels(bench, tmp_path):
    pool = unlabelled(tmp_path / "pool", 40)
    with (pool / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image",), *((f"{n}.png",) for n in range(40))])
    said = bench(
        "--data", f"pool={pool}", "--strategies", "none,full",
        "--set", "phase.adapt.augmentation=light",
        "--set", "phase.head.objective=simclr", "--set", "phase.adapt.objective=simclr",
    )  # fmt: skip
    none, full = metrics(said).values()
    assert none != full


def test_masked_images_and_a_teacher_on_a_folder_of_images_and_nothing_else(bench, tmp_path):
    pool = unlabelled(tmp_path / "pool", 30)
    taught = '{ name = "dino", local_views = 1, hidden = 16, bottleneck = 8, outputs = 16 }'
    taught = f'{{ use = "adapt", objective = {taught}, select = "last" }}'
    said = bench(
        "--data", f"pool={pool}", "--strategies", "none,masked,taught",
        "--backbone", "test_resnet,test_vit", "--set", "evaluation.corruptions=[]",
        "--set", "phase.head.objective=simmim",
        "--set", 'strategy.masked.phases=["head", { use = "adapt", objective = "simmim" }]',
        "--set", f"strategy.taught.phases=[{taught}]",
    )  # fmt: skip
    by_strategy = metrics(said)
    assert len(by_strategy) == 6
    assert len({json.dumps(one, sort_keys=True) for one in by_strategy.values()}) == 6
    report = (said["run"] / "report.md").read_text(encoding="utf-8")
    assert "0.png" not in report


def test_pairs_whose_last_batch_would_hold_one_image_are_refused(greendapt, tiny, tmp_path):
    said = ["bench", "--suite", tiny, "--out", tmp_path / "runs", "--strategies", "full"]
    said += ["--set", "phase.adapt.objective=simclr", "--set", "phase.adapt.batch_size=55"]
    done = greendapt(*said)
    assert done.code == 2
    assert (
        "the last of 56 images in batches of 55 would hold 1; take another batch_size" in done.err
    )
    assert not (tmp_path / "runs").exists()


def test_the_smoke_profile_takes_a_folder_and_says_what_it_leaves_out(bench, tmp_path):
    rng = np.random.default_rng(0)
    for number in range(40):
        path = tmp_path / "xrays" / ("ill", "well")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (32, 32), dtype=np.uint8)).save(path)
    said = bench(
        "--profile", "smoke", "--data", f"development={tmp_path / 'xrays'}", "--strategies", "none",
        "--weights", "none", suite="chestxray",
    )  # fmt: skip
    assert said["stderr"].splitlines()[0] == (
        "note: profile smoke: left out, for other data than this: data.development.images (its "
        "source is folder), data.external.hospital_b.images (that set is replaced)"
    )
    assert [row["metrics"]["development"]["images"] for row in said["rows"]] == [10]


def test_the_paper_profile_runs_every_row_of_its_table(bench):
    """DA, L1SB, L2SB, both PFT, F1B, F2B and none, in the paper's phases; few epochs here."""
    flags = ["--profile", "paper", "--backbone", "test_resnet", "--weights", "fractal"]
    flags += [
        "--set",
        "fractal.classes=4",
        "--set",
        "fractal.images=64",
        "--set",
        "fractal.epochs=1",
    ]
    flags += ["--image-size", "32", "--transfers", "mlp2", "--set", "data.pool.images=40"]
    flags += ["--set", "data.development.images=60", "--set", "data.external.hospital_b.images=30"]
    for phase in ("head", "adapt", "finish"):
        flags += ["--set", f"phase.{phase}.epochs=2"]
    for number in (1, 2):
        use = f'["head", {{ use = "adapt", train = "last:{number}", epochs = 2 }}, "finish"]'
        flags += ["--set", f'strategy."hybrid:last{number}".phases={use}']
    said = bench(*flags, suite="chestxray")
    lines = (said["run"] / "records.jsonl").read_text(encoding="utf-8").splitlines()
    records = {record["key"]: record for record in map(json.loads, lines)}
    phases = {
        row["strategy"]: sum(records[key]["kind"] == "adapt" for key in row["stages"])
        for row in said["rows"]
    }
    assert phases == {
        "none": 0, "full": 2, "partial:last1": 2, "partial:last2": 2, "hybrid:last1": 3,
        "hybrid:last2": 3, "simplified:cut1": 2, "simplified:cut2": 2,
        "none:cut1": 0, "none:cut2": 0,
    }  # fmt: skip
    assert all(row["metrics"]["development"]["auc"] is not None for row in said["rows"])
