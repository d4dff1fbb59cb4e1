"""The view: grouping over seeds, comparisons, fronts and honest verdicts."""

import re
from dataclasses import replace

import numpy as np
import pytest

from greendapt.core.figures import Quality
from greendapt.core.remarks import leak
from greendapt.report.report_files import load_run
from greendapt.report.view.from_run import view
from greendapt.report.view.model import DEVELOPMENT
from greendapt.report.view.sentences import Amount, joined
from greendapt.report.view.spending import stage_costs
from greendapt.stats.crossed import Sample, crossed
from greendapt.suite.references import full_dapt, no_dapt


def levels(run_writer, **changed):
    """The strategies' AUCs, some of them changed."""
    return {
        name: (changed.get(name, auc), carried, energy)
        for name, (auc, carried, energy) in run_writer.levels.items()
    }


def text(view):
    said = [view.headline, *view.details, *view.caveats]
    return " ".join([*said, *(s for p in view.panels for s in p.verdict.sentences)])


def model_of(rows):
    """The error model of a run that kept nothing of its patients."""
    names = dict.fromkeys(row.strategy for row in rows)
    return crossed(
        {
            name: Sample(
                {r.seed: r.metrics["development"]["auc"] for r in rows if r.strategy == name}
            )
            for name in names
        }
    )


def test_entries_are_means_over_seeds_with_the_error_models_interval(seen, run_writer):
    (panel,) = seen().panels
    rows = load_run(run_writer.folder).summary.rows
    expected = model_of(rows)
    for entry in panel.entries:
        mine = [row for row in rows if row.strategy == entry.name]
        estimate = entry.metrics[DEVELOPMENT]
        interval = expected.interval(entry.name)
        assert (estimate.mean, estimate.low, estimate.high) == pytest.approx(interval)
        assert estimate.basis == "seeds"
        carbon = entry.costs["carbon_g"]
        assert carbon.estimate.mean == pytest.approx(np.mean([r.carbon_g.value for r in mine]))
        assert carbon.quality is Quality.ESTIMATED
        assert entry.seeds == (0, 1, 2)
    costs = [entry.costs["carbon_g"].estimate.mean for entry in panel.entries]
    assert costs == sorted(costs)


def test_comparisons_are_paired_by_seed(seen, run_writer):
    (panel,) = seen().panels
    rows = load_run(run_writer.folder).summary.rows
    entry = next(entry for entry in panel.entries if entry.name == "partial2")
    expected = model_of(rows).difference("partial2", "full")
    assert entry.against_full.metrics[DEVELOPMENT] == pytest.approx(expected)
    assert entry.against_full.ratios["energy_j"].mean == pytest.approx(15.5 / 47.3, rel=0.03)
    assert next(e for e in panel.entries if e.name == "full").against_full is None


def test_the_front_is_that_of_the_means_and_says_how_sure_it_is(seen):
    (panel,) = seen().panels
    best = -1.0
    for entry in panel.entries:  # from cheap to dear
        assert entry.standing.on_front == (entry.metrics[DEVELOPMENT].mean > best)
        best = max(best, entry.metrics[DEVELOPMENT].mean)
        assert 0 <= entry.standing.probability <= 1
    assert panel.entries[0].standing.probability > 0.2


def test_the_best_buy_is_the_cheapest_that_nothing_credibly_beats(seen, run_writer):
    run_writer.noise = 1e-4
    view = seen(levels=levels(run_writer, partial2=0.9261, hybrid1=0.90, cut3=0.90))
    assert view.panels[0].verdict.kind == "buy"
    assert view.panels[0].verdict.buy == "partial2"
    assert "partial2 is the best buy: it saves 67%" in view.headline
    assert "of the training FLOPs of full DAPT" in view.headline  # energy is an estimate here
    assert "a credible gain" in text(view)
    assert "worse than the best strategy by more than the margin of 0.02 AUC is under 1%" in text(
        view
    )


