"""Every reader reads a run as it is written today, and one that an earlier greendapt wrote."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from greendapt.report.formats import table

SCHEMA_1 = Path(__file__).parent / "run_schema_1"
KEEPS = """
[strategy.lengths]
phases = ["head", { use = "adapt", epochs = 4, select = "last", keep_checkpoints = 2 }]
"""
LENGTHS = ("--strategies", "none,full,lengths", "--device", "cpu")

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="session")
def keeping(tiny, tmp_path_factory):
    """The tiny suite with a strategy that keeps checkpoints: there is something to replay."""
    path = tmp_path_factory.mktemp("keeping") / "keeping.toml"
    path.write_text(tiny.read_text(encoding="utf-8") + KEEPS, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def made(in_process, keeping, tmp_path_factory, only_run):
    """A run of the command line, planned before: nothing changes it."""
    out = tmp_path_factory.mktemp("made")
    for command in ("plan", "bench"):
        done = in_process(command, "--suite", keeping, *LENGTHS, "--out", out, "--pue", "1.2")
        assert done.code == 0, done.err
    return only_run(out)


@pytest.fixture(params=["now", "schema 1"])
def run(request, tmp_path):
    """A copy of either run."""
    source = SCHEMA_1 if request.param == "schema 1" else request.getfixturevalue("made")
    return Path(shutil.copytree(source, tmp_path / "run"))


@pytest.fixture
def old(tmp_path):
    return Path(shutil.copytree(SCHEMA_1, tmp_path / "old"))


def edit(path, **changes):
    said = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(said | changes), encoding="utf-8")


def rows_of(run):
    return json.loads((run / "summary.json").read_text(encoding="utf-8"))["rows"]


@pytest.mark.parametrize("form", table.FORMATS.names())
def test_each_format_says_every_strategy(greendapt, run, form):
    done = greendapt("report", run, "--format", form)
    assert done.code == 0, done.err
    if form in ("parquet", "modelcard", "annexxi", "card", "badge"):
        return  # no text, or of the best buy alone
    said = done.out if form == "terminal" else Path(done.out.split()[0]).read_text(encoding="utf-8")
    for strategy in {row["strategy"] for row in rows_of(run)} if form != "emissions" else ():
        assert strategy.partition("@")[0] in said  # Markdown escapes the rest


def test_a_row_a_cell(greendapt, run):
    assert greendapt("report", run, "--format", "csv").code == 0
    with (run / "report.csv").open(encoding="utf-8") as file:
        cells = list(csv.DictReader(file))
    rows = rows_of(run)
    assert [cell["strategy"] for cell in cells] == [row["strategy"] for row in rows]
    for cell, row in zip(cells, rows, strict=True):
        assert float(cell["energy_j"]) == pytest.approx(row["energy_j"]["value"])
        assert float(cell["development.auc"]) == row["metrics"]["development"]["auc"]


def test_a_baseline_of_it_lets_it_pass(greendapt, run, tmp_path):
    wrote = greendapt("baseline", run, "--out", tmp_path / "b.toml", "--tiers", "exact")
    assert wrote.code == 0, wrote.err
    arguments = ("--baseline", tmp_path / "b.toml", "--tiers", "exact")
    judged = greendapt("check", run, *arguments, "--json")
    assert json.loads(judged.out)["outcome"] == "pass", judged.err


def test_it_is_like_itself(greendapt, run):
    found = json.loads(greendapt("compare", run, run, "--json").out)
    scores = [one for one in found["differences"] if one["figure"] == "auc"]
    assert len(scores) == len({row["strategy"] for row in rows_of(run)})
    assert {one["says"] for one in scores} == {"the same"}


def test_it_is_published(greendapt, run, tmp_path):
    done = greendapt("publish", run, "--to", tmp_path / "site")
    assert done.code == 0, done.err
    assert "tiny" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")


def test_finished_it_has_nothing_left_to_run(greendapt, run):
    before = (run / "records.jsonl").read_bytes()
    done = greendapt("resume", run)
    assert done.code == 0, done.err
    assert (run / "records.jsonl").read_bytes() == before
    assert all(not line.startswith("[") or "reused" in line for line in done.err.splitlines())


def test_its_checkpoints_are_replayed(greendapt, made, old):
    done = greendapt("replay", made, "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["series"] == 1
    assert "keep_checkpoints" in greendapt("replay", old).err


def test_what_was_planned_stands_against_what_it_took(greendapt, made, old):
    done = greendapt("plan", made, "--json")
    assert done.code == 0, done.err
    assert "Adaptation (DAPT)" in done.out
    assert "no plan was made" in greendapt("plan", old).err


def test_its_stages_are_taken_over(greendapt, made, keeping, tmp_path, only_run):
    arguments = ("--suite", keeping, *LENGTHS, "--out", "after", "--reuse", made, "--pue", "1.2")
    done = greendapt("bench", *arguments)
    assert done.code == 0, done.err
    total = len((made / "records.jsonl").read_text(encoding="utf-8").splitlines())
    assert f"{total} of {total} stages are taken over" in done.err
    metrics = [row["metrics"] for row in rows_of(made)]
    assert [row["metrics"] for row in rows_of(only_run(tmp_path / "after"))] == metrics


def test_costs_of_another_machine_are_not_taken_over(greendapt, old, tiny):
    edit(old / "run.json", fingerprint="another")
    done = greendapt("bench", "--suite", tiny, "--out", "after", "--reuse", old)
    assert (done.code, "another machine" in done.err) == (2, True)


@pytest.mark.parametrize("lost", ["none of seed 0", "none of seed 1"])
def test_a_run_of_schema_1_that_was_stopped_goes_on(greendapt, old, lost):
    records = (old / "records.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = records[4:] if lost == "none of seed 0" else records[:17] + records[21:]
    (old / "records.jsonl").write_text("".join(kept), encoding="utf-8")
    cells = [(row["strategy"], row["seed"]) for row in rows_of(old)]
    (old / "summary.json").unlink()
    assert "is not finished" in greendapt("report", old).err
    done = greendapt("resume", old)
    assert done.code == 0, done.err
    lines = (old / "records.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    assert lines[: len(kept)] == kept
    assert {json.loads(line)["schema"] for line in lines[len(kept) :]} == {2}
    assert [(row["strategy"], row["seed"]) for row in rows_of(old)] == cells


NEWER = "was written by a newer greendapt, schema 3; this one reads up to 2: upgrade greendapt"
READERS = {
    "report": ("report", "RUN"),
    "check": ("check", "RUN", "--baseline", "b.toml"),
    "baseline": ("baseline", "RUN", "--out", "b.toml"),
    "compare": ("compare", "RUN", "RUN"),
    "publish": ("publish", "RUN"),
    "replay": ("replay", "RUN"),
    "resume": ("resume", "RUN"),
}


@pytest.mark.parametrize("file", ["run.json", "summary.json", "records.jsonl"])
@pytest.mark.parametrize("command", READERS)
def test_a_newer_run_is_refused_in_a_sentence(greendapt, made, tmp_path, command, file):
    run = Path(shutil.copytree(made, tmp_path / "run"))
    if file == "run.json":
        suite = json.loads((run / file).read_text(encoding="utf-8"))["suite"]
        edit(run / file, schema=3, suite=suite | {"of_tomorrow": 1, "schema": 2})
    elif file == "summary.json":
        edit(run / file, schema=3, of_tomorrow=1)
    else:
        first, *others = (run / file).read_text(encoding="utf-8").splitlines()
        line = json.dumps(json.loads(first) | {"schema": 3, "of_tomorrow": 1})
        (run / file).write_text("\n".join([line, *others, ""]), encoding="utf-8")
    if command == "resume" and file == "summary.json":
        return  # it writes it again
    done = greendapt(*(run if part == "RUN" else part for part in READERS[command]))
    assert (done.code, done.out) == (2, "")
    assert file in done.err
    assert NEWER in done.err
    assert "Traceback" not in done.err


def test_a_newer_run_is_not_planned_against_nor_taken_over(greendapt, made, tiny, tmp_path):
    run = Path(shutil.copytree(made, tmp_path / "run"))
    edit(run / "run.json", schema=3)
    assert NEWER in greendapt("plan", run).err
    assert NEWER in greendapt("bench", "--suite", tiny, "--out", "after", "--reuse", run).err
