"""Planned against measured."""

import pytest

from greendapt.core.figures import Figure, Quality
from greendapt.core.records import Record
from greendapt.report.view.planned import cells, planned
from greendapt.store.forecasts import Forecast, StageForecast


def record(key, wall_s, energy_j, reused=False):
    joules = Figure.unavailable("J", "no meter")
    if energy_j is not None:
        joules = Figure(value=energy_j, unit="J", quality=Quality.ESTIMATED, source="model")
    return Record(
        key=key,
        kind="adapt",
        role="adaptation",
        title=key,
        reused=reused,
        started_at="",
        figures={"wall_s": Figure.measured(wall_s, "s", "clock"), "energy_j": joules},
    )


def forecast(**kinds):
    stages = tuple(
        StageForecast(
            key=key, kind=kind, role="adaptation", label=key, flops=1, wall_s=2.0, energy_j=30.0
        )
        for key, kind in kinds.items()
    )
    return Forecast(schema=1, made_at="", device="d", basis=(), stages=stages)


def test_ratios_are_planned_over_measured_by_kind_and_in_all():
    said = forecast(a="adapt", b="adapt", c="probe")
    rows = planned(said, [record("a", 1.0, 10.0), record("b", 1.0, 10.0), record("c", 4.0, 60.0)])
    assert [row.title for row in rows] == ["Adaptation (DAPT)", "Heads", "All"]
    assert [row.wall_ratio for row in rows] == [2.0, 0.5, 1.0]
    assert [row.energy_ratio for row in rows] == [3.0, 0.5, pytest.approx(90 / 80)]
    assert cells(rows[-1]) == ("All", "3", "6.0 s", "6.0 s", "1.00", "90 J", "80 J", "1.12")


def test_only_what_was_planned_and_ran_here_is_compared():
    said = forecast(a="adapt", b="adapt", never="adapt")
    ran = [record("a", 1.0, None), record("b", 1.0, 1.0, reused=True), record("other", 9.0, 1.0)]
    (row, every) = planned(said, ran)
    assert row.expected.stages == every.expected.stages == 1
    assert row.wall_ratio == 2.0
    assert row.energy_ratio is None


def test_no_plan_no_table():
    assert planned(None, [record("a", 1.0, 1.0)]) == ()
    assert planned(forecast(a="adapt"), []) == ()