def test_within_the_margin_the_cheapest_is_as_good(seen, run_writer):
    near = levels(run_writer, partial1=0.912, partial2=0.90, cut2=0.89, cut3=0.905)
    buys = {
        margin: seen(levels=near, noise=1e-4, margin=margin).panels[0].verdict.buy
        for margin in (0.001, 0.02, 0.2)
    }
    assert buys == {0.001: "hybrid2", 0.02: "partial1", 0.2: "none"}


def test_measured_costs_order_strategies_themselves(seen):
    view = seen(quality=Quality.MEASURED, noise=1e-4)
    assert "of the carbon of full DAPT" in view.headline


def test_patients_widen_what_seeds_alone_would_say(seen):
    def widths(patients):
        (panel,) = seen(patients=patients).panels
        entry = next(one for one in panel.entries if one.name == "partial2")
        gap = entry.against_full.score
        return entry.score.high - entry.score.low, gap.high - gap.low, entry.score.basis

    seeds, both = widths(0.0), widths(0.03)
    assert (seeds[2], both[2]) == ("seeds", "seeds and patients")
    assert both[0] > 3 * seeds[0]
    assert both[1] < both[0] / 2  # paired by patient


def test_dapt_that_hurts_is_said_to_hurt(seen, run_writer):
    hurt = levels(run_writer, **(dict.fromkeys(run_writer.levels, 0.80) | {"none": 0.85}))
    view = seen(levels=hurt, synthetic=False)
    assert view.panels[0].verdict.kind == "hurt"
    assert view.panels[0].verdict.buy == "none"
    assert view.headline.startswith("No DAPT reaches a development AUC of 0.8")
    assert "times the training FLOPs: adaptation hurt here." in view.headline


def test_full_dapt_that_hurts_is_named_even_where_another_strategy_wins(seen, run_writer):
    mixed = levels(run_writer, none=0.85, full=0.80, partial1=0.95)
    view = seen(levels=mixed)
    assert view.panels[0].verdict.buy == "partial1"
    assert "adaptation hurt here" in text(view)


def test_what_cannot_be_told_apart_is_undecided_and_says_what_would_decide(seen, run_writer):
    same = levels(run_writer, **dict.fromkeys(run_writer.levels, 0.85))
    view = seen(levels=same, noise=0.03, patients=0.001)
    assert view.panels[0].verdict.kind == "undecided"
    assert view.panels[0].verdict.buy == ""
    assert view.headline.startswith("Undecided between ")
    assert re.search(r"About \d+ more seeds? would decide it \(~.+ Wh\)\.", text(view))


def test_where_patients_decide_seeds_do_not(seen, run_writer):
    same = levels(run_writer, **dict.fromkeys(run_writer.levels, 0.85))
    view = seen(levels=same, noise=1e-4, strategies=["none", "full"], patients=0.2)
    assert view.panels[0].verdict.kind == "undecided"
    assert "instead of 150; seeds cannot decide it" in text(view)


def test_one_seed_has_no_interval_but_over_patients_and_says_so(seen):
    view = seen(seeds=1, patients=0.01)
    estimate = view.panels[0].entries[0].metrics[DEVELOPMENT]
    assert estimate.basis == "patients"
    assert estimate.high - estimate.low == pytest.approx(2 * 1.98 * 0.01, rel=0.15)
    assert "intervals cover the choice of test patients" in text(view)
    view = seen(patients=0.0)
    assert view.panels[0].entries[0].metrics[DEVELOPMENT].low is None
    assert view.panels[0].entries[0].standing.probability is None
    assert "Only one seed was run" in text(view)
    assert "this may be luck" in text(view)


def test_external_sets_near_chance_are_called_that(seen):
    view = seen(
        external={"nih": 0.50, "far": 0.75},
        levels={"none": (0.8, 0, 0), "full": (0.9, 0.005, 40)},
        strategies=["none", "full"],
    )
    assert "On nih every strategy is near chance or below, AUC 0.4" in text(view)
    assert "On far (external) full DAPT reaches 0.7" in text(view)
    assert "On far every strategy" not in text(view)


