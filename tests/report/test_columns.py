"""The one list of columns, and the formats that read it."""

from dataclasses import replace

from greendapt.report.formats.html import render_html
from greendapt.report.formats.latex import render_latex
from greendapt.report.formats.markdown import render_markdown
from greendapt.report.view import columns
from greendapt.report.view.columns import FIGURES, Called, Place


def titles(panel, place):
    return [column.titles[place] for column in columns.columns(panel, "carbon_g", place)]


def test_each_place_has_its_columns_in_its_order(seen):
    (panel,) = seen().panels
    scores = ["Development AUC", "External hospital_b AUC", "Corrupted AUC"]
    costs = ["Carbon (CO2e)", "Energy", "Wall-clock", "Training FLOPs"]
    assert titles(panel, Place.LATEX) == costs[1:]
    assert titles(panel, Place.MARKDOWN) == [
        *scores, "Carbon", "Energy", "Wall-clock", "Against full", "On the front"
    ]  # fmt: skip
    assert titles(panel, Place.TERMINAL) == ["AUC [95%]", "external", "carbon", "vs full"]
    assert titles(panel, Place.PAGE) == [
        "Development", "External hospital_b", "Corrupted", "Carbon", "AUC", "On the front", *costs
    ]  # fmt: skip
    assert titles(panel, Place.MORE)[-2:] == ["Peak memory", "AUC against none"]


def test_how_much_trains_stands_beside_the_name_where_it_is_known(seen):
    (panel,) = seen().panels
    shares = dict.fromkeys((entry.name for entry in panel.entries), 1.0)
    shares |= {"none": 0.0, "partial1": 0.004, "partial2": 0.279, "full": None}
    entries = [replace(entry, trained_share=shares[entry.name]) for entry in panel.entries]
    known = replace(panel, entries=entries)
    for place in (Place.PAGE, Place.MARKDOWN, Place.LATEX):
        first = columns.columns(known, "carbon_g", place)[0]
        assert first.titles[place] == "Trains"
        cells = {entry.name: first.cell(entry).text for entry in entries}
        assert [cells[name] for name in ("none", "partial1", "partial2", "full", "hybrid1")] == [
            "nothing", "0.4%", "28%", "n/a", "100%",
        ]  # fmt: skip
    assert "Trains" not in titles(panel, Place.PAGE)


def test_a_figures_columns_are_one_line(seen, monkeypatch):
    places = (Place.PAGE, Place.MARKDOWN, Place.LATEX)
    monkeypatch.setitem(FIGURES, "peak_memory_bytes", Called("Memory (peak)", "memory", places))
    view = seen()
    assert "Memory (peak)</th>" in render_html(view)
    assert "| Memory |" in render_markdown(view)
    assert "& Memory" in render_latex(view)
    assert "Memory (peak)" not in titles(view.panels[0], Place.MORE)


def test_a_figure_nobody_names_stands_in_the_second_table_under_its_own_words(seen, monkeypatch):
    monkeypatch.delitem(FIGURES, "peak_memory_bytes")
    (panel,) = seen().panels
    assert "Peak memory" in titles(panel, Place.MORE)
    assert "Peak memory" not in titles(panel, Place.PAGE)
