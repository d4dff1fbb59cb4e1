"""Tables that races are replayed on: what is written is read, and what is none is refused."""

import csv
from pathlib import Path

import numpy as np
import pytest

from greendapt.core.errors import DataError
from greendapt.core.packed import HALF, pack
from greendapt.store.race_tables import COLUMNS, race_table, read_race_table

REAL = Path(__file__).parents[1] / "replay" / "kermany-resnet.csv"


@pytest.fixture
def table(tmp_path):
    """``table(place, column, cell)``: of two strategies and two seeds, a cell of it changed."""

    def write(place=0, column="quality", cell=None, left_out=0):
        draws = pack(np.full(4, 0.7), HALF)
        rows = [
            ["d", "net", "probe", "full", name, "", seed, 0.7, "", 5, 1e6, 40, f"{name}:1e6", draws]
            for name in ("none", "full")
            for seed in (0, 1)
        ]
        if cell is not None:
            rows[place][COLUMNS.index(column)] = cell
        path = tmp_path / "table.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *rows[left_out:]])
        return path

    return write


def test_a_table_is_read_as_it_was_written(tmp_path):
    first = read_race_table(REAL, 0.02)
    assert [one.question.shots for one in first] == ["20", "full"]
    again = tmp_path / "again.csv"
    again.write_text(race_table(first, 100), encoding="utf-8")
    assert again.read_bytes() == REAL.read_bytes()
    for one in first:
        assert one.seeds == tuple(range(8))
        assert list(one.costs.values()) == sorted(one.costs.values())
        assert {cell.epoch for cell in one.early} == {1}
        assert len(one.samples["full"].draws[0]) == 100
        assert one.everything < sum(sum(stages.values()) for stages in one.stages.values())


def test_what_is_not_known_may_be_empty(table):
    (one,) = read_race_table(table(), 0.02)
    assert one.truths == {}
    assert one.true == pytest.approx({"none": 0.7, "full": 0.7})


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ((0, "quality", "good"), "'good' in the column quality is not a number"),
        ((0, "quality", "1.2"), "'1.2' in the column quality is not from 0 to 1"),
        ((0, "quality", ""), "'' in the column quality is not from 0 to 1"),
        ((0, "flops", "-1"), "'-1' in the column flops should be 0 or more"),
        ((0, "seed", "0.5"), "'0.5' in the column seed is not a whole number"),
        ((0, "seed", "1"), "a strategy, seed and epoch is there twice"),
        ((0, "seed", "7"), "every strategy needs the same seeds, two or more"),
        ((0, "stages", "a:b"), "'b' in the column stages is not a number"),
        ((0, "draws", "?"), "packed numbers cannot be read"),
        ((0, "draws", ""), "the column draws holds as many of each network"),
        ((0, "draws", pack([2.0] * 4, HALF)), "a number that is not from 0 to 1"),
    ],
    ids=lambda one: "-".join(map(str, one)) if isinstance(one, tuple) else "",
)
def test_what_is_none_is_refused_in_a_sentence(table, change, sentence):
    path = table(*change)
    with pytest.raises(DataError) as error:
        read_race_table(path, 0.02)
    assert sentence in str(error.value)
    assert str(error.value).startswith(str(path))


def test_one_strategy_alone_is_no_race(table):
    with pytest.raises(DataError, match="between two strategies or more"):
        read_race_table(table(left_out=2), 0.02)


def test_another_table_names_what_it_lacks(tmp_path):
    other = tmp_path / "labels.csv"
    other.write_text("image,label\na.png,x\n", encoding="utf-8")
    with pytest.raises(DataError, match="has no column dataset, backbone"):
        read_race_table(other, 0.02)