def test_an_external_set_clearly_below_chance_is_reversed(seen):
    view = seen(
        external={"nih": 0.21},
        levels={"none": (0.8, 0, 0), "full": (0.9, 0.005, 40)},
        strategies=["none", "full"],
    )
    assert "On nih every strategy is reversed, AUC 0.2" in text(view)
    assert "near chance" not in text(view)


def test_where_adaptation_hurts_outside_the_verdict_says_so(seen):
    levels = {"none": (0.8, 0.10, 0), "full": (0.9, -0.05, 40)}
    view = seen(external={"far": 0.75}, levels=levels, strategies=["none", "full"])
    assert "Adaptation hurt there." in text(view)
    levels["full"] = (0.9, 0.10, 40)
    assert "hurt" not in text(seen(levels=levels))


@pytest.mark.parametrize(("patients", "warned"), [(199, True), (200, False), (None, False)])
def test_a_small_external_set_is_called_small(run_writer, patients, warned):
    run = load_run(run_writer.write())
    data = run.info.data
    small = data.external["hospital_b"].model_copy(update={"patients": patients})
    told = data.model_copy(update={"external": {"hospital_b": small}})
    shown = view(replace(run, info=run.info.model_copy(update={"data": told})))
    assert any("199 patients: few to judge on" in fact.text for fact in shown.validity) == warned


def test_a_leak_stands_in_the_verdict(seen):
    told = "57 of 58 images of the test part are copies of images of the training part"
    view = seen(notes=[leak(f"{told}.").model_dump()])
    assert view.headline.endswith(f" But {told}: these figures are not to be believed.")
    assert f"{told}." in view.caveats


def test_caveats_say_what_the_numbers_are(seen):
    said = " ".join(seen().caveats)
    assert "All data are synthetic" in said
    assert "Energy is estimated" in said
    assert "default grid (481 g/kWh)" in said


def test_what_the_data_check_found_stands_beside_the_verdict(seen):
    view = seen(notes=["The pool and nih are the same source."])
    assert "The pool and nih are the same source." in view.caveats
    assert any(fact.text == view.caveats[1] and fact.warn for fact in view.validity)


def test_measured_energy_real_data_and_a_named_grid_need_no_caveat(seen):
    said = " ".join(seen(synthetic=False, quality=Quality.MEASURED, flagged=False).caveats)
    assert "synthetic" not in said
    assert "estimated" not in said
    assert "grid" not in said


def test_unavailable_energy_stays_unavailable_and_time_stands_in(seen):
    view = seen(quality=Quality.UNAVAILABLE)
    assert view.cost_key == "wall_s"
    assert view.panels[0].entries[0].costs["carbon_g"].estimate is None
    assert "Energy is not available" in text(view)
    assert "of the time of full DAPT" in view.headline


def test_failed_cells_are_named_and_the_rest_is_judged(seen):
    failure = {"strategy": "full", "seed": 1, "transfer": "probe", "shots": "full"}
    view = seen(failures=[{**failure, "stage": "dapt full", "error": "out of memory"}])
    assert view.failures[0].cell == "full, resnet18, seed 1, probe, all labels"
    assert "1 cell failed (full): see below." in view.caveats
    assert "between 2 and 3 finished seeds" in text(view)
    full = next(entry for entry in view.panels[0].entries if entry.name == "full")
    assert full.seeds == (0, 2)


@pytest.mark.parametrize(
    ("strategies", "said"),
    [
        (["full"], "Only full DAPT was run"),
        (["full", "partial1"], "The run has no strategy without DAPT"),
        (["none", "partial1"], "The run has no full DAPT to compare with"),
        (["cut2", "partial1"], "is the best buy"),
    ],
)
def test_missing_references_are_said_to_be_missing(seen, strategies, said):
    assert said in text(seen(strategies=strategies))


def test_nothing_finished_is_no_verdict(seen):
    failure = {"seed": 0, "transfer": "probe", "shots": "full", "stage": "dapt", "error": "no"}
    view = seen(strategies=["none"], seeds=1, failures=[{"strategy": "none", **failure}])
    assert view.panels == ()
    assert view.headline == "No cell finished: there is nothing to judge."


