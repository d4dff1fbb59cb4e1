"""``greendapt plan``: before a run, after it, and of another machine."""

import json
import re

import pytest

pytestmark = pytest.mark.e2e


def test_a_plan_a_run_and_how_well_they_agree(greendapt, tiny, tmp_path, only_run):
    out = tmp_path / "runs"
    asked = ("--suite", tiny, "--out", out, "--strategies", "none,full")
    plan = greendapt("plan", *asked, "--json")
    assert plan.code == 0, plan.err
    said = json.loads(plan.out)
    assert not out.exists()
    assert said["cells"] == 2
    assert said["stages"] == said["distinct"] + said["shared"]
    assert set(said["strategies"]) == {"none", "full"}
    done = greendapt("bench", *asked, "--json")
    assert done.code == 0, done.err
    run = only_run(out)
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert said["all"]["flops"] == summary["spent"]["training_flops"]["value"]
    assert said["strategies"]["none"]["flops"] < said["strategies"]["full"]["flops"]
    assert greendapt("report", run, "--format", "json").code == 0
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    (pays,) = report["bill"]["settings"]
    assert said["bill"]["reference"] == pays["reference"] == "full"
    assert said["bill"]["worth"] == pytest.approx(pays["question_in_adaptations"])
    after = greendapt("plan", run, "--json")
    assert after.code == 0, after.err
    *kinds, every = json.loads(after.out)
    assert every["kind"] == "All"
    assert every["predicted"]["stages"] == said["distinct"]
    assert every["wall_s"] == pytest.approx(summary["spent"]["wall_s"]["value"])
    assert every["wall_s"] == pytest.approx(sum(kind["wall_s"] for kind in kinds))
    for name in ("report.md", "report.html"):
        assert "Planned before the run, and measured" in (run / name).read_text(encoding="utf-8")


def test_a_reused_run_costs_nothing_again(greendapt, tiny, tmp_path, only_run):
    asked = ("--suite", tiny, "--out", tmp_path / "runs", "--strategies", "none")
    assert greendapt("bench", *asked).code == 0
    run = only_run(tmp_path / "runs")
    said = json.loads(greendapt("plan", *asked, "--reuse", run, "--json").out)
    assert said["kept"] == said["distinct"]
    assert said["all"] == {"stages": 0, "flops": 0, "wall_s": 0, "energy_j": 0, "carbon_g": 0}
    assert said["bill"]["worth"] == 0
    unplanned = greendapt("plan", run)
    assert unplanned.code == 2
    assert "no plan was made for it" in unplanned.err


def test_another_machine_as_text(greendapt, tiny):
    done = greendapt("plan", "--suite", tiny, "--device", "h100", "--gpus", "4", "--region", "FRA")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "tiny, profile default, on 4 x NVIDIA H100 SXM 80GB"
    assert any(line.startswith("all, shared stages once") for line in lines)
    assert "of the peak rate" in done.out
    assert "Asking costs as much as " in done.out
    assert "If none, the cheapest, wins, it saves " in done.out
    assert lines[-1].startswith("carbon: ")
    assert "France" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--device", "h1000"), "did you mean h100"),
        (("--gpus", "3"), "--gpus 3 needs --device"),
        (("nowhere",), "nowhere"),
        (("--suite", "chestxrays"), "did you mean chestxray"),
    ],
)
def test_what_cannot_be_planned(greendapt, arguments, said):
    done = greendapt("plan", *arguments)
    assert done.code == 2
    assert said in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_plan_takes_the_options_of_bench(greendapt):
    planned, run = (
        set(re.findall(r"--[a-z-]+", greendapt(name, "--help").out)) for name in ("plan", "bench")
    )
    # who runs it, and how far money lets it, is no cost
    of_running = {"--name", "--quiet", "--verbose"}
    assert run - planned == {"--budget", "--executor", "--workers", "--slurm"} | of_running
    assert "--gpus" in planned - run
