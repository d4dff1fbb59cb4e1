"""Where the prices of a budget come from."""

import json

import pytest

from greendapt.core.errors import SuiteError
from greendapt.core.figures import Figure
from greendapt.disk.cache import cache_folder
from greendapt.forecast.budgeting import terms_of
from greendapt.run.budget import parse_budget
from greendapt.run.plan import stages
from greendapt.run.prepare import prepare_session
from greendapt.suite import suite_files

pytestmark = pytest.mark.usefixtures("undone", "own_plans")


@pytest.fixture
def own_plans(tmp_path, monkeypatch):
    monkeypatch.setenv("GREENDAPT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def prepared(tiny):
    """``prepared(changes)``: a session."""

    def prepare(**changes):
        strategies = {"run": {"strategies": ["none"]}}
        suite = suite_files.load(tiny, changes=[strategies, changes])
        return prepare_session(suite, lambda _line: None)

    return prepare


def terms(session, budget, out, before=()):
    told = []
    return terms_of(session, parse_budget(budget), out, before, told.append), told


def test_timing_the_stages_is_paid_and_its_plan_is_kept_for_the_next_time(prepared, tmp_path):
    session = prepared()
    first, told = terms(session, "100mg", tmp_path)
    assert "looking first what the stages take" in told[0]
    assert all(amount > 0 for amount in first.timed)
    assert first.prices.keys() == {stage.key for stage in stages(session.plan)}
    assert all(price.amount > 0 for price in first.prices.values())
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]
    second, told = terms(session, "10s", tmp_path)
    assert told == []
    assert second.timed == (0.0, 0.0)
    (kept,) = (cache_folder() / "plans").iterdir()
    planned = {one["key"]: one for one in json.loads(kept.read_bytes())["stages"]}
    joules = {key: planned[key]["energy_j"] for key in first.prices}
    assert {key: price.amount for key, price in first.prices.items()} == pytest.approx(joules)
    seconds = {key: planned[key]["wall_s"] for key in second.prices}
    assert {key: price.amount for key, price in second.prices.items()} == pytest.approx(seconds)


def test_a_plan_that_counted_on_weights_which_are_gone_is_made_again(prepared, tmp_path):
    session = prepared(model={"weights": "fractal"})
    terms(session, "0.1s", tmp_path)
    (path,) = (cache_folder() / "plans").iterdir()
    plan = json.loads(path.read_bytes())
    (weights,) = (one for one in plan["stages"] if one["kind"] == "pretrain")
    weights |= {"kept": "in the user's cache", "wall_s": 0.0, "energy_j": 0.0}
    path.write_text(json.dumps(plan), encoding="utf-8")
    again, told = terms(session, "0.1s", tmp_path)
    assert told
    assert again.prices[weights["key"]].amount > 0


def test_where_nothing_is_due_nothing_is_timed(prepared, tmp_path):
    session = prepared()
    done = [
        stage.record(
            "2026-01-01T00:00:00+00:00", figures={"wall_s": Figure.measured(2.0, "s", "test")}
        )
        for stage in stages(session.plan)
    ]
    given, told = terms(session, "1h", tmp_path, done)
    assert told == []
    assert {price.amount for price in given.prices.values()} == {2.0}


@pytest.mark.parametrize("budget", ["1g", "1Wh"])
def test_without_a_meter_of_energy_only_time_can_be_a_budget(
    prepared, tmp_path, monkeypatch, budget
):
    monkeypatch.setattr("greendapt.meter.sources.opening.ranked", list)
    session = prepared()
    with pytest.raises(SuiteError, match=r"a budget of .*: nothing here knows what energy"):
        terms(session, budget, tmp_path)
    given, _ = terms(session, "0.1s", tmp_path)
    assert all(price.amount > 0 for price in given.prices.values())


def test_grams_need_an_intensity_for_now(prepared, tmp_path):
    hours = tmp_path / "hours.csv"
    hours.write_text("time,g\n2020-01-01T00:00Z,100\n2020-01-01T01:00Z,200\n", encoding="utf-8")
    session = prepared(carbon={"intensity_g_per_kwh": str(hours)})
    with pytest.raises(SuiteError, match=r"hours are missing.*budget of energy"):
        terms(session, "1g", tmp_path)
