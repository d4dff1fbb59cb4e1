"""``greendapt baseline`` and ``check``: planted faults are found, a pure re-run passes."""

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.e2e

ONE = ("--strategies", "partial")
ANY_NOISE = ("--limit", "time=1000000%", "--limit", "energy=1000000%", "--limit", "memory=900%")


@pytest.fixture(scope="module")
def base(in_process, tiny, tmp_path_factory, only_run):
    """A run of three seeds and its baseline."""
    folder = tmp_path_factory.mktemp("base")
    done = in_process("bench", "--suite", tiny, "--out", folder / "runs", "--seeds", "3", *ONE)
    assert done.code == 0, done.err
    run = only_run(folder / "runs")
    done = in_process("baseline", run, "--out", folder / "baseline.toml")
    assert done.code == 0, done.err
    return run, folder / "baseline.toml"


@pytest.fixture(scope="module")
def longer(in_process, tiny, tmp_path_factory, only_run):
    """A run with one more epoch."""
    out = tmp_path_factory.mktemp("longer")
    done = in_process("bench", "--suite", tiny, "--out", out, *ONE, "--set", "phase.adapt.epochs=3")
    assert done.code == 0, done.err
    return only_run(out)


@pytest.fixture
def judged(greendapt, tiny, tmp_path, only_run, base):
    """Runs the suite with a change and checks it: exit code, verdicts by figure, the text."""

    def run(*change, code, check=(), bench_code=0):
        done = greendapt("bench", "--suite", tiny, "--out", tmp_path / "runs", *ONE, *change)
        assert done.code == bench_code, done.err
        return against(only_run(tmp_path / "runs"), code, check)

    def against(path, code, check=()):
        said = greendapt("check", path, "--baseline", base[1], *check, "--json")
        assert said.code == code, said.out + said.err
        found = json.loads(said.out)
        assert found["exit_code"] == code
        return {verdict["figure"]: verdict for verdict in found["verdicts"]}

    run.against = against
    return run


def regressions(verdicts):
    return {name for name, one in verdicts.items() if one["outcome"] == "regression"}


def test_a_pure_rerun_passes_in_all_tiers(judged):
    found = judged("--seeds", "3", code=0, check=ANY_NOISE)
    assert {one["outcome"] for one in found.values()} == {"pass"}
    assert {one["tier"] for one in found.values()} == {"exact", "noisy", "accuracy"}
    assert found["auc"]["change"] == 0


@pytest.mark.parametrize(
    ("change", "figures"),
    [
        (
            ["--set", 'strategy.partial.phases=["head", {use="adapt", train="last:2"}]'],
            {"training_flops", "trainable_params"},
        ),
        (
            ["--set", "phase.adapt.epochs=3"],
            {"training_flops", "optimizer_steps", "samples"},
        ),
        (["--no-prefix-cache"], {"training_flops"}),
        (["--set", "evaluation.severities=[3, 5]"], {"evaluation_flops"}),
    ],
    ids=["one more trainable block", "one more epoch", "a lost cache", "doubled evaluation"],
)
def test_a_planted_fault_is_a_regression_of_its_figures(judged, change, figures):
    found = judged(*change, code=1, check=("--tiers", "exact"))
    assert regressions(found) == figures
    for name in figures:
        assert found[name]["cell"] == "partial/test_resnet/probe/full"
        assert found[name]["sentence"].startswith("partial now ")
        assert found[name]["head"] > found[name]["base"]


def test_a_worse_augmentation_is_a_regression_of_the_auc(greendapt, tiny, tmp_path, only_run):
    """Flips where the side is the label.

    What training then makes of the side is chance: an AUC anywhere between 0 and 1, 0.5 in the
    mean of seeds. Without a choice of epochs, which would favour chances above 0.5, twelve seeds
    put the fall of about 0.4 three half widths of its interval below 0, whatever the draw of the
    images (seen for four of them).
    """
    _left_or_right(tmp_path / "sides")
    suite = (
        "--suite", tiny, "--data", f"development={tmp_path / 'sides'}", "--seeds", "12",
        "--strategies", "none", "--transfers", "finetune", "--set", "evaluation.corruptions=[]",
        "--set",
        "transfer.finetune={epochs=5, learning_rate=3e-3, batch_norm='train', select='last'}",
    )  # fmt: skip
    assert greendapt("bench", *suite, "--out", tmp_path / "base").code == 0
    baseline = tmp_path / "baseline.toml"
    assert greendapt("baseline", only_run(tmp_path / "base"), "--out", baseline).code == 0
    worse = ("--set", "transfer.finetune.augmentation='strong'")
    assert greendapt("bench", *suite, *worse, "--out", tmp_path / "head").code == 0
    done = greendapt("check", only_run(tmp_path / "head"), "--baseline", baseline, *ANY_NOISE)
    assert done.code == 1
    assert re.match(r"REGRESSION +none AUC -0\.\d+ \[.*\], below the -0\.01 allowed", done.out)


