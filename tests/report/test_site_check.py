"""`greendapt publish --check`: what is wrong with a folder of reports, a sentence each."""

import json
from pathlib import Path

import pytest

from greendapt.core.errors import RunError
from greendapt.report.report_files import load_run
from greendapt.report.reproduction import command, differences
from greendapt.report.site import RECORD, publish, record_of
from greendapt.report.site_check import problems
from greendapt.report.view.from_run import view

REPORTS = Path(__file__).parents[2] / "reports"


@pytest.fixture
def run(run_writer, tmp_path):
    run_writer.external = {}
    run_writer.strategies = ["none", "full", "partial1"]
    run_writer.folder = tmp_path / "run"
    return run_writer.write()


@pytest.fixture
def site(run, tmp_path):
    publish([run], tmp_path / "site", "mine")
    return tmp_path / "site"


def test_nothing_is_wrong_with_what_publish_wrote_nor_with_ours(site):
    assert problems(site) == []
    assert problems(REPORTS) == []


def test_changed_by_hand(site):
    page = site / "mine" / "report.md"
    page.write_text(page.read_text().replace("0.8", "0.9"))
    assert any("is not what was published" in one for one in problems(site))


def test_another_verdict_than_the_page_says(site):
    path = site / "mine" / RECORD
    record = json.loads(path.read_text()) | {"headline": "full is the best buy of all."}
    path.write_text(json.dumps(record))
    (problem,) = problems(site)
    assert "does not say the verdict of published.json" in problem


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("scan.png", "x", "is no part of a report"),
        ("index.html", '<img src="data:image/png;base64,AAAA">', "a picture of pixels"),
        ("index.html", "read from /home/me/xrays", "a place of a machine (/home/me)"),
    ],
)
def test_what_a_report_may_not_hold(site, name, text, problem):
    (site / "mine" / name).write_text(text)
    assert any(problem in one for one in problems(site))


def test_an_image_in_a_folder_beside_the_reports(site):
    (site / "baselines").mkdir()
    (site / "baselines" / "costs.toml").touch()
    assert problems(site) == []
    (site / "baselines" / "scan.JPG").touch()
    (problem,) = problems(site)
    assert problem.endswith("scan.JPG may be an image of a patient; take it out")


def test_files_that_are_missing_or_damaged(site):
    (site / "mine" / "report.md").unlink()
    assert any("has no report.md" in one for one in problems(site))
    (site / "mine" / RECORD).write_text("{}")
    assert any("is damaged" in one for one in problems(site))
    (site / "mine" / RECORD).unlink()
    assert any(f"has no {RECORD}" in one for one in problems(site))


def test_an_index_that_was_left_behind(site):
    (site / "index.html").write_text("old")
    (problem,) = problems(site)
    assert problem.endswith(f"run greendapt publish --to {site}")
    (site / "README.md").write_text("no place")
    assert any("has no place for the list" in one for one in problems(site))


def test_no_site(tmp_path):
    with pytest.raises(RunError, match="is no folder of reports"):
        problems(tmp_path / "none")
    with pytest.raises(RunError, match="holds no published run"):
        problems(tmp_path)


# --- reproduction -----------------------------------------------------------------------------


def test_a_run_has_the_verdict_and_flops_of_its_own_report(site, run):
    report, shown = record_of(site / "mine"), view(load_run(run))
    assert list(differences(report, shown)) == []
    point = report.points[0]
    others = (point.model_copy(update={"training_flops": 1.0}), *report.points[1:])
    changed = {"verdicts": {"all labels": "another"}, "points": others}
    verdict, flops = differences(report.model_copy(update=changed), shown)
    assert "published was another" in verdict
    assert flops.startswith(f"all labels, {point.strategy}: ")


def test_a_command_is_asked_with_its_data_found(site, tmp_path):
    (tmp_path / "sets" / "xrays").mkdir(parents=True)
    (tmp_path / "sets" / "net.safetensors").touch()
    report = record_of(site / "mine").model_copy(
        update={
            "command": "greendapt bench --data 'pool=xrays:label@train?view=none' "
            "--weights=net.safetensors --suite chestxray "
            "--set model.image_size=64 --out runs --seeds 3"
        }
    )
    assert command(report, tmp_path) == [
        *("bench", "--data", f"pool={tmp_path}/sets/xrays:label@train?view=none"),
        *("--weights", f"{tmp_path}/sets/net.safetensors", "--suite", "chestxray"),
        *("--set", "model.image_size=64", "--seeds", "3"),
    ]
    with pytest.raises(RunError, match="xrays, which the report's command names, is not in"):
        command(report, tmp_path / "sets" / "xrays")
    with pytest.raises(RunError, match="does not say by which"):
        command(report.model_copy(update={"command": ""}), tmp_path)
