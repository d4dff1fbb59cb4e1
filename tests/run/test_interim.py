"""An unfinished run is judged by its cells that are done, from what lies in its folder alone."""

import subprocess
import sys

import pytest

from greendapt.core.errors import RunError
from greendapt.core.figures import Figure
from greendapt.core.records import METERED_UNITS
from greendapt.report.report_files import grid_of
from greendapt.run.ground import Digests
from greendapt.run.interim import so_far
from greendapt.run.plan import cells, stages
from greendapt.run.summary import summarize
from greendapt.store.run import RunFolder, latest
from greendapt.store.runinfo import DataInfo, GridInfo, RunInfo
from greendapt.suite.suite_files import load

DIGESTS = Digests({None: "pool"}, {None: ("development", "external")}, {"test_resnet": "weights"})


def record(stage, **changes):
    figures = {name: Figure.measured(1.0, unit, "test") for name, unit in METERED_UNITS.items()}
    metrics = {"development": {"auc": 0.7}} if stage.kind == "evaluate" else {}
    return stage.record(
        "2026-01-01T00:00:00+00:00",
        **{"figures": figures, "metrics": metrics} | changes,
    )


@pytest.fixture
def plan(tiny):
    return cells(load(tiny), DIGESTS)


@pytest.fixture
def folder(tiny, plan, tmp_path):
    made = RunFolder(tmp_path)
    data = DataInfo(pool={"name": "phantom", "synthetic": True})
    info = RunInfo(
        suite=load(tiny),
        grid=GridInfo(intensity_g_per_kwh=100.0),
        data=data,
        notes=["a note"],
        cells=[cell.planned for cell in plan],
    )
    made.write(info)
    return made


def test_with_every_cell_done_it_is_the_summary_of_the_end(folder, plan):
    for stage in stages(plan):
        folder.append(record(stage))
    run = so_far(folder)
    records = latest(folder.records())
    planned = [cell.planned for cell in plan]
    end = summarize(
        run.info.suite, planned, records, grid_of(run.info), synthetic=True, notes=["a note"]
    )
    assert run.summary == end
    assert not folder.summary_path.exists()


def test_cells_that_are_done_or_failed_are_counted(folder, plan):
    first, second, _ = plan
    for stage in first.stages:
        folder.append(record(stage))
    folder.append(record(second.stages[0], status="failed", error="it broke", figures={}))
    run = so_far(folder)
    assert [row.strategy for row in run.summary.rows] == [first.strategy]
    said = "Interim: 1 of 3 cells are done, {} failed; go on with: greendapt resume {}"
    failed = len(run.summary.failures)
    assert run.cautions == (said.format(failed, folder.path),)
    with folder.writing():
        assert so_far(folder).interim.endswith("failed; it is running now")
    with pytest.raises(RunError, match="the run is not finished"):
        folder.finished()  # what the gate reads


def test_with_nothing_done_it_is_refused(folder, plan):
    folder.append(record(plan[0].stages[0]))
    with pytest.raises(RunError, match="none of 3 cells is done; go on with: greendapt resume"):
        so_far(folder)


def test_a_run_that_left_no_plan_is_refused(folder):
    folder.write(folder.read().model_copy(update={"cells": []}))
    with pytest.raises(RunError, match="the run is not finished; go on with: greendapt resume"):
        so_far(folder)


def test_it_needs_no_torch():
    code = "import sys, greendapt.run.interim; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
