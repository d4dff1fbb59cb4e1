"""What an executor has to be: see `greendapt.run.workers.executor`."""

from __future__ import annotations

from pathlib import Path

from greendapt import api
from greendapt.run.workers.executor import EXECUTORS, Options
from greendapt.testing.base import Contract, tiny_suite


class ExecutorContract(Contract):
    """Of what makes a `greendapt.run.workers.executor.Executor` from options."""

    registry = EXECUTORS

    def test_a_run_is_the_one_that_one_process_makes(self, tmp_path: Path) -> None:
        suite = tiny_suite()
        alone = api.run(suite, out=tmp_path / "alone", progress=False)
        executor = self.registry.get(self.name)(Options(workers=1))
        run = api.run(suite, out=tmp_path / "others", executor=executor, progress=False)
        assert {record.key for record in run.records} == {record.key for record in alone.records}
        metrics = [row.metrics for row in alone.summary.rows]
        assert [row.metrics for row in run.summary.rows] == metrics
        again = api.resume(run.path, executor=executor, progress=False)
        assert again.records == run.records, "a finished stage ran again"

    def test_a_failed_cell_stops_no_other(self, tmp_path: Path) -> None:
        changes = {"phase.adapt.learning_rate": 1e30}
        executor = self.registry.get(self.name)(Options(workers=1))
        run = api.run(tiny_suite(changes), out=tmp_path, executor=executor, progress=False)
        assert [failure.strategy for failure in run.failures] == ["full"]
        assert [row.strategy for row in run.summary.rows] == ["none"]
