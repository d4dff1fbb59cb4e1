"""CSV, JSON, Parquet, LaTeX, model cards and emissions.csv: the same cells, safely."""

import csv
import dataclasses
import io
import json
import re
import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import yaml

from greendapt import __version__
from greendapt.cli.report import report
from greendapt.core.errors import RunError
from greendapt.core.figures import Figure, Quality
from greendapt.core.registry import PluginError
from greendapt.core.text import for_markdown
from greendapt.core.units import JOULES_PER_KWH, quantity
from greendapt.report import words
from greendapt.report.citations import bibtex
from greendapt.report.formats import html_tables, table
from greendapt.report.formats.annexxi import render_annexxi
from greendapt.report.formats.cells import as_csv, as_parquet, cells
from greendapt.report.formats.emissions import COLUMNS, emissions_csv
from greendapt.report.formats.latex import render_latex
from greendapt.report.formats.modelcard import render_modelcard
from greendapt.report.report_files import load_run
from greendapt.report.view.columns import called
from greendapt.report.view.from_run import view


@pytest.fixture
def run(run_writer):
    return load_run(run_writer.write())


def read(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_a_row_a_cell_with_metrics_and_figures(run):
    rows = cells(run)
    assert len(rows) == len(run.summary.rows)
    first, source = rows[0], run.summary.rows[0]
    assert first["strategy"] == source.strategy
    assert first["development.auc"] == source.metrics["development"]["auc"]
    assert first["external.hospital_b.auc"] == source.metrics["external"]["hospital_b"]["auc"]
    assert first["energy_j"] == source.energy_j.value
    assert first["energy_j_quality"] == "estimated"
    assert len({tuple(row) for row in rows}) == 1
    text = read(as_csv(rows))
    assert [float(row["carbon_g"]) for row in text] == [row["carbon_g"] for row in rows]


def test_what_is_unavailable_is_empty_and_never_zero(run_writer):
    run_writer.quality = Quality.UNAVAILABLE
    run = load_run(run_writer.write())
    (first, *_) = read(as_csv(cells(run)))
    assert first["energy_j"] == ""
    assert first["energy_j_quality"] == "unavailable"
    assert read(emissions_csv(run))[0]["emissions"] == ""


def test_json_holds_verdicts_and_cells(run):
    said = json.loads(table.FORMATS.get("json").make(run, view(run), "x")["x"])
    assert said["schema"] == 1
    assert [v["best_buy"] for v in said["verdicts"]] == [p.verdict.buy for p in view(run).panels]
    assert said["cells"] == cells(run)
    assert said["synthetic"] is True


def test_parquet_reads_back_as_the_cells(run):
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = cells(run)
    assert parquet.read_table(io.BytesIO(as_parquet(rows))).to_pylist() == rows


def test_parquet_without_pyarrow_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(RunError, match="pip install pyarrow"):
        as_parquet(cells(run))


def test_emissions_have_codecarbons_columns_in_its_order():
    data = pytest.importorskip("codecarbon.output_methods.emissions_data")
    theirs = [field.name for field in dataclasses.fields(data.EmissionsData)]
    assert [name for name in theirs if name in COLUMNS] == list(COLUMNS)


def test_emissions_are_what_the_run_spent(run):
    rows = read(emissions_csv(run))
    own = [r for r in run.records if r.role != "sunk"]
    assert len(rows) == len(own)
    energy = sum(float(row["energy_consumed"]) for row in rows) * JOULES_PER_KWH
    assert energy == pytest.approx(sum(r.figures["energy_j"].value for r in own))
    grams = sum(float(row["emissions"]) for row in rows) * 1e3
    assert grams == pytest.approx(sum(r.figures["carbon_g"].value for r in own))
    assert rows[0]["gpu_energy"] == ""


def test_latex_has_a_row_a_strategy_and_the_best_buy_in_bold(run):
    seen = view(run)
    (panel,) = seen.panels
    explained = tuple(replace(entry, about="how it adapts") for entry in panel.entries)
    text = render_latex(replace(seen, panels=(replace(panel, entries=explained),)))
    body = text.split(r"\midrule")[1].split(r"\bottomrule")[0].strip().splitlines()
    assert len(body) == len(seen.panels[0].entries)
    columns = len(re.search(r"\{tabular\}\{@\{\}(lr*)@\{\}\}", text)[1])
    assert {len(re.findall(r"(?<!\\)&", line)) for line in body} == {columns - 1}
    assert rf"\textbf{{{seen.panels[0].verdict.buy}}}" in text
    (caption, _) = re.findall(r"\\caption\{(.*?)\\label\{([\w:-]+)\}\}", text)
    assert caption == (
        "Ways of adapting, what they reach and cost: all labels. Synthetic images.",
        "tab:chestxray-resnet18-probe-full",
    )
    note = text.split(r"\parbox")[1].split(r"\end{table}")[0]
    assert "none: how it adapts; " in note
    assert "External: hospital\\_b. Not shown: Corrupted AUC." in note


def test_a_latex_row_of_scores_is_short_enough_for_a_column(run):
    """Some 63 letters of 8 points, 3.8 points wide on average, on 241 points."""
    table = render_latex(view(run)).split(r"\bottomrule")[0]
    for row in table.split(r"\midrule")[1].strip().splitlines():
        bare = re.sub(r"\\textbf\{(.*?)\}|\\textasciitilde\{\}|\$-\$", r"\1-", row)
        assert len(bare.replace(" & ", " ").rstrip("\\ ")) < 63


def test_annex_xi_has_what_it_asks_and_says_what_is_missing(run):
    seen = view(run)
    (panel,) = seen.panels
    bought = next(entry for entry in panel.entries if entry.name == panel.verdict.buy)
    text = render_annexxi(run, seen)
    own, whole, *_ = re.findall(r"^## (.*)$", text, flags=re.MULTILINE)
    assert (
        own == f"{bought.name}: adaptation and transfer as if alone, mean over 3 seeds (all labels)"
    )
    assert whole.startswith("The whole run")
    for key, point in (("training_flops", "(d)"), ("wall_s", "(d)"), ("energy_j", "(e)")):
        amount = for_markdown(words.cost(bought.costs[key]))
        assert re.search(rf"\| {re.escape(point)} \| [a-z ]+ \| {re.escape(amount)} \|", text)
    assert "Points 1 and 2 (a) to (c), and section 2" in text.split("## What is missing")[1]
    assert "complian" not in text.lower()


def test_annex_xi_without_a_meter_gives_no_energy(run_writer):
    run_writer.quality = Quality.UNAVAILABLE
    run = load_run(run_writer.write())
    assert render_annexxi(run, view(run)).count("| (e) | energy | n/a | unavailable: ") == 2


@pytest.mark.parametrize(
    ("suite", "cited"),
    [(None, ["mehmood2022", "hidy2024", "cherti2021"]), ("scale", ["cherti2021"]), ("mine", [])],
)
def test_what_is_cited_is_what_was_run(run, suite, cited):
    named = None if suite is None else run.info.suite.model_copy(update={"name": suite})
    info = None if named is None else run.info.model_copy(update={"suite": named, "version": "9.9"})
    text = bibtex(info)
    assert re.findall(r"^@\w+\{(\w+),", text, flags=re.MULTILINE) == ["greendapt", *cited]
    assert text.count("{") == text.count("}")
    assert f"version = {{{'9.9' if suite else __version__}}}" in text


def test_the_citation_file_names_the_same_papers():
    file = yaml.safe_load((Path(__file__).parents[2] / "CITATION.cff").read_text(encoding="utf-8"))
    text = bibtex()
    assert file["title"] in text
    for paper in file["references"]:
        assert paper["title"].replace("X-ray", "{X}-ray") in text
        assert paper["identifiers"][0]["value"] in text


def test_a_model_card_states_the_grams_of_the_best_buy(run):
    seen = view(run)
    panel = seen.panels[-1]
    bought = next(e for e in panel.entries if e.name == panel.verdict.buy)
    front = render_modelcard(run, seen).split("---")[1]
    stated = float(re.search(r"emissions: ([\d.e-]+)\n", front)[1])
    assert stated == pytest.approx(bought.costs["carbon_g"].estimate.mean, rel=1e-3)
    assert "as if it had run alone" in front


def test_a_model_card_without_a_known_carbon_states_none(run_writer):
    run_writer.quality = Quality.UNAVAILABLE
    run = load_run(run_writer.write())
    text = render_modelcard(run, view(run))
    assert "co2_eq_emissions:" not in text
    assert "not known" in text


def test_hostile_names_are_words_in_every_format(run_writer, hostile):
    run = load_run(run_writer.folder)
    for line in read(table.FORMATS.get("csv").make(run, hostile, "x")["x"].decode()):
        assert not line["strategy"].startswith(("=", "+", "-", "@"))
    card = table.FORMATS.get("modelcard").make(run, hostile, "x")["x"].decode()
    assert "\n" not in re.search(r"source: (\".*\")\n", card)[1]
    assert "<" not in card.split("---", 2)[2]
    assert "<script" not in table.FORMATS.get("latex").make(run, hostile, "x")["x"].decode()


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [(0.5, "g/image", "500 mg/image"), (2.0, "kWh", "2 kWh"), (1234.0, "J", "1.23 kJ")],
)
def test_figures_the_report_does_not_know_are_written_by_their_unit(value, unit, said):
    assert quantity(value, unit) == said