def _left_or_right(root):
    draw = np.random.default_rng(0)
    y, x = np.mgrid[:32, :32]
    for side, at in (("left", 8), ("right", 24)):
        (root / side).mkdir(parents=True)
        for number in range(40):
            spot = 120 * np.exp(-((x - at - draw.normal(0, 2)) ** 2 + (y - 16) ** 2) / 30)
            grey = (60 + spot + draw.normal(0, 20, x.shape)).clip(0, 255).astype(np.uint8)
            Image.fromarray(grey).save(root / side / f"{number}.png")


def test_the_text_names_cell_and_figure(greendapt, base, longer):
    done = greendapt("check", longer, "--baseline", base[1], "--tiers", "exact")
    assert done.code == 1
    told, ending = done.out.splitlines()
    assert told.startswith("REGRESSION   partial now costs ")
    assert "more training FLOPs than the baseline" in told
    assert "now takes 1.16x the optimiser steps of the baseline (29, was 25)" in told
    assert ending == "regression: 4 pass, 3 regression"


def test_a_limit_allows_a_rise(judged, longer):
    limits = ("--limit", "flops=50%", "--limit", "partial/optimizer_steps=50%")
    found = judged.against(longer, 1, ("--tiers", "exact", *limits))
    assert regressions(found) == {"samples"}


def test_the_suite_can_hold_the_limits(judged, longer, tmp_path):
    allowed = tmp_path / "allowed"
    shutil.copytree(longer, allowed)
    said = json.loads((allowed / "run.json").read_text(encoding="utf-8"))
    said["suite"]["limits"] = {
        "flops": "50%",
        "optimizer_steps": "50%",
        "partial": {"samples": "50%"},
    }
    (allowed / "run.json").write_text(json.dumps(said), encoding="utf-8")
    judged.against(allowed, 0, ("--tiers", "exact"))


