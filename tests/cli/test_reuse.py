"""``bench --reuse``: what a new run has in common with an earlier one is taken over."""

import json

import pytest

pytestmark = pytest.mark.e2e


def rows(run):
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    return {row["strategy"]: row for row in summary["rows"]}, summary


@pytest.fixture
def earlier(greendapt, tiny, tmp_path, only_run):
    done = greendapt("bench", "--suite", tiny, "--strategies", "none,full", "--out", "before")
    assert done.code == 0, done.err
    return only_run(tmp_path / "before")


def test_only_what_is_new_runs_and_is_spent(greendapt, tiny, tmp_path, only_run, earlier):
    done = greendapt("bench", "--suite", tiny, "--out", "after", "--reuse", earlier)
    assert done.code == 0, done.err
    # none: 4 stages; full: a prefix, 2 phases and 4; partial shares the prefix and phase 1
    assert "11 of 17 stages are taken over" in done.err
    before, _ = rows(earlier)
    after, summary = rows(only_run(tmp_path / "after"))
    assert set(after) == {"none", "full", "partial"}
    for strategy in before:
        assert after[strategy]["metrics"] == before[strategy]["metrics"]
        assert after[strategy]["energy_j"] == before[strategy]["energy_j"]
    partial = after["partial"]["parts"]["adaptation"]["wall_s"]["value"]
    assert summary["spent"]["training_flops"]["value"] < sum(
        row["training_flops"]["value"] for row in after.values()
    )
    assert partial > 0
    page = (only_run(tmp_path / "after") / "report.html").read_text(encoding="utf-8")
    assert "11 stages were taken over from an earlier run" in page
    assert "An earlier run paid ~" in page


def test_a_run_of_another_machine_is_refused(greendapt, tiny, tmp_path, earlier):
    said = json.loads((earlier / "run.json").read_text(encoding="utf-8"))
    (earlier / "run.json").write_text(json.dumps({**said, "fingerprint": "another"}))
    done = greendapt("bench", "--suite", tiny, "--out", "after", "--reuse", earlier)
    assert done.code == 2
    assert "another machine" in done.err
    assert not (tmp_path / "after").exists()


def test_a_folder_that_is_no_run_is_refused(greendapt, tiny, tmp_path):
    done = greendapt("bench", "--suite", tiny, "--out", "after", "--reuse", tmp_path)
    assert done.code == 2
    assert "no run folder" in done.err or "not a run" in done.err
    assert not (tmp_path / "after").exists()