def test_each_backbone_transfer_and_number_of_shots_is_a_question_of_its_own(seen):
    view = seen(
        backbones=["resnet18", "densenet121"], shots=["full", 5], strategies=["none", "full"]
    )
    assert [panel.title for panel in view.panels] == [
        "resnet18, 5 labels a class",
        "resnet18, all labels",
        "densenet121, 5 labels a class",
        "densenet121, all labels",
    ]
    assert "in all 4 settings" in view.headline


def test_references_are_found_by_what_they_do_not_by_their_name(run_writer):
    suite = run_writer.suite()
    with_both = ["cut2-none", "cut2", "hybrid1", "full", "none"]
    assert (no_dapt(suite, with_both), full_dapt(suite, with_both)) == ("none", ["full"])
    neither = ["cut2-none", "cut2", "hybrid1"]
    assert (no_dapt(suite, neither), full_dapt(suite, neither)) == (None, [])


def test_the_environment_is_told_as_people_say_it(seen):
    told = {fact.topic: fact.text for fact in seen().reproduce}
    assert told["ram"] == "64 GB"
    assert told["torch"] == "2.9.0"
    assert told["fingerprint"] == "5f2c9e"


def test_spending_is_by_role_with_the_sunk_cost_apart(seen):
    roles = {role.role: role for role in seen().spending}
    assert list(roles) == ["adaptation", "transfer", "evaluation", "sunk"]
    assert roles["adaptation"].values["energy_j"] == pytest.approx(69e3)
    assert roles["sunk"].share is None
    assert sum(roles[role].share for role in ("adaptation", "transfer", "evaluation")) == (
        pytest.approx(1)
    )
    assert roles["adaptation"].values["energy_gpu_j"] is None
    assert roles["adaptation"].missing["energy_gpu_j"] == 3


def test_what_was_spent_is_less_than_the_cells_alone_because_stages_are_shared(seen):
    note = seen().spending_note
    assert note.startswith("This run used 23.4 Wh and emitted 11.3 g")
    assert "ran once" in note


def test_stages_of_each_target_are_a_line_of_their_own_over_all_seeds(run_writer):
    run = load_run(run_writer.write())
    titles = ["adapt full", "features of full for chest", "features of full for shapes"]
    records = [
        run_writer.record(f"{title} {seed}", "transfer", title, 1e3 * (place + 1), seed=seed)
        for place, title in enumerate(titles)
        for seed in range(3)
    ]
    keys = [record.key for record in records]
    row = run.summary.rows[0].model_copy(update={"stages": keys})
    summary = run.summary.model_copy(update={"rows": [row]})
    lines = stage_costs(replace(run, records=records, summary=summary))
    assert [(line.label, line.stages) for line in lines] == [(t, 3) for t in titles[::-1]]
    assert [line.values["energy_j"] for line in lines] == [9e3, 6e3, 3e3]
    assert {line.strategies for line in lines} == {1}


def test_a_sentence_is_its_text_and_knows_its_amounts(seen):
    (panel,) = seen(noise=1e-4).panels
    entries = {entry.name: entry for entry in panel.entries}
    reached = next(s for s in panel.verdict.sentences if s.startswith("It reaches"))
    masses = [span for span in reached.spans if isinstance(span, Amount)]
    assert "".join(s.text if isinstance(s, Amount) else s for s in reached.spans) == reached
    assert [mass.value for mass in masses] == [
        entries[name].costs["carbon_g"].estimate.mean for name in (panel.verdict.buy, "full")
    ]
    assert {mass.unit for mass in masses} == {"g"}
    both = joined(panel.verdict.sentences)
    assert both == " ".join(panel.verdict.sentences)
    assert set(masses) <= set(both.spans)


@pytest.mark.parametrize("classes", [2, ["healthy", "ill"]])
def test_classes_are_counted_whether_a_number_or_names(run_writer, monkeypatch, classes):
    info = run_writer.info()
    info["data"]["pool"]["classes"] = classes
    monkeypatch.setattr(run_writer, "info", lambda: info)
    shown = view(load_run(run_writer.write()))
    assert any("2 classes" in fact.text for fact in shown.validity if fact.topic == "Data, pool")
