"""What is recommended of a run, and the rounds of a race."""

from dataclasses import replace

import pytest

from greendapt.report.view.recommendation import recommendations


@pytest.fixture
def recommended(written):
    return lambda **changes: recommendations(written(**changes))


def test_the_best_buy_is_taken_with_its_probability_and_runner_up(recommended):
    (one,) = recommended(patients=0.004)
    assert one.take == "partial2"
    assert one.is_sure
    assert 0.9 < one.probability <= 1
    take, runner_up, *_ = one.sentences
    assert take.startswith("Take partial2 (")
    assert "within 0.02 AUC of the best" in take
    assert runner_up.startswith("Runner-up: ")
    assert "times the" in runner_up


def test_what_cannot_be_told_is_undecided_and_the_likeliest_is_named(recommended):
    (one,) = recommended(noise=0.04)
    assert not one.is_sure
    assert one.probability < 0.9
    assert one.sentences[0].startswith("Undecided between ")
    assert f"If one must be taken, {one.take} (" in one.sentences[0].replace("full DAPT", "full")


def test_each_setting_has_its_own(recommended):
    assert [one.setting[2] for one in recommended(shots=[5, "full"])] == [5, "full"]


def test_one_strategy_has_no_runner_up(recommended):
    (one,) = recommended(strategies=["none"])
    assert one.take == "none"
    assert len(one.sentences) == 1


def test_nothing_is_recommended_where_no_cell_finished(recommended):
    failure = {"transfer": "probe", "shots": "full", "stage": "x", "error": "y"}
    failures = [{"strategy": "none", "seed": seed, **failure} for seed in range(3)]
    assert recommended(strategies=["none"], failures=failures) == ()


@pytest.mark.parametrize("asked", [3, {"from": 1, "to": 3}])
def test_a_race_has_a_table_of_its_rounds(seen, asked):
    sections = {section.key: section for section in seen(seeds_asked=asked).sections}
    assert ("race" in sections) == (asked != 3)
    if asked != 3:
        head, *rows = sections["race"].tables[0]
        assert head == ("question", "seeds", "in the race", "energy", "left then")
        assert [row[1] for row in rows] == ["1", "2", "3"]


@pytest.mark.parametrize("asked", [3, {"from": 1, "to": 3}])
def test_only_a_race_leaves_out_what_no_score_can_beat(recommended, asked):
    levels = {"none": (0.999, 0, 0), "partial1": (0.999, 0, 9.1), "full": (0.999, 0, 46.0)}
    lost = {"transfer": "probe", "shots": "full", "stage": "x", "error": "y"}
    failures = [{"strategy": "full", "seed": seed, **lost} for seed in range(3)]
    (one,) = recommended(
        levels=levels, strategies=["none", "full"], failures=failures, seeds_asked=asked
    )
    assert not [line for line in one.sentences if line.startswith("Not run")], "it failed"


def test_a_race_says_whom_it_did_not_run(written):
    data = written(strategies=["none", "partial1", "full"], seeds_asked={"from": 1, "to": 3})
    rows = [row for row in data.summary.rows if row.strategy != "full"]
    (one,) = recommendations(replace(data, summary=data.summary.model_copy(update={"rows": rows})))
    assert one.sentences[-1].startswith("Not run, as no score can be better by more than")
    assert one.sentences[-1].endswith(": full.")
    part = replace(data, summary=data.summary.model_copy(update={"rows": rows}), interim="so far")
    assert not [line for line in recommendations(part)[0].sentences if line.startswith("Not run")]
