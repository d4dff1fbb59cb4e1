"""Laws of scale keep their level on simulated curves, and the guide shows what the script gives."""

from pathlib import Path

import laws_table
import pytest


@pytest.fixture(scope="module")
def rows():
    return list(laws_table.rows())


def test_intervals_hold_the_truth_with_any_offset_and_effect_of_a_size(rows):
    for row in (row for row in rows if row.fit == laws_table.OFFSET):
        assert min(share.holds for share in row.shares.values()) >= 0.95
        if row.curve.size_sd <= 0.06 and row.curve.exponent:
            assert min(share.right / share.told for share in row.shares.values()) >= 0.9


def test_an_error_that_is_constant_tells_no_law(rows):
    (row,) = (row for row in rows if not row.curve.exponent)
    assert max(share.told for share in row.shares.values()) <= 0.01


def test_more_sizes_tell_more_laws(rows):
    told = {
        row.curve.sizes: row.shares[0.05].told
        for row in rows
        if row.fit == laws_table.OFFSET and row.curve[1:] == (0.06, False, laws_table.EXPONENT)
    }
    assert told[4] < told[5] < told[6]
    assert told[6] >= 0.75


def test_a_straight_line_over_seeds_is_why_there_is_an_offset(rows):
    line = next(row for row in rows if row.fit == laws_table.LINE)
    assert line.shares[0.0].holds >= 0.93
    assert line.shares[0.10].holds <= 0.05


def test_the_guide_shows_the_table_of_the_script(rows):
    guide = Path(__file__).parents[2] / "docs" / "scale.md"
    assert laws_table.table(rows) in guide.read_text(encoding="utf-8")
