"""Grams are put on joules once, for whatever grid is asked for."""

from pathlib import Path

import pytest

from greendapt.accounting.grams import summary_on, with_grams
from greendapt.accounting.grid import grid
from greendapt.core.figures import Figure, Quality
from greendapt.report.report_files import grid_of, load_run, other_grid
from greendapt.report.view.from_run import view
from greendapt.store.run import RunFolder

OLD = Path(__file__).parents[1] / "store" / "run_schema_1"
"""A run of schema 1: its records have grams, on the world's average grid."""
FORMULA = "energy_green_algorithms_j"


def figures(formula="Green Algorithms: 8 W x 1 + 24 GB, PUE 1"):
    estimated = Figure(value=50.0, unit="J", quality=Quality.ESTIMATED, source=formula)
    return {
        "wall_s": Figure.measured(2.0, "s", "clock"),
        "energy_j": Figure.measured(3.6e6, "J", "counter"),
        FORMULA: estimated,
    }


def test_the_building_is_put_on_once_and_named():
    housed = with_grams(figures(), grid(None, 100.0, 1.5))
    assert housed["energy_j"].value == 3.6e6
    assert housed["carbon_g"].value == pytest.approx(150.0)
    assert housed[FORMULA].value == pytest.approx(75.0)
    assert housed[FORMULA].source.endswith("24 GB, PUE 1.5")
    assert housed["embodied_g"].value is None
    migrated = with_grams(figures("Green Algorithms: 8 W, PUE 1.25"), grid(None, 100.0, 1.3))
    assert migrated[FORMULA].source.endswith("8 W, PUE 1.3")


def test_what_is_not_known_has_no_grams():
    unknown = {**figures(), "energy_j": Figure.unavailable("J", "no counter")}
    assert with_grams(unknown, grid())["carbon_g"].source == "no counter"
    assert "not known" in with_grams({}, grid())["carbon_g"].source


def costs(row):
    return {"row": vars(row), **row.parts}


def test_another_grid_scales_grams_exactly_and_leaves_energy():
    own = load_run(OLD)
    there = load_run(OLD, grid(None, 2 * 475.0, 1.5))
    for before, after in zip(own.summary.rows, there.summary.rows, strict=True):
        for where, figures in costs(after).items():
            old = costs(before)[where]
            assert figures["energy_j"] == old["energy_j"]
            assert figures["carbon_g"].value == pytest.approx(3 * old["carbon_g"].value)
            assert figures[FORMULA].value == pytest.approx(1.5 * old[FORMULA].value)
        if after.sci_auc_point_g.value is not None:
            assert after.sci_auc_point_g.value == pytest.approx(3 * before.sci_auc_point_g.value)
        assert after.sci_image_g.value == pytest.approx(3 * before.sci_image_g.value)
        assert after.metrics == before.metrics
    for before, after in zip(own.records, there.records, strict=True):
        assert after.value("energy_j") == before.value("energy_j")
        assert after.value("carbon_g") == pytest.approx(3 * before.value("carbon_g"))
    spent = own.summary.spent["carbon_g"].value
    assert there.summary.spent["carbon_g"].value == pytest.approx(3 * spent)


def test_the_run_s_own_grid_gives_what_the_run_says():
    run = RunFolder(OLD).finished()
    own = grid_of(run.info)
    again = summary_on(run.summary, run.info.suite, own, own.pue)
    for before, after in zip(run.summary.rows, again.rows, strict=True):
        for name in ("carbon_g", FORMULA, "sci_image_g", "sci_auc_point_g"):
            old, new = getattr(before, name), getattr(after, name)
            assert new.value == (None if old.value is None else pytest.approx(old.value))
    total = sum(record.value("carbon_g") for record in load_run(OLD).records if not record.reused)
    assert total == pytest.approx(run.summary.spent["carbon_g"].value)


def test_a_building_that_was_in_it_is_taken_off_first():
    run = RunFolder(OLD).finished()
    suite, own = run.info.suite, grid(None, 475.0, 1.0)
    housed = summary_on(run.summary, suite, grid(None, 475.0, 1.6), 1.0)
    back = summary_on(housed, suite, own, 1.6)
    for before, after in zip(run.summary.rows, back.rows, strict=True):
        assert getattr(after, FORMULA).value == pytest.approx(getattr(before, FORMULA).value)


@pytest.mark.parametrize(
    ("asked", "intensity", "pue", "flagged"),
    [
        ({"pue": 1.3}, 475.0, 1.3, True),
        ({"intensity_g_per_kwh": 10.0}, 10.0, 1.0, False),
        ({"region": "FRA", "pue": 1.1}, grid("FRA").intensity_g_per_kwh, 1.1, False),
    ],
)
def test_what_is_not_asked_stays_as_the_run_has_it(asked, intensity, pue, flagged):
    asked = {"region": None, "intensity_g_per_kwh": None, "pue": None} | asked
    chosen = other_grid(OLD, **asked)
    assert chosen is not None
    assert (chosen.intensity_g_per_kwh, chosen.pue) == (intensity, pue)
    assert chosen.flagged is flagged


def test_nothing_asked_is_the_run_s_own_grid():
    assert other_grid(OLD, None, None, None) is None


def test_the_page_names_both_grids():
    seen = view(load_run(OLD, other_grid(OLD, "FRA", None, 1.3)))
    (fact,) = [fact for fact in seen.validity if fact.topic == "Grid"]
    assert "France" in fact.text
    assert "the run was made for another grid: 475 gCO2e/kWh, world average" in fact.text
    assert seen.pue == 1.3
    assert seen.intensity_g_per_kwh == grid("FRA").intensity_g_per_kwh
    assert not any("default grid" in caveat for caveat in seen.caveats)
    (entry,) = [entry for entry in seen.panels[0].entries if entry.name == "full"]
    own = next(e for e in view(load_run(OLD)).panels[0].entries if e.name == "full")
    factor = 1.3 * grid("FRA").intensity_g_per_kwh / 475.0
    assert entry.costs["carbon_g"].estimate.mean == pytest.approx(
        factor * own.costs["carbon_g"].estimate.mean
    )
