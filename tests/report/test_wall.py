"""Energy at the wall beside the headline, where a plug meter was read; else what is left out."""

import json

import pytest

from greendapt.accounting.wall import fitted
from greendapt.core.figures import Figure
from greendapt.report.formats import cells, markdown, terminal
from greendapt.report.report_files import load_run
from greendapt.report.view.from_run import view
from tests.report.conftest import RunWriter

FIT = fitted([(2.0, 30.0), (40.0, 75.0), (80.0, 122.0)], ("cpu",), True, "2026-11-27")


class Plugged(RunWriter):
    """A run whose rows know their parts, as those of a run do; ``fit``: of its machine."""

    fit = FIT

    def row(self, *cell):
        row = super().row(*cell)
        costs = self.costs(row.energy_j.value / 2)
        costs["energy_cpu_j"] = costs["energy_j"]
        costs["energy_gpu_j"] = Figure.unavailable("J", "no GPU")
        return row.model_copy(update={"parts": {"adaptation": costs, "transfer": costs}})

    def info(self):
        wall = None if self.fit is None else self.fit.model_dump(mode="json")
        return super().info() | {"meter": {"device": "cpu", "wall": wall}}


@pytest.fixture
def loaded(tmp_path):
    def load(fit=FIT):
        writer = Plugged(tmp_path / "run")
        writer.fit = fit
        return load_run(writer.write())

    return load


def test_rows_and_records_have_it(loaded):
    run = loaded()
    for row in run.summary.rows:
        expected = FIT.slope * row.energy_j.value + FIT.base_w * row.wall_s.value
        assert row.energy_wall_j.value == pytest.approx(expected)
        assert row.energy_wall_j.low < expected < row.energy_wall_j.high
    assert all(record.figures["energy_wall_j"].value > 0 for record in run.records)


def test_it_is_on_the_page_in_the_table_and_in_csv(loaded):
    run = loaded()
    text = markdown.render_markdown(view(run))
    assert json.loads(cells.as_json(run, view(run)))["energy_leaves_out"] is None
    assert "leaves out" not in terminal.plain(view(run))
    assert "| Energy at the wall |" in text
    assert "Energy at the wall: 1.1" in text
    assert "a line through 3 readings of a plug meter on 2026-11-27" in text
    row = cells.cells(run)[0]
    assert row["energy_wall_j"] > row["energy_j"]
    assert row["energy_wall_j_quality"] == "estimated"


def test_without_a_reading_the_report_names_what_is_left_out(loaded):
    run = loaded(None)
    text = markdown.render_markdown(view(run))
    assert "Energy at the wall" not in text
    assert "Energy leaves out: Memory without a counter, disks, fans" in text
    assert "greendapt doctor --wall" in text
    assert "fans and losses (greendapt doctor" in terminal.plain(view(run))
    assert "disks, fans" in json.loads(cells.as_json(run, view(run)))["energy_leaves_out"]
    assert cells.cells(run)[0].get("energy_wall_j") is None


def test_the_files_stay_as_they_were(loaded, tmp_path):
    """It is made where a report is, as grams are: another line later is another figure."""
    loaded()
    rows = json.loads((tmp_path / "run" / "summary.json").read_text())["rows"]
    assert {row["energy_wall_j"] for row in rows} == {None}