def test_figures_the_report_does_not_know_get_a_title_from_their_name():
    assert called("sci_per_image_g").title == "SCI per image"
    assert called("energy_idle_subtracted_j").title == "Energy idle subtracted"


def test_figures_beside_the_headline_are_in_the_tables_and_scale_as_they_should(run):
    def estimate(value, unit, source="with embodied carbon"):
        return Figure(value=value, unit=unit, quality=Quality.ESTIMATED, source=source)

    rows = [
        row.model_copy(
            update={
                "sci_image_g": estimate(row.carbon_g.value / 50, "g/image"),
                "embodied_g": estimate(row.carbon_g.value, "g"),  # as much as was used
            }
        )
        for row in run.summary.rows
    ]
    seen = view(replace(run, summary=run.summary.model_copy(update={"rows": rows})))
    table = html_tables.more(seen.panels[0], seen.cost_key)
    assert {"SCI per image trained", "Embodied carbon"} <= set(table["titles"])
    cells = dict(zip(table["titles"], table["rows"][0]["cells"], strict=True))
    assert cells["Embodied carbon"].fixed == cells["Embodied carbon"].grams  # the grid has no say
    assert cells["SCI per image trained"].fixed == pytest.approx(
        cells["SCI per image trained"].grams / 2
    )
    assert cells["SCI per image trained"].text.endswith("g/image")


