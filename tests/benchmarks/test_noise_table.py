"""The simulation keeps what is asked of the checks, and the guide shows what it gives."""

from pathlib import Path

import noise_table
import pytest


@pytest.fixture(scope="module")
def rows():
    return {row.name: row for row in noise_table.rows()}


def test_interleaved_pairs_raise_no_false_alarm_and_catch_a_tenth(rows):
    for pairs in (4, 8, 16):
        calls = rows[f"A B B A, at most {pairs} pairs"].calls
        assert calls[0.0].get("regression", 0) <= 0.02
        assert calls[0.10].get("pass", 0) <= 0.02
    for pairs in (8, 16):
        assert rows[f"A B B A, at most {pairs} pairs"].calls[0.10]["regression"] >= 0.9


def test_a_stored_threshold_is_why_the_others_exist(rows):
    assert rows["stored, any machine: a threshold"].calls[0.0]["regression"] > 0.2
    assert rows["stored, same machine: intervals"].calls[0.0].get("regression", 0) <= 0.02


def test_the_guide_shows_the_table_of_the_script(rows):
    guide = Path(__file__).parents[2] / "docs" / "ci.md"
    assert noise_table.table(list(rows.values())) in guide.read_text(encoding="utf-8")
