"""The bill of the question: what a run cost against what its answer saves, in every format."""

import json
from dataclasses import replace
from statistics import fmean

import pytest

from greendapt.core.figures import Quality
from greendapt.report.formats import table
from greendapt.report.part import part_of
from greendapt.report.report_files import load_run
from greendapt.report.view import bill_text
from greendapt.report.view.from_run import view

SCORED = {name: (0.85, 0.0, kj) for name, kj in (("none", 0.0), ("full", 46.0), ("partial2", 14.2))}


@pytest.fixture
def run(run_writer):
    """``run(...)``: a run, changed as asked."""

    def build(**changes):
        for name, value in changes.items():
            setattr(run_writer, name, value)
        return load_run(run_writer.write())

    return build


def levels(**aucs):
    """Strategies with these scores, and what each costs."""
    return {name: (aucs[name], *SCORED[name][1:]) for name in aucs}


def told(run):
    """The bill of a run, its short sentence and all the others."""
    bill = view(run).bill
    whole = " ".join([bill_text.whole(bill), *bill_text.by_setting(bill)])
    return bill, bill_text.in_short(bill), whole


def flops(run, strategy, part=None):
    rows = [row for row in run.summary.rows if row.strategy == strategy]
    return fmean(
        (row.parts[part]["training_flops"] if part else row.training_flops).value for row in rows
    )


def charged(run, key):
    return sum(record.value(key) for record in run.records if record.role != "sunk")


def test_it_pays_when_its_savings_are_what_it_cost(run):
    one = run()
    bill, short, whole = told(one)
    (pays,) = bill.paybacks
    assert (pays.buy, pays.reference, pays.cost_key) == ("partial2", "full", "training_flops")
    assert bill.spent["energy_j"].value == pytest.approx(charged(one, "energy_j"))
    saved = flops(one, "full") - flops(one, "partial2")
    assert pays.after.mean * saved == pytest.approx(charged(one, "training_flops"))
    assert pays.worth == pytest.approx(charged(one, "training_flops") / flops(one, "full"))
    assert "as much as 1.8 adaptations by full DAPT (in training FLOPs)" in short
    assert "it has paid for itself after 3 adaptations" in short
    assert "The answer, partial2, saves 67% " in whole
    assert "Generic pre-training is sunk and not in it: ~5.8 Wh" in whole


def test_the_pool_on_which_one_adaptation_pays(run):
    """That of adaptation grows with it, that of transfer does not."""
    one = run()
    bill, short, whole = told(one)
    (pays,) = bill.paybacks
    part = {name: flops(one, name, "adaptation") for name in ("full", "partial2")}
    transfers = [flops(one, name, "transfer") for name in ("full", "partial2")]
    there = pays.pool_ratio * (part["full"] - part["partial2"]) + transfers[0] - transfers[1]
    assert there == pytest.approx(charged(one, "training_flops"))
    assert pays.images == 600
    images = float(f"{600 * pays.pool_ratio:.2g}")
    assert f"or one on a pool of about {images:,.0f} images" in short
    assert "(here 600)." in whole
    assert (
        "Pools are at as many epochs: adaptation grows with them, and transfer does not." in whole
    )


def test_no_pool_is_said_where_cost_does_not_follow_it(run):
    one = run()
    suite = one.info.suite
    phases = {
        name: phase.model_copy(update={"min_steps": 10_000}) for name, phase in suite.phase.items()
    }
    stretched = one.info.model_copy(update={"suite": suite.model_copy(update={"phase": phases})})
    (pays,) = view(replace(one, info=stretched)).bill.paybacks
    assert pays.after is not None
    assert pays.pool_ratio is None
    rows = [row.model_copy(update={"parts": {}}) for row in one.summary.rows]
    older = replace(one, summary=one.summary.model_copy(update={"rows": rows}))
    assert view(older).bill.paybacks[0].pool_ratio is None


def test_a_pool_of_unknown_size_is_told_as_a_ratio(run):
    one = run()
    data = one.info.data.model_copy(
        update={"pool": one.info.data.pool.model_copy(update={"images": None})}
    )
    _, short, whole = told(replace(one, info=one.info.model_copy(update={"data": data})))
    assert "or one on a pool 2.6 times as large." in short
    assert "(here" not in whole


