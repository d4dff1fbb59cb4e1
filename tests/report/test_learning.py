"""Curves over energy, quality at equal energy, robustness, and where each stage's energy went."""

from dataclasses import replace

import pytest

from greendapt.core.figures import Figure, Quality
from greendapt.core.records import PrefixDetails, Record
from greendapt.report.report_files import load_run
from greendapt.report.view.learning import epoch_shares, learning


def record(wall_s, **details):
    figure = Figure(value=wall_s, unit="s", quality=Quality.MEASURED, source="a test")
    return Record(
        key="k", kind="adapt", role="adaptation", title="x", started_at="",
        figures={"wall_s": figure}, details=details,
    )  # fmt: skip


def test_curves_run_on_through_the_phases_and_keep_the_best(usual_view):
    (learning,) = usual_view.learning
    curves = {curve.name: curve for curve in learning.curves}
    assert "none" not in curves  # nothing was trained
    hybrid = curves["hybrid1"]
    assert len(hybrid.loss) == 9  # three phases of three epochs
    assert hybrid.energy_j[-1] == pytest.approx(27e3)
    assert list(hybrid.energy_j) == sorted(hybrid.energy_j)
    assert list(hybrid.loss) == sorted(hybrid.loss, reverse=True)


def test_epochs_are_placed_by_the_clock_what_lies_outside_before_them():
    assert epoch_shares(record(10.0, epoch_s=[2.0, 4.0]), 2) == [0.8, 1.0]


@pytest.mark.parametrize("details", [{}, {"epoch_s": [1.0]}, {"epoch_s": [1.0, 99.0]}])
def test_epochs_without_sound_times_are_equally_long(details):
    assert epoch_shares(record(10.0, **details), 2) == [0.5, 1.0]


def test_a_stage_that_goes_on_counts_its_own_epochs_and_a_prefix_only_its_energy(run_writer):
    run = load_run(run_writer.write())
    full = next(row for row in run.summary.rows if row.strategy == "full")
    row = full.model_copy(update={"stages": ["prefix", "first", "more"]})
    records = (
        run_writer.record("prefix", "adaptation", "prefix", 1e3).model_copy(
            update={"kind": "prefix", "details": PrefixDetails()}
        ),
        run_writer.record("first", "adaptation", "first", 2e3, [0.8, 0.4]),
        run_writer.record("more", "adaptation", "more", 4e3, [0.8, 0.4, 0.2]),
    )
    records[2].details = records[2].details.model_copy(update={"epoch_s": (1.0,)})
    summary = run.summary.model_copy(update={"rows": [row]})
    (found,) = learning(replace(run, summary=summary, records=records), {row.strategy: 0})
    (curve,) = found.curves
    assert curve.loss == (0.8, 0.4, 0.2)
    assert curve.energy_j == pytest.approx((2e3, 3e3, 7e3))


def test_losses_of_strategies_without_energy_are_not_drawn(seen):
    assert seen(chains=True, quality=Quality.UNAVAILABLE).learning == ()


def test_no_budget_is_overdrawn_and_none_buys_less_than_a_smaller_one(seen):
    (panel,) = seen().panels
    assert all(offer.energy_j <= offer.limit for offer in panel.budgets)
    scores = [offer.score.mean for offer in panel.budgets]
    assert scores == sorted(scores)
    assert max(entry.metrics["development", "auc"].mean for entry in panel.entries) == scores[-1]


def test_every_target_is_reached_by_nothing_cheaper(seen):
    (panel,) = seen().panels
    for offer in panel.targets:
        assert offer.score.mean >= offer.limit
        for entry in panel.entries:
            if entry.costs["energy_j"].estimate.mean < offer.energy_j:
                assert entry.metrics["development", "auc"].mean < offer.limit


def test_one_strategy_or_an_unknown_energy_offers_nothing(seen):
    assert seen(strategies=["full"]).panels[0].budgets == ()
    assert seen(quality=Quality.UNAVAILABLE).panels[0].targets == ()


def test_robustness_has_every_corruption_at_every_severity(seen):
    (panel,) = seen(severities=[1, 3, 5]).panels
    found = panel.robustness
    assert found.conditions == (("noise", "1"), ("noise", "3"), ("noise", "5"))
    mild, middle, hard = found.rows["full"]
    assert mild.mean > middle.mean > hard.mean
    assert mild.n == 3


def test_steps_say_how_many_strategies_share_them(usual_view):
    steps = {step.label: step for step in usual_view.stage_costs}
    assert steps["full phase 1"].stages == 3  # one a seed
    assert steps["full phase 1"].strategies == 1
    assert steps["sunk 0"].strategies == 0
    energies = [step.values["energy_j"] for step in usual_view.stage_costs]
    assert energies == sorted(energies, reverse=True)
