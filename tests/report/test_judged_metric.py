"""A verdict by another metric than the AUC, by the same rule."""

import pytest

from greendapt.core.errors import RunError
from greendapt.report.formats.markdown import render_markdown
from greendapt.report.report_files import with_question
from greendapt.report.view.columns import Place, columns
from greendapt.report.view.from_run import view

# the AUC's best buy is partial2; here the cheapest is as good as any
AUPRC = {"none": 0.71, "full": 0.72, "partial2": 0.70}


@pytest.fixture
def run(written):
    return written(auprc=AUPRC, strategies=[*AUPRC])


def test_the_metric_that_is_asked_for_decides(run):
    (by_auc,), (by_auprc,) = view(run).panels, view(with_question(run, metric="auprc")).panels
    assert (by_auc.path[-1], by_auprc.path[-1]) == ("auc", "auprc")
    assert by_auc.verdict.buy == "partial2"
    assert by_auprc.verdict.buy == "none"
    assert "AUPRC" in " ".join(by_auprc.verdict.sentences)
    full = next(entry for entry in by_auprc.entries if entry.name == "full")
    assert full.score.mean == pytest.approx(0.72)
    assert full.against_none.score.mean == pytest.approx(0.01)


def test_the_other_one_stays_in_the_second_table(run):
    shown = view(with_question(run, metric="auprc"))
    titles = [one.titles[Place.MORE] for one in columns(shown.panels[0], "carbon_g", Place.MORE)]
    assert "Development AUC" in titles
    assert "Development AUPRC" not in titles
    assert "Development AUPRC" in render_markdown(shown)


def test_a_margin_keeps_the_metric_and_the_other_way_round(run):
    both = with_question(with_question(run, metric="auprc"), margin=0.001)
    assert both.info.suite.verdict.metric == "auprc"
    assert both.info.suite.verdict.margin == 0.001


@pytest.mark.parametrize(
    ("metric", "said"), [("f1", "there is: auc, auprc, balanced_accuracy"), ("ece", "one of auc")]
)
def test_a_metric_that_cannot_be_judged_is_refused(run, metric, said):
    with pytest.raises(RunError, match=said):
        with_question(run, metric=metric)
