"""The simulation of the verdict runs, says what the docs say, and sees the old rule fail."""

from pathlib import Path

import pytest
import verdict_table

GUIDE = Path(__file__).parents[2] / "docs" / "reading-a-report.md"
CELLS = [(".05", 0.02, 221), ("0", 0.01, 1000), ("0 to .05", 0.01, 221)]


@pytest.mark.parametrize("cell", CELLS)
def test_the_guides_table_is_what_the_simulation_gives(cell, agrees):
    """100 runs here, 300 there, and other processors draw other signs."""
    (row,) = verdict_table.rows(100, [cell])
    agrees(GUIDE, verdict_table.table([row]), 3, slice(3, 8), 75)
    assert row.wrong <= 0.05
    assert row.late_wrong <= 0.05


def test_the_old_rule_took_absence_of_evidence_for_equality():
    (row,) = verdict_table.rows(60, [(".05", 0.02, 221)])
    assert row.old_wrong > 0.7


@pytest.mark.parametrize("cell", [("AUC", 100, 0.8), ("Dice", 100, 0.6)])
def test_intervals_hold_the_truth(cell):
    ((*_, score, gap),) = verdict_table.covered(60, [cell])
    assert score > 0.88
    assert gap > 0.88


def test_what_is_said_of_the_front_is_true():
    for said, true, count in verdict_table.front(100):
        assert abs(said - true) < 0.07 + 3 * (0.25 / count) ** 0.5
