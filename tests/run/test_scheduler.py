"""Two workers on one run folder, in every order that their looks at it can have."""

from dataclasses import replace

import pytest

from greendapt.run.allowance import Allowance, Price, Terms
from greendapt.run.budget import Budget
from greendapt.run.plan import stages
from greendapt.run.prepare import prepare_session
from greendapt.run.progress import PlainReporter
from greendapt.run.workers.claims import Claims
from greendapt.store.run import RunFolder
from greendapt.suite.suite_files import load


class Late(PlainReporter):
    """Of a worker that another one overtakes after it has read the records."""

    def __init__(self, overtake):
        super().__init__()
        self._overtake = overtake

    def total(self, number, work):
        super().total(number, work)
        self._overtake()


@pytest.fixture
def crew(tiny, tmp_path, undone):  # noqa: ARG001
    """``crew(name, planned, reporter)`` works; with the folder and all stages, in order."""
    change = {"run": {"strategies": ["partial"], "seeds": 1}}
    session = prepare_session(load(tiny, changes=[change]), lambda _said: None)
    folder = RunFolder.create(tmp_path, "tiny")

    def work(name, planned, reporter=None):
        own, claims = RunFolder(folder.path, name), Claims(folder.claims)
        session.work(own, reporter or PlainReporter(), claims, [planned], retry={})

    return work, folder, stages(session.plan)


def test_a_prefix_thrown_away_after_its_last_reader_is_not_made_again(crew):
    work, folder, planned = crew
    first = next(at for at, stage in enumerate(planned) if stage.kind == "prefix")
    work("a", planned[: first + 1])
    assert folder.checkpoint(planned[first].key).is_dir()
    work("b", planned, Late(lambda: work("a", planned)))
    assert not folder.checkpoint(planned[first].key).exists()
    keys = [record.key for record in folder.records()]
    assert sorted(keys) == sorted(stage.key for stage in planned)


def test_a_prefix_that_is_gone_is_made_again_for_what_reads_it(crew):
    work, folder, planned = crew
    first = next(at for at, stage in enumerate(planned) if stage.kind == "prefix")
    work("a", planned[: first + 1])
    folder.discard_checkpoint(planned[first].key)
    work("b", planned)
    keys = [record.key for record in folder.records()]
    assert keys.count(planned[first].key) == 2
    assert set(keys) == {stage.key for stage in planned}


@pytest.mark.usefixtures("undone")
@pytest.mark.parametrize(("limit_s", "times"), [(60.0, 2), (0.0, 1)])
def test_a_cheap_stage_that_was_disturbed_runs_once_more(
    tiny, tmp_path, monkeypatch, limit_s, times
):
    """Its second record counts; both were paid."""
    monkeypatch.setattr("greendapt.run.scheduler.of_surroundings", lambda _record: ("a neighbour",))
    change = {"run": {"strategies": ["none"], "seeds": 1, "remeasure": limit_s}}
    session = prepare_session(load(tiny, changes=[change]), lambda _said: None)
    folder, (one, *_) = RunFolder.create(tmp_path, "tiny"), stages(session.plan)
    session.work(folder, PlainReporter(), Claims(folder.claims), [[one]], retry={})
    assert [record.key for record in folder.records()] == [one.key] * times
    assert one.has_output(folder, folder.records()[-1])


def allowance(session, limit_s, planned_s):
    """Every stage is planned to take so long."""
    every = stages(session.plan)
    prices = {stage.key: Price(stage.title, stage.kind, planned_s) for stage in every}
    terms = Terms(Budget(limit_s, "s"), prices, "2026-01-01T00:00:00+00:00")
    return Allowance(terms, session.grid.of_work)


@pytest.mark.usefixtures("undone")
@pytest.mark.parametrize(("planned_s", "done"), [(1.0, 0), (1e-9, 1)])
def test_it_ends_before_the_stage_that_there_is_no_room_for(tiny, tmp_path, planned_s, done):
    """A microsecond is less than a stage is planned to take, or than the first one takes."""
    session = prepare_session(load(tiny), lambda _line: None)
    folder, planned = RunFolder.create(tmp_path, "tiny"), stages(session.plan)
    session = replace(session, allowance=allowance(session, 1e-6, planned_s))
    assert session.work(folder, PlainReporter(), Claims(folder.claims), [planned])
    assert [record.key for record in folder.records()] == [s.key for s in planned[:done]]


@pytest.mark.usefixtures("undone")
def test_a_stage_runs_once_more_only_where_the_budget_has_room(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("greendapt.run.scheduler.of_surroundings", lambda _record: ("a neighbour",))
    change = {"run": {"strategies": ["none"], "remeasure": 60.0}}
    session = prepare_session(load(tiny, changes=[change]), lambda _line: None)
    for limit_s, times in ((1e-6, 1), (1e6, 2)):
        folder, (one, *_) = RunFolder.create(tmp_path, "tiny"), stages(session.plan)
        own, claims = replace(session, allowance=allowance(session, limit_s, 1e-9)), folder.claims
        assert not own.work(folder, PlainReporter(), Claims(claims), [[one]])
        assert [record.key for record in folder.records()] == [one.key] * times