def test_full_as_the_answer_has_saved_nothing(run):
    aucs = levels(none=0.70, partial2=0.80, full=0.92)
    bill, short, whole = told(run(levels=aucs, strategies=list(aucs)))
    assert bill.paybacks[0].after is None
    assert "by full DAPT (in training FLOPs), and has saved nothing: the answer is full DAPT." in (
        short
    )
    assert "The answer is full DAPT: it has saved nothing, and cost as much as" in whole
    assert "Pools" not in whole


def test_no_dapt_as_the_answer_saves_what_is_not_adapted(run):
    aucs = levels(none=0.92, partial2=0.85, full=0.80)
    bill, short, whole = told(run(levels=aucs, strategies=list(aucs)))
    assert view(run()).panels[0].verdict.kind == "hurt"
    assert bill.paybacks[0].buy == "none"
    assert "it has paid for itself after 2 adaptations, or one on a pool of about " in short
    assert "The answer, no DAPT, saves 97% " in whole


def test_a_dearer_answer_has_saved_nothing(run):
    aucs = {"none": (0.70, 0.0, 0.0), "full": (0.80, 0.0, 20.0), "cut3": (0.92, 0.0, 40.0)}
    _, short, whole = told(run(levels=aucs, strategies=list(aucs)))
    assert "has saved nothing: the answer, cut3, costs 1.9 times the training FLOPs of" in short
    assert "cut3, costs 1.9 times the training FLOPs of full DAPT: it has saved nothing" in whole


def test_undecided_has_saved_nothing_so_far(run):
    aucs = levels(none=0.85, full=0.85)
    one = run(levels=aucs, strategies=list(aucs), noise=1e-4, patients=0.2)
    bill, short, whole = told(one)
    assert bill.paybacks[0].kind == "undecided"
    assert "and has saved nothing so far: the verdict is undecided." in short
    assert "Undecided: it has saved nothing so far, and cost as much as" in whole


@pytest.mark.parametrize("name", ["full", "partial2"])
def test_one_strategy_leaves_nothing_to_save(run, name):
    _, short, _ = told(run(strategies=[name]))
    called = "full DAPT" if name == "full" else name
    assert f"by {called} (in training FLOPs), and has saved nothing: only {called} was" in short


def test_without_full_it_is_set_against_the_costliest(run):
    names = ["none", "partial1", "partial2", "hybrid1"]
    bill, _, whole = told(run(strategies=names))
    assert (bill.paybacks[0].buy, bill.paybacks[0].reference) == ("partial2", "hybrid1")
    assert "of the training FLOPs of hybrid1, the costliest strategy here" in whole


def test_full_on_several_pools_is_no_one_reference(run):
    aucs = {"none": (0.70, 0.0, 0.0), "small": (0.9, 0.0, 10.0), "large": (0.9, 0.0, 40.0)}
    pools = {"small": 600, "large": 2400}
    bill, _, whole = told(run(levels=aucs, strategies=list(aucs), pools=pools, noise=1e-4))
    (pays,) = bill.paybacks
    assert (pays.buy, pays.reference, pays.images) == ("small", "large", 2400)
    assert pays.after is not None
    assert pays.pool_ratio is None  # each adapts on a pool of its own
    assert "of large, the costliest strategy here" in whole


def test_without_energy_it_is_told_in_time(run):
    bill, short, whole = told(run(quality=Quality.UNAVAILABLE))
    assert bill.paybacks[0].cost_key == "wall_s"
    assert bill.paybacks[0].saved is None
    assert short.startswith("The question cost 36 min 58 s of work (its energy is not known), as")
    assert "(in time)" in short
    assert "J" not in whole


def test_measured_energy_counts_itself(run):
    bill, short, _ = told(run(quality=Quality.MEASURED))
    assert bill.paybacks[0].cost_key == "carbon_g"
    assert "(in carbon)" in short
    assert short.startswith("The question cost 23.4 Wh and ~11 g of CO2e, ")


