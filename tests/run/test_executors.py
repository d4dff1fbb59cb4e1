"""Who does the stages, by name: built in, or from another package."""

from dataclasses import replace

import pytest

from greendapt.core.errors import SuiteError
from greendapt.run.workers import choose
from greendapt.run.workers.choose import executor
from greendapt.run.workers.executor import EXECUTORS, Options
from greendapt.run.workers.local import Local

CODE = """
class Elsewhere:
    def __init__(self, options):
        self.options = options

    def work(self, assignment, follower):
        pass
"""


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Another package with one executor, one file and one line."""
    (tmp_path / "elsewhere.py").write_text(CODE)
    info = tmp_path / "elsewhere-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[greendapt.executors]\nelsewhere = elsewhere:Elsewhere\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(choose, "EXECUTORS", replace(EXECUTORS))


def test_none_is_this_process():
    assert executor(None, None, []) is None


def test_local_takes_one_worker_unless_more_are_asked_for():
    assert executor("local", None, []) == Local(1)
    assert executor("local", 3, []) == Local(3)


@pytest.mark.usefixtures("elsewhere")
def test_an_executor_of_another_package_gets_its_options():
    chosen = executor("elsewhere", 2, ["queue=long", "hours=3", "spot"])
    assert chosen.options == Options(2, {"queue": "long", "hours": 3, "spot": True})


@pytest.mark.parametrize(
    ("name", "workers", "settings", "sentence"),
    [
        (None, 2, [], "--workers: give --executor local or slurm with it"),
        (None, None, ["time=1"], "--slurm: give --executor slurm with it"),
        ("local", None, ["time=1"], "--slurm: give --executor slurm with it"),
        ("cloud", None, [], "--executor cloud: there is local and slurm"),
    ],
)
def test_what_does_not_go_together_is_refused(name, workers, settings, sentence):
    with pytest.raises(SuiteError) as refused:
        executor(name, workers, settings)
    assert str(refused.value) == sentence


def test_every_name_is_an_executor_that_says_what_it_needs():
    assert EXECUTORS.names()[:2] == ("local", "slurm")
    assert callable(EXECUTORS.get("slurm"))
