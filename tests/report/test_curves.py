"""Calibration and decision curves on the page and in JSON."""

import json
from dataclasses import replace

import numpy as np
import pytest

from greendapt.core.curves import Benefit, Calibrated, Curves
from greendapt.report.formats.cells import as_json
from greendapt.report.formats.html import render_html
from greendapt.report.formats.markdown import render_markdown
from greendapt.report.view.from_run import view
from greendapt.store.runinfo import RunData


def _curves(seed, *, benefit):
    points = [
        Calibrated(bin=k + 1, predicted=at, observed=at / 2 + 0.01 * seed, low=0.0, high=at)
        for k, at in enumerate(np.linspace(0.1, 0.9, 5))
    ]
    net = [Benefit(threshold=t, net=0.3 - t / 2, all=0.3 - t, low=0, high=0.3) for t in (0.1, 0.4)]
    named = {"effusion": tuple(net)} if benefit else {}
    return Curves(calibration={"effusion": tuple(points)}, net_benefit=named)


def _with_curves(run: RunData, *, benefit: bool):
    records = list(run.records)
    for number, record in enumerate(records):
        if record.key.startswith("judged"):
            of = {"development": _curves(record.seed, benefit=benefit)}
            details = record.details.model_copy(update={"curves": of})
            records[number] = record.model_copy(update={"details": details})
    return replace(run, records=tuple(records))


@pytest.fixture
def run(written):
    return _with_curves(written(patients=0.01), benefit=True)


def test_the_page_has_both_and_folds_them(run):
    shown = view(run)
    calibration, benefit = (s for s in shown.sections if s.diagrams)
    assert (calibration.title, benefit.title) == ("Calibration", "Decision curves")
    head, *lines = calibration.tables[0]
    assert head[-1] == "bin 5"
    assert lines[0][-1] == "0.90 → 0.46 [0.00, 0.90]"  # mean over three seeds
    assert {line[2] for line in lines} >= {"none", "full"}
    page = render_html(shown)
    assert page.count("<summary>Curves of the best buy and its rivals</summary>") == 2
    assert 'style="' not in page.split("Curves of the best buy")[1].split("<svg")[0]
    assert "Calibration" not in render_markdown(shown)


def test_decision_curves_only_where_they_were_asked_for(written):
    shown = view(_with_curves(written(patients=0.01), benefit=False))
    assert [s.title for s in shown.sections if s.diagrams] == ["Calibration"]


def test_runs_of_before_have_none(seen):
    assert not [s for s in seen(patients=0.01).sections if s.diagrams]


def test_json_has_every_strategy(run):
    told = json.loads(as_json(run, view(run)))["curves"]
    assert {one["strategy"] for one in told} == {row.strategy for row in run.summary.rows}
    point = told[0]["calibration"]["effusion"][0]
    assert (point["bin"], point["observed"]) == (1, pytest.approx(0.06))
    assert told[0]["net_benefit"]["effusion"][0]["all"] == pytest.approx(0.2)
