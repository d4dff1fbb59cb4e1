"""The notebook of the docs runs from top to bottom, and keeps no output."""

import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "python.ipynb"


def code_cells():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def test_no_output_is_kept():
    for cell in code_cells():
        assert (cell["outputs"], cell["execution_count"]) == ([], None)


@pytest.mark.e2e
@pytest.mark.usefixtures("undone")
def test_its_cells_run_in_order(tiny, tmp_path, monkeypatch, capsys):
    pytest.importorskip("pandas")
    monkeypatch.chdir(tmp_path)
    names = {}
    for cell in code_cells():
        source = "".join(cell["source"])
        # the same on a suite that takes a second
        source = source.replace('"chestxray", "smoke"', f"{str(tiny)!r}, 'default'")
        if "pareto()" in source:
            pytest.importorskip("altair")
        exec(compile(source, str(NOTEBOOK), "exec"), names)
    assert names["run"].verdict.headline in capsys.readouterr().out
    assert (names["run"].path / "report.json").is_file()
    assert set(names["frame"]["strategy"]) == {"none", "full", "partial"}