def test_a_format_of_another_package_is_one_file_and_one_line(run_writer, monkeypatch, tmp_path):
    module = tmp_path / "plugin_words.py"
    module.write_text(
        "from greendapt.report.formats.table import text\n"
        'FORMAT = text("report.words.txt", lambda run, view: view.headline)\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("words", "plugin_words:FORMAT", table.FORMATS.group)
    monkeypatch.setattr(table, "FORMATS", with_plugins(table.FORMATS, entry))
    folder = run_writer.write()
    report(folder, form="words,csv")
    said = (folder / "report.words.txt").read_text()
    assert said == view(load_run(folder)).headline
    assert (folder / "report.csv").exists()
    with pytest.raises(RunError, match=r"--format pdf is none of the formats html, .*, words"):
        report(folder, form="pdf")


def with_plugins(registry, *entries):
    """The registry as it is where packages with these entry points are installed."""
    found = replace(registry)
    vars(found)["_plugins"] = {entry.name: entry for entry in entries}
    return found


def test_what_is_no_format_is_refused_by_name(run, monkeypatch):
    entry = EntryPoint("words", "json:dumps", table.FORMATS.group)
    monkeypatch.setattr(table, "FORMATS", with_plugins(table.FORMATS, entry))
    with pytest.raises(PluginError, match=r"the format 'words' .* is no Format"):
        table.write(run, view(run), ["words"], "unused")
