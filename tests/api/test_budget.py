"""A budget from Python: where it cannot be kept it is refused, before anything is read."""

import pytest

import greendapt
from greendapt.core.errors import SuiteError
from greendapt.run.budget import Budget


def test_it_is_of_this_machine(tiny, tmp_path):
    suite = greendapt.load_suite(tiny)
    with pytest.raises(SuiteError, match="on another machine cannot be timed here"):
        greendapt.run(suite, out=tmp_path, executor=object(), budget=Budget(5.0, "g"))
    assert not [*tmp_path.iterdir()]


def test_it_is_of_one_process(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    with pytest.raises(SuiteError, match="torchrun shares each training"):
        greendapt.run(greendapt.load_suite(tiny), out=tmp_path, budget=Budget(5.0, "g"))
    assert not [*tmp_path.iterdir()]
