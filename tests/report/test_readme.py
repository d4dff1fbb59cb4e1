"""What the README tells of published runs is what their reports say."""

import re
from pathlib import Path

import pytest

from greendapt.core.text import for_markdown
from greendapt.report import words
from greendapt.report.site import record_of

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FIRST_SCREEN = README.partition("## What it prints")[0]
FLAT = " ".join(README.split())


def report(name):
    folder = ROOT / "reports" / name
    text = (folder / "report.md").read_text(encoding="utf-8")
    return record_of(folder), re.sub(r"\\(.)", r"\1", text)


def test_the_first_screen_has_the_real_run_its_answer_and_its_cost():
    record, page = report("chestxray-nih")
    assert not record.synthetic
    assert record.headline in FIRST_SCREEN
    cost = re.search(r"The question cost (.*?), (as much as \d+ adaptations by full DAPT)", page)
    assert f"cost {cost[1]}, {cost[2]}" in FIRST_SCREEN
    images = re.search(r"development \(real\), (\d+) images", page)[1]
    assert f"{int(images):,} real chest X-rays" in FIRST_SCREEN
    assert "12 seeds" in FIRST_SCREEN
    assert "; 12 seeds" in page
    assert "No run on a GPU is published yet." in FIRST_SCREEN


def test_the_table_that_the_first_command_prints_is_that_of_its_report():
    record, page = report("chestxray-least-work")
    for point in record.points:
        score = f"{words.number(point.auc)} {words.interval(point.low, point.high)}"
        lines = [line for line in README.splitlines() if f"{score} " in line]
        assert any(f" {point.strategy} " in one and point.cost_said in one for one in lines)
    assert record.headline in FLAT
    sentences = [line for line in page.splitlines() if line.startswith("The question cost")]
    assert sentences[0] in FLAT


@pytest.mark.parametrize("name", ["chestxray-nih", "chestxray-least-work"])
def test_the_index_says_each_verdict(name):
    index = (ROOT / "reports" / "README.md").read_text(encoding="utf-8")
    assert for_markdown(report(name)[0].headline) in index
