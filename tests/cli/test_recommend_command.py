"""``greendapt recommend``: a race on the tiny suite, resumed and read again."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e
TABLE = Path(__file__).parents[1] / "replay" / "kermany-resnet.csv"


@pytest.fixture
def recommend(greendapt, tiny):
    def run(*options):
        return greendapt("recommend", "--suite", tiny, "--seeds", "1..3", *options)

    return run


def test_a_race_ends_with_what_to_take_and_can_be_asked_again(
    recommend, greendapt, tmp_path, only_run
):
    done = recommend("--out", "races", "--margin", "0.3")
    assert done.code == 0, done.err
    run = only_run(tmp_path / "races")
    assert "next in the race: " in done.err
    assert "% sure to be within 0.3 AUC of the best)" in " ".join(done.out.split())
    assert "Runner-up: " in done.out
    again = greendapt("recommend", run)
    assert again.out.splitlines()[0] == done.out.splitlines()[0]
    assert (run / "report.html").is_file()
    larger = greendapt("recommend", run, "--at-size", "24000")
    assert larger.code == 0, larger.err
    assert "Costs are those of a pool of 24,000 images (here " in " ".join(larger.out.split())
    assert "does to them is not known" in " ".join(larger.out.split())
    assert json.loads(greendapt("recommend", run, "--at-size", "24000", "--json").out)["at_size"]


def test_as_json_it_says_the_same(recommend, tmp_path, only_run):
    done = recommend("--out", "races", "--margin", "0.3", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert told["run"] == str(only_run(tmp_path / "races").relative_to(tmp_path))
    (one,) = told["recommendations"]
    assert one["take"] in ("none", "partial", "full")
    assert 0 <= one["probability"] <= 1


def test_what_is_no_run_is_refused(greendapt, tmp_path):
    (tmp_path / "empty").mkdir()
    done = greendapt("recommend", "empty")
    assert done.code == 2
    assert "empty is not a run" in done.err


@pytest.mark.parametrize("limit", [("--minutes", "0.0001"), ("--budget", "0.006s")])
def test_a_race_stops_where_its_money_ends_and_says_what_it_knows(
    recommend, greendapt, tmp_path, only_run, limit
):
    done = recommend("--out", "races", *limit)
    assert done.code == 0, done.err
    assert "Nothing is judged yet." in done.out
    assert "stopped before " in done.out
    run = only_run(tmp_path / "races")
    assert not (run / "summary.json").exists()
    gone_on = greendapt("resume", run)
    assert gone_on.code == 0, gone_on.err
    assert "Runner-up: " in greendapt("recommend", run).out


def test_a_share_of_everything_is_a_limit(recommend):
    done = recommend("--cost", "1", "--margin", "0.3")
    assert done.code == 0, done.err
    assert "% sure to be within" in " ".join(done.out.split())
    assert "spent " in done.out


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (("--carbon", "5g", "--minutes", "3"), "--carbon and --minutes: one limit is enough"),
        (("--carbon", "5Wh"), "--carbon 5Wh: that is no amount of carbon"),
        (("--energy", "nan"), "--energy nan: give a number"),
        (("--minutes", "-1"), "a budget is more than nothing"),
        (("--budget", "5g", "--cost", "0.5"), "--cost and --budget: one limit is enough"),
        (("no-run", "--carbon", "5g"), "nothing runs that --carbon could end"),
    ],
    ids=["two limits", "another unit", "no number", "less than nothing", "two, too", "of a run"],
)
def test_a_limit_that_is_none_is_refused(recommend, options, wanted):
    done = recommend(*options)
    assert done.code == 2
    assert wanted in done.err


def test_races_are_replayed_on_a_table(greendapt):
    done = greendapt("recommend", "--replay", TABLE, "--races", "3", "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert {one["margin"] for one in told["questions"]} == {0.02}
    assert [one["shots"] for one in told["questions"]] == ["20", "full"]
    for one in told["questions"]:
        assert one["races"] == sum(one["takes"].values()) == 3
        assert 0 < one["cost"][0] <= one["cost"][1] < 1


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (("--replay", "none.csv"), "none.csv cannot be read"),
        (("--replay", TABLE, "--seeds", "3"), "nothing runs that --seeds could change"),
        (("--replay", TABLE, "run"), "nothing runs that RUN could change"),
        (("--replay", TABLE, "--margin", "3"), "margin 3: give more than 0 and less than 0.5"),
        (("--races", "3"), "give --replay TABLE with it"),
    ],
    ids=["no file", "an option of a run", "a run, too", "no margin", "no table"],
)
def test_what_cannot_be_replayed_is_refused(greendapt, options, wanted):
    done = greendapt("recommend", *options)
    assert done.code == 2
    assert wanted in " ".join(done.err.split())
    assert not done.out