def test_without_any_common_cost_nothing_is_claimed(run):
    one = run()
    first, *rest = one.summary.rows
    costs = ("energy_j", "carbon_g", "wall_s", "training_flops")
    bare = first.model_copy(
        update={
            key: getattr(first, key).model_copy(
                update={"value": None, "quality": Quality.UNAVAILABLE, "low": None, "high": None}
            )
            for key in costs
        }
    )
    summary = one.summary.model_copy(update={"rows": [bare, *rest]})
    bill, short, whole = told(replace(one, summary=summary))
    assert bill.paybacks[0].kind == "uncosted"
    assert short.endswith("; what it saves is not known.")
    assert "no cost is known for every strategy" in whole


@pytest.mark.parametrize("all_of_it", [True, False])
def test_what_an_earlier_run_paid_is_in_it_and_said(run, all_of_it):
    one = run()
    records = [
        record.model_copy(update={"reused": all_of_it or record.role == "adaptation"})
        for record in one.records
    ]
    bill, _, whole = told(replace(one, records=tuple(records)))
    assert bill.spent == view(one).bill.spent
    if all_of_it:
        assert "An earlier run paid all of it, and this one nothing." in whole
    else:
        assert bill.taken_over["energy_j"].value == pytest.approx(69e3)
        assert "An earlier run paid ~19 Wh and ~9.2 g of CO2e of it." in whole


def test_a_stage_that_ran_twice_was_paid_twice(run):
    one = run()
    again = [record for record in one.records if record.key == "adaptation0"]
    seen = view(replace(one, records=(*one.records, *again)))
    assert seen.bill.spent["energy_j"].value == pytest.approx(charged(one, "energy_j") + 9e3)
    assert seen.spending_note.startswith("This run used 25.9 Wh")


def test_stages_that_failed_were_not_metered_and_that_is_said(run):
    one = run()
    broken = one.records[0].model_copy(
        update={"key": "x", "role": "transfer", "status": "failed", "error": "x", "figures": {}}
    )
    _, _, whole = told(replace(one, records=(*one.records, broken)))
    assert "1 stage failed and left no figure: it cost more than that." in whole


def test_of_an_unfinished_run_it_is_so_far(run):
    one = replace(run(), interim="Interim: some are done; it is running now")
    _, short, whole = told(one)
    assert short.startswith("The question has cost ~23 Wh and ~11 g of CO2e so far, as ")
    assert "so far: every stage" in whole


def test_a_part_is_billed_for_the_whole_run(run):
    one = run()
    (pays,) = view(part_of(one, ["none", "full"])).bill.paybacks
    assert pays.worth == pytest.approx(view(one).bill.paybacks[0].worth)


def test_every_setting_is_set_against_the_whole_cost(run):
    bill, short, whole = told(run(shots=[5, "full"]))
    assert [one.setting for one in bill.paybacks] == ["5 labels a class", "all labels"]
    assert short.endswith("; it has paid for itself after 3 adaptations in 2 settings.")
    for one in bill.paybacks:
        assert f"{one.setting}: The answer, partial2, saves 67% " in whole
        assert f"which cost as much as {bill_text.count(one.worth)} adaptations by" in whole


def test_settings_that_save_nothing_are_counted(run):
    aucs = levels(none=0.70, partial2=0.80, full=0.92)
    _, short, _ = told(run(levels=aucs, strategies=list(aucs), shots=[50, "full"]))
    assert short.endswith(" and has saved nothing in any of 2 settings.")


@pytest.mark.parametrize("name", ["html", "md", "json", "modelcard", "terminal"])
def test_formats_say_it(run, name, tmp_path):
    one = run()
    seen = view(one)
    path, *_ = table.write_to(one, seen, name, tmp_path / "report")
    text = " ".join(path.read_text(encoding="utf-8").split()).replace("\\", "")
    assert "paid for itself after 3 adaptations" in text
    if name in ("html", "md"):
        assert "every stage, shared ones once, and all tests" in text
        assert bill_text.by_setting(seen.bill)[0] in text
    if name == "json":
        said = json.loads(path.read_text(encoding="utf-8"))["bill"]
        assert said["spent"]["energy_j"]["value"] == seen.bill.spent["energy_j"].value
        assert said["settings"][0]["pays_after_adaptations"]["mean"] == pytest.approx(
            seen.bill.paybacks[0].after.mean
        )
