"""A run of everything as what races are replayed on."""

from dataclasses import replace

import pytest

from greendapt.core.errors import RunError
from greendapt.report.view.recorded import recorded


def test_a_run_is_what_races_are_replayed_on(written):
    run = written(patients=0.004, chains=True, shots=[5, "full"])
    few, every = recorded(run, truth="hospital_b")
    assert (few.question.shots, every.question.shots) == ("5", "full")
    assert every.question.dataset == "phantom a"
    assert every.seeds == (0, 1, 2)
    assert {*[*every.samples][:2]} == {"none", "cut2-none"}, "the cheapest first"
    assert [*every.samples][-1] == "full"
    assert len(every.samples["full"].draws[0]) == 300
    assert 0.7 < every.truths["none"] < every.truths["full"] < 0.8
    shared = {key for stages in every.stages.values() for key in stages}
    assert every.everything == pytest.approx(
        sum(r.value("training_flops") for r in run.records if r.key in shared)
    )
    assert every.verdict.buy == "partial2"


@pytest.mark.parametrize("change", [{"seeds": 1}, {"strategies": ["none"]}])
def test_a_run_of_less_than_everything_is_refused(written, change):
    with pytest.raises(RunError, match="every strategy with every seed"):
        recorded(written(**change))


def test_so_is_one_in_which_a_strategy_failed(written):
    failure = {"strategy": "none", "seed": 0, "transfer": "probe", "shots": "full"}
    with pytest.raises(RunError, match="every strategy with every seed"):
        recorded(written(failures=[{**failure, "stage": "x", "error": "y"}]))


def test_so_is_a_race_that_somebody_never_entered(written):
    run = written()
    rows = [row for row in run.summary.rows if row.strategy != "full"]
    with pytest.raises(RunError, match="every strategy with every seed"):
        recorded(replace(run, summary=run.summary.model_copy(update={"rows": rows})))


def test_its_races_are_told_a_line_a_question(greendapt, run_writer):
    run_writer.patients, run_writer.chains = 0.004, True
    said = greendapt("recommend", "--replay", run_writer.write(), "--races", "2", "--cost", "0.9")
    assert said.code == 0, said.err
    heads, line = said.out.splitlines()
    assert heads.startswith("question ")
    assert line.startswith("phantom a, resnet18, probe, full")