def test_another_machine_is_void_for_noise_and_the_exact_tier_decides(judged, base, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(base[0], elsewhere)
    said = json.loads((elsewhere / "run.json").read_text(encoding="utf-8"))
    said["environment"]["cpu"] = "Another CPU"
    (elsewhere / "run.json").write_text(json.dumps(said), encoding="utf-8")
    found = judged.against(elsewhere, 5)
    assert found[None]["tier"] == "noisy"
    assert "Another CPU" in found[None]["sentence"]
    assert {one["outcome"] for name, one in found.items() if name} == {"pass"}
    judged.against(elsewhere, 0, ("--tiers", "exact,accuracy"))
    summary = json.loads((elsewhere / "summary.json").read_text(encoding="utf-8"))
    summary["rows"][1]["training_flops"]["value"] += 1
    (elsewhere / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    assert regressions(judged.against(elsewhere, 1)) == {"training_flops"}


def test_a_failed_cell_is_4(judged):
    found = judged(
        "--set", 'strategy.partial.phases=["head", {use="adapt", learning_rate=1e30}]',
        code=4, bench_code=4,
    )  # fmt: skip
    assert "Diverged" in found[None]["sentence"]


def test_another_suite_and_other_data_are_void(judged, base, tmp_path):
    for change, told in (
        (("summary.json", "suite", "other"), "suite tiny (default), the run of other (default)"),
        (
            ("run.json", "data", {"pool": {"images": 1}}),
            "the run is on other data than the baseline",
        ),
    ):
        name, key, value = change
        other = tmp_path / key
        shutil.copytree(base[0], other)
        said = json.loads((other / name).read_text(encoding="utf-8"))
        (other / name).write_text(json.dumps({**said, key: value}), encoding="utf-8")
        found = judged.against(other, 5)
        assert found[None]["outcome"] == "void"
        assert told in found[None]["sentence"]


def test_too_few_repeats_are_inconclusive(judged):
    found = judged(code=3)
    assert found["wall_s"]["outcome"] == "inconclusive"
    assert "1 of 3 repeats" in found["wall_s"]["sentence"]
    assert found["training_flops"]["outcome"] == "pass"


def test_compare_says_what_differs(greendapt, base, longer, tmp_path):
    done = greendapt("compare", base[0], longer, "--json", "--markdown", "compared.md")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    different = {d["figure"] for d in found["differences"] if d["says"] == "different"}
    assert different == {"training_flops", "optimizer_steps", "samples"}
    steps = next(d for d in found["differences"] if d["figure"] == "optimizer_steps")
    assert (steps["base"], steps["head"], steps["change"]["mean"]) == (25, 29, 29 / 25)
    assert "| optimiser steps | 25 | 29 | +16% \\* |" in (tmp_path / "compared.md").read_text()
    text = greendapt("compare", base[0], longer).out
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"optimiser steps +25 +29 +\+16% \*", text)


def test_compare_needs_two_runs_with_a_cell_in_common(greendapt, base):
    done = greendapt("compare", base[0])
    assert (done.code, done.out) == (2, "")
    assert "give two runs or more" in done.err


def test_junit_and_markdown(greendapt, base, tmp_path):
    run, baseline = base
    (tmp_path / "summary.md").write_text("before\n")
    done = greendapt(
        "check", run, "--baseline", baseline, *ANY_NOISE,
        "--junit", "junit.xml", "--markdown", "summary.md",
    )  # fmt: skip
    assert done.code == 0, done.out
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert suite.tag == "testsuite"
    assert int(suite.get("tests")) == len(suite.findall("testcase")) == 11
    assert suite.get("failures") == suite.get("errors") == "0"
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert text.startswith("before\n### greendapt check: pass\n")
    assert "| ok | partial " in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--limit", "energy=5"], "limit of 'energy': write a percentage, such as 5% (is 5)"),
        (["--limit", "speed=5%"], "limit of 'speed': there is no such figure"),
        (["--limit", "auc=0.1"], "limit of 'auc': write what it may fall by"),
        (["--tiers", "exact,all"], "--tiers exact,all: 'all' is not a valid Tier"),
    ],
    ids=["no percent", "no figure", "a rise of AUC", "no tier"],
)
def test_bad_options(greendapt, base, arguments, said):
    done = greendapt("check", base[0], "--baseline", base[1], *arguments)
    assert done.code == 2
    assert said in done.err


def test_a_hand_edited_baseline_is_refused_with_its_line(greendapt, base, tmp_path):
    lines = base[1].read_text(encoding="utf-8").splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines) if line.startswith("training_flops"))
    lines[number] = lines[number].replace("= ", "= 9")
    (tmp_path / "b.toml").write_text("".join(lines), encoding="utf-8")
    done = greendapt("check", base[0], "--baseline", tmp_path / "b.toml")
    assert done.code == 2
    assert f"b.toml, line {number + 1}: not as it was written (training_flops" in done.err


def test_a_baseline_keeps_what_other_machines_measured(greendapt, base, tmp_path):
    run, baseline = base
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(run, elsewhere)
    said = json.loads((elsewhere / "run.json").read_text(encoding="utf-8"))
    said["environment"]["cpu"] = "Another CPU"
    (elsewhere / "run.json").write_text(json.dumps(said), encoding="utf-8")
    shutil.copy(baseline, tmp_path / "both.toml")
    assert greendapt("baseline", elsewhere, "--out", "both.toml").code == 0
    for one in (run, elsewhere):
        done = greendapt("check", one, "--baseline", "both.toml", *ANY_NOISE)
        assert done.code == 0, done.out


def test_a_baseline_of_runs_that_disagree_is_refused(greendapt, base, longer, tmp_path):
    done = greendapt("baseline", base[0], longer, "--out", "b.toml")
    assert done.code == 2
    assert "the runs disagree on training_flops of partial/test_resnet/probe/full" in done.err
    assert not (tmp_path / "b.toml").exists()
