"""Large arrays: whole or refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.disk.arrays import DamagedArray, no_room, read_array, write_array

ROWS = np.arange(60, dtype=np.float32).reshape(12, 5)


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "a.npy"
    write_array(path, ROWS.shape, "float32", [ROWS[:5], ROWS[5:]])
    return path


@given(cuts=st.lists(st.integers(0, 12), max_size=4).map(sorted))
def test_parts_become_one_array(tmp_path_factory, cuts):
    path = tmp_path_factory.mktemp("a") / "a.npy"
    write_array(path, ROWS.shape, "float32", np.split(ROWS, cuts))
    array = read_array(path)
    assert isinstance(array, np.memmap)
    assert np.array_equal(array, ROWS)


def test_too_few_rows_are_not_an_array(tmp_path):
    with pytest.raises(ValueError, match="11 of 12 rows"):
        write_array(tmp_path / "a.npy", ROWS.shape, "float32", [ROWS[:11]])


def test_one_bit_is_noticed(stored):
    data = bytearray(stored.read_bytes())
    data[-3] ^= 1
    stored.write_bytes(data)
    with pytest.raises(DamagedArray, match="not what was written"):
        read_array(stored)


def test_a_torn_or_missing_file_is_noticed(stored):
    data = stored.read_bytes()
    for broken in (data[:-8], data[:40], b""):
        stored.write_bytes(broken)
        with pytest.raises(DamagedArray):
            read_array(stored)
    stored.unlink()
    with pytest.raises(DamagedArray):
        read_array(stored)


@pytest.mark.parametrize("said", [{}, {"digest": "x"}, {"shape": [6, 10]}, {"dtype": "int32"}])
def test_a_manifest_of_something_else_is_noticed(stored, said):
    beside = stored.with_suffix(".json")
    told = json.loads(beside.read_text())
    beside.write_text(json.dumps({**told, **said} if said else {}))
    with pytest.raises(DamagedArray):
        read_array(stored)


def test_room(tmp_path):
    assert no_room(tmp_path, 1000, 1e9) is None
    assert "more than the limit of 1 kB" in no_room(tmp_path, 1001, 1000)
    assert "do not fit on the disk" in no_room(tmp_path, 10**18, 1e30)
