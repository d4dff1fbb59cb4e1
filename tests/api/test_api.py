"""greendapt from Python: what the command line does, without it."""

import csv
import json
import shutil
import subprocess
import sys
from html import escape
from pathlib import Path

import pytest

import greendapt
from greendapt.core.errors import GreendaptError, RunError, SuiteError

SCHEMA_1 = Path(__file__).parents[1] / "store" / "run_schema_1"


@pytest.fixture
def old(tmp_path):
    return greendapt.read_run(shutil.copytree(SCHEMA_1, tmp_path / "old"))


@pytest.fixture
def without(monkeypatch):
    """``without(package)``: as if it were not installed."""
    return lambda package: monkeypatch.setitem(sys.modules, package, None)


def test_importing_greendapt_imports_nothing_else():
    heavy = ("torch", "pandas", "pydantic", "numpy", "rich", "typer", "altair", "greendapt.api")
    code = (
        f"import sys, greendapt; assert dir(greendapt), {heavy!r}\n"
        f"sys.exit(', '.join(name for name in {heavy!r} if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_run_of_schema_1_knows_its_checkpoints(old):
    """Its summary does not name them, and the folder here has lost them."""
    assert {row.checkpoint for row in old.summary.rows} == {None}
    with pytest.raises(RunError, match=r"checkpoints/\w+/backbone\.safetensors is missing; only"):
        old.export("full")
    with pytest.raises(RunError, match="'none' adapts nothing"):
        old.export("none")


def test_reading_a_run_imports_no_torch():
    code = (
        f"import sys, greendapt; run = greendapt.read_run({str(SCHEMA_1)!r})\n"
        "run.verdict, run.pareto_spec(), run._repr_html_()\n"
        "sys.exit('torch' if 'torch' in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_all_that_is_promised_is_there():
    for name in greendapt.__all__:
        assert name in dir(greendapt)
        assert getattr(greendapt, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        greendapt.nonsense  # noqa: B018


@pytest.mark.parametrize("name", ["chestxray", Path("chestxray")])
def test_a_suite_by_name_with_changes(name):
    changes = {"run.seeds": 2, "phase.head": {"epochs": 7}, 'phase."adapt".epochs': 9}
    suite = greendapt.load_suite(name, "smoke", changes)
    assert (suite.name, suite.profile, suite.run.seeds) == ("chestxray", "smoke", 2)
    assert suite.phase["head"].epochs == 7
    assert greendapt.load_suite("chestxray").profile == "default"


def test_a_wrong_change_is_refused_with_its_key(tiny):
    with pytest.raises(SuiteError, match=r"run\.seed: unknown key"):
        greendapt.load_suite(tiny, changes={"run.seed": 2})
    with pytest.raises(SuiteError, match="'' is no key of a suite"):
        greendapt.load_suite(tiny, changes={"": 2})


@pytest.mark.usefixtures("undone")
def test_a_run_is_what_the_command_line_makes(tiny, tmp_path, capfd, in_process, only_run):
    suite = greendapt.load_suite(tiny, changes={"run.strategies": ["none", "full"]})
    made = greendapt.run(suite, out=tmp_path / "here", progress=False)
    assert capfd.readouterr().err == ""
    arguments = ("--strategies", "none,full", "--out", tmp_path / "there")
    assert in_process("bench", "--suite", tiny, *arguments).code == 0
    there = greendapt.read_run(only_run(tmp_path / "there"))
    assert [r.key for r in made.records] == [r.key for r in there.records]
    assert [r.metrics for r in made.summary.rows] == [r.metrics for r in there.summary.rows]
    assert made.info.suite == there.info.suite
    assert made.report() == [made.path / f"report.{end}" for end in ("html", "md", "svg")]


@pytest.mark.usefixtures("undone")
def test_what_was_stopped_goes_on(tiny, tmp_path, capfd):
    suite = greendapt.load_suite(tiny, changes={"run.strategies": ["none"]})
    made = greendapt.run(suite, out=tmp_path)
    *kept, _ = (made.path / "records.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (made.path / "records.jsonl").write_text("".join(kept), encoding="utf-8")
    (made.path / "summary.json").unlink()
    with pytest.raises(RunError, match="none of 1 cell is done"):
        greendapt.read_run(made.path)
    capfd.readouterr()
    again = greendapt.run(suite, out=tmp_path, go_on=True)
    assert again.path == made.path
    assert "reused" in capfd.readouterr().err
    assert again.summary.rows[0].metrics == made.summary.rows[0].metrics
    assert greendapt.resume(made.path, progress=False).records == again.records
    new = greendapt.run(suite, out=tmp_path, reuse=made.path, progress=False)
    assert new.path != made.path
    assert all(record.reused for record in new.records)


@pytest.mark.usefixtures("undone")
def test_a_failed_cell_is_told_not_raised(tiny, tmp_path):
    suite = greendapt.load_suite(tiny, changes={"run.strategies": ["none", "bad"]})
    made = greendapt.run(suite, out=tmp_path, progress=False)
    assert [failure.strategy for failure in made.failures] == ["bad"]
    assert [row.strategy for row in made.summary.rows] == ["none"]


def test_the_verdict_is_that_of_the_report(old):
    (path,) = old.report(["json"])
    said = json.loads(path.read_text(encoding="utf-8"))
    answer = old.verdict
    assert answer.headline == said["headline"]
    assert list(answer.by_setting) == [one["setting"] for one in said["verdicts"]]
    assert answer.best_buy == said["verdicts"][0]["best_buy"]
    assert list(answer.sentences) == said["verdicts"][0]["sentences"]
    assert list(answer.caveats) == said["caveats"]


def test_the_bill_is_that_of_the_report(old):
    (path,) = old.report(["json"])
    said = json.loads(path.read_text(encoding="utf-8"))["bill"]
    assert said["spent"]["wall_s"]["value"] == old.bill.spent["wall_s"].value
    charged = [record for record in old.records if record.role != "sunk"]
    assert old.bill.spent["wall_s"].value == pytest.approx(sum(r.value("wall_s") for r in charged))
    assert [one["reference"] for one in said["settings"]] == ["full"]
    assert [one.setting for one in old.bill.paybacks] == list(old.verdict.by_setting)


def test_a_part_is_judged_by_itself(old, tmp_path):
    part = old.part(strategies=["none", "full"], seeds=0, setting="probe")
    assert {row.strategy for row in part.summary.rows} == {"none", "full"}
    assert part.verdict.caveats[0].startswith("This shows a part of the run: strategies none, full")
    assert part.records == old.records
    assert (part.finished, part.path) == (True, old.path)
    with pytest.raises(RunError, match="a part is not written over the run's reports"):
        part.report()
    assert part.report(["md"], tmp_path / "part.md")
    same = old.part("none,full", "0")
    assert same.summary.rows == part.summary.rows


def test_a_frame_is_the_table_of_cells(old):
    pytest.importorskip("pandas")
    (path,) = old.report(["csv"])
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    frame = old.frame()
    assert list(frame.columns) == list(rows[0])
    assert list(frame["strategy"]) == [row["strategy"] for row in rows]
    assert list(frame["energy_j"]) == [float(row["energy_j"]) for row in rows]


def test_the_chart_is_that_of_the_page(old):
    spec = old.pareto_spec()
    (setting,) = old.verdict.by_setting
    assert old.pareto_spec(setting) == spec
    assert {row["name"] for row in spec["data"]["values"]} == {"none", "full", "partial"}
    with pytest.raises(GreendaptError, match="there is no setting 'other'"):
        old.pareto_spec("other")


def test_the_chart_is_one_of_altair(old):
    alt = pytest.importorskip("altair")
    chart = old.pareto()
    assert isinstance(chart, alt.LayerChart)
    data = chart.to_dict()["datasets"]
    assert old.pareto_spec()["data"]["values"] in data.values()
    assert "chance" in data


@pytest.mark.parametrize(("package", "call"), [("pandas", "frame"), ("altair", "pareto")])
def test_what_is_missing_is_said(old, without, package, call):
    without(package)
    with pytest.raises(GreendaptError, match=rf"Run\.{call}\(\) needs {package}.*\[notebook\]"):
        getattr(old, call)()


def test_a_notebook_shows_headline_and_strategies(old):
    shown = old._repr_html_()
    assert escape(old.verdict.headline) in shown
    assert shown.count("<td>") == 3 * 3


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(RunError, match="is not a folder"):
        greendapt.read_run(tmp_path / "nothing")
    with pytest.raises(RunError, match="it has no run"):
        greendapt.resume(tmp_path)


def test_one_file_holds_one_format(old, tmp_path):
    assert old.report(["md"], tmp_path / "mine.md")[0] == tmp_path / "mine.md"
    with pytest.raises(GreendaptError, match="one file can hold one format"):
        old.report(["md", "csv"], tmp_path / "mine.md")
