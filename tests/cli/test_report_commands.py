"""``greendapt report`` and ``greendapt publish``, end to end."""

import csv
import json

import pytest

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def run(in_process, tiny, tmp_path_factory, only_run):
    """A finished run of the tiny suite."""
    out = tmp_path_factory.mktemp("runs")
    done = in_process("bench", "--suite", tiny, "--out", out, "--seeds", 2)
    assert done.code == 0, done.err
    return only_run(out)


@pytest.fixture(scope="module")
def only_run():
    return lambda out: next(path.parent for path in out.glob("*/run.json"))


def test_formats_joined_by_commas_are_written_beside_the_run(greendapt, run):
    done = greendapt("report", run, "--format", "csv,json,latex,modelcard,emissions")
    assert done.code == 0, done.err
    names = [line.rpartition("/")[2] for line in done.out.splitlines()]
    assert names == ["report.csv", "report.json", "report.tex", "modelcard.md", "emissions.csv"]
    rows = list(csv.DictReader((run / "report.csv").open(encoding="utf-8")))
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert [row["strategy"] for row in rows] == [row["strategy"] for row in summary["rows"]]


def test_stages_record_when_their_epochs_ended(run):
    records = [json.loads(line) for line in (run / "records.jsonl").open(encoding="utf-8")]
    adapted = [r for r in records if r["kind"] == "adapt"]
    assert adapted
    for record in adapted:
        ends = record["details"]["epoch_s"]
        assert len(ends) == len(record["details"]["val_loss"])
        assert 0 < ends[0] < ends[-1] <= record["figures"]["wall_s"]["value"]
    assert "Lowest validation loss so far" in (run / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--format", "pdf"], "--format pdf is none of the formats html, md"),
        (["--format", ","], "--format names none of the formats"),
        (["--format", "csv,json", "--out", "x"], "--out names one file"),
        (
            ["--strategies", "none,ful"],
            "there is no strategy 'ful' in this run; did you mean full?",
        ),
        (["--seeds", "0..2"], "there is no seed 2 in this run; there is: 0 to 1"),
        (["--setting", "prob"], "there is no setting 'prob' in this run; did you mean probe?"),
        (["--seeds", "1", "--format", "csv"], "a part is not written over the run's reports"),
    ],
)
def test_what_cannot_be_written_is_said_in_one_sentence(greendapt, run, arguments, said):
    done = greendapt("report", run, *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert done.err.count("\n") == 1


def test_a_part_is_printed_or_written_where_it_is_told(greendapt, run, tmp_path):
    before = (run / "report.html").read_bytes()
    part = ("--strategies", "full,none", "--seeds", "1", "--setting", "probe,full")
    done = greendapt("report", run, *part)
    assert done.code == 0, done.err
    said = "a part of the run: strategies none, full; seed 1 of 2; setting probe, all labels."
    assert said in " ".join(done.out.split())
    assert "partial" not in done.out
    done = greendapt("report", run, *part, "--format", "csv", "--out", tmp_path / "part.csv")
    assert (done.code, done.out.strip()) == (0, str(tmp_path / "part.csv"))
    assert f"note: This shows {said}" in done.err
    rows = list(csv.DictReader((tmp_path / "part.csv").open(encoding="utf-8")))
    assert [(row["strategy"], row["seed"]) for row in rows] == [("none", "1"), ("full", "1")]
    assert (run / "report.html").read_bytes() == before


def test_a_site_is_published_once_and_left_alone_after(greendapt, run, tmp_path):
    first = greendapt("publish", run, "--to", tmp_path / "site", "--name", "tiny")
    assert first.code == 0, first.err
    assert "6 files written" in first.err
    again = greendapt("publish", run, "--to", tmp_path / "site", "--name", "tiny")
    assert again.out == ""
    assert "0 files written, 6 unchanged" in again.err
    for path in (tmp_path / "site").rglob("*.*"):
        assert str(run.parent) not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["nowhere"], "is not a folder"), (["--name", "a/b"], "no part of an address")],
)
def test_what_cannot_be_published_is_said_in_one_sentence(greendapt, tmp_path, arguments, said):
    done = greendapt("publish", *arguments, "--to", tmp_path / "site")
    assert (done.code, done.out) == (2, "")
    assert said in done.err
    assert not (tmp_path / "site").exists()
