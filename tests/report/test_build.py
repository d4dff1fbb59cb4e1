"""Run folders that are whole, unfinished, damaged or read-only; the report command."""

import csv
import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from greendapt.cli.report import report
from greendapt.core.errors import RunError
from greendapt.report import words
from greendapt.report.report_files import load_run, write_reports


@pytest.fixture
def command():
    app = typer.Typer()
    app.command()(report)

    def call(*arguments):
        return CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)

    return call


def test_reports_lie_beside_the_figures_and_no_draft_is_left(run_writer):
    folder = run_writer.write()
    before = set(folder.iterdir())
    written = write_reports(folder)
    assert [path.name for path in written] == ["report.html", "report.md", "report.svg"]
    assert set(folder.iterdir()) - before == set(written)
    assert all(path.stat().st_mode & 0o777 == 0o644 for path in written)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("run.json", None, "is not a run: it has no run.json"),
        ("summary.json", None, "the run is not finished; go on with: greendapt resume"),
        ("records.jsonl", None, "greendapt resume"),
        ("summary.json", "{", "is damaged"),
        ("summary.json", '{"schema": 2, "rows": []}', "is damaged (synthetic: Field required)"),
        ("run.json", '{"schema": 1, "suite": {"name": "x"}}', "is damaged (suite"),
        ("records.jsonl", "not json\n", "is damaged"),
        ("records.jsonl", "\xff", "greendapt resume"),
    ],
)
def test_what_is_missing_or_damaged_is_named_with_what_to_do(run_writer, name, content, said):
    folder = run_writer.write()
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content.encode("latin-1"))
    with pytest.raises(RunError) as error:
        load_run(folder)
    assert said in str(error.value)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_and_a_newer_schema_are_refused(run_writer):
    folder = run_writer.write()
    with pytest.raises(RunError, match="is not a folder"):
        load_run(folder / "run.json")
    info = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**info, "schema": 3}))
    with pytest.raises(RunError, match="written by a newer greendapt, schema 3; this one reads"):
        load_run(folder)


def test_a_record_cut_off_by_a_kill_never_counted(run_writer):
    folder = run_writer.write()
    whole = load_run(folder).records
    with (folder / "records.jsonl").open("a") as file:
        file.write('{"schema": 2, "key": "ab')
    assert load_run(folder).records == whole


def test_the_command_writes_all_or_one_or_prints(run_writer, command, tmp_path):
    folder = run_writer.write()
    names = [line.rsplit("/")[-1] for line in command(folder).stdout.splitlines()]
    assert names == ["report.html", "report.md", "report.svg"]
    out = tmp_path / "page.html"
    assert command(folder, "--format", "html", "--out", out).stdout.strip() == str(out)
    assert out.read_text().startswith("<!doctype html>")
    command(folder, "--format", "md", "--out", tmp_path / "page.md")
    assert "](page.svg)" in (tmp_path / "page.md").read_text()
    assert (tmp_path / "page.svg").exists()
    assert "best buy" in command(folder, "--format", "terminal").stdout
    command(folder, "--format", "terminal", "--out", tmp_path / "page.txt")
    assert "best buy" in (tmp_path / "page.txt").read_text()


def test_the_command_line_imports_nothing_heavy_before_it_runs():
    code = (
        "import sys, greendapt.cli.report; "
        "sys.exit(bool({'numpy', 'pydantic', 'jinja2', 'vl_convert'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_format_can_be_for_another_grid(run_writer, command, tmp_path):
    folder = run_writer.write()
    own, there = tmp_path / "own.csv", tmp_path / "there.csv"
    command(folder, "--format", "csv", "--out", own)
    again = ("--intensity", 2 * run_writer.grid, "--pue", 1.5)
    command(folder, "--format", "csv", "--out", there, *again)
    for before, after in zip(*map(_rows, (own, there)), strict=True):
        assert float(after["energy_j"]) == float(before["energy_j"])
        assert float(after["carbon_g"]) == pytest.approx(3 * float(before["carbon_g"]))
    for name in ("html", "md", "terminal", "latex", "modelcard"):
        command(folder, "--format", name, "--out", tmp_path / name, *again)
    page = (tmp_path / "html").read_text()
    assert f"{2 * run_writer.grid:g} g CO2e per kWh, PUE 1.5" in page
    assert "the run was made for another grid" in page
    charged = [r for r in load_run(folder).records if r.role != "sunk"]
    spent = 3 * sum(record.value("carbon_g") for record in charged)
    assert words.amount("carbon_g", spent) in (tmp_path / "md").read_text()
    summary = (folder / "summary.json").read_bytes()
    command(folder, *again)
    assert (folder / "summary.json").read_bytes() == summary, "what was metered stays"


def _rows(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))
