"""``--seeds 2..4`` and ``--margin`` on the installed command: more seeds while it is undecided."""

import json

import pytest


def summary(run):
    return json.loads((run / "summary.json").read_text(encoding="utf-8"))


def seeds_of(run):
    by = {}
    for row in summary(run)["rows"]:
        by.setdefault(row["strategy"], []).append(row["seed"])
    return {name: sorted(seeds) for name, seeds in by.items()}


@pytest.fixture
def bench(greendapt, tiny):
    def run(*options):
        done = greendapt("bench", "--suite", tiny, "--set", "run.base_seed=7", *options)
        assert done.code == 0, done.err
        return done

    return run


def test_what_two_seeds_cannot_tell_goes_on_and_is_resumed_as_it_went(
    bench, greendapt, tmp_path, only_run
):
    done = bench("--seeds", "2..4", "--margin", "0.001", "--out", "open")
    run = only_run(tmp_path / "open")
    assert "undecided: more seeds for" in done.err
    longest = max(map(len, seeds_of(run).values()))
    assert longest == 4
    assert all(seeds[:2] == [7, 8] for seeds in seeds_of(run).values())
    before = seeds_of(run)
    (run / "summary.json").unlink()
    again = greendapt("resume", run)
    assert again.code == 0, again.err
    assert "nothing is left to run" in again.err
    assert seeds_of(run) == before
    judged = greendapt("report", run, "--margin", "0.49", "--format", "terminal")
    assert "No DAPT is the best buy" in judged.out
    assert greendapt("report", run, "--margin", "0.6").code == 2


def test_a_wide_margin_is_decided_at_the_first_look(bench, tmp_path, only_run):
    bench("--seeds", "2..4", "--margin", "0.49", "--out", "wide")
    run = only_run(tmp_path / "wide")
    assert set(map(tuple, seeds_of(run).values())) == {(7, 8)}


@pytest.mark.parametrize("seeds", ["4..2", "2..", "a", "0..3", "2...4"])
def test_a_range_that_is_none_is_refused(greendapt, tiny, seeds):
    refused = greendapt("bench", "--suite", tiny, "--seeds", seeds)
    assert refused.code == 2
    assert refused.err.startswith("greendapt: ")
