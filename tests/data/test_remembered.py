import numpy as np
import pytest

from greendapt.data.copies.remembered import remembered

HASHES = (np.arange(5, dtype=np.uint64), np.arange(3, dtype=np.uint64))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GREENDAPT_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def find():
    def search():
        search.times += 1
        return np.array([1, 4])

    search.times = 0
    return search


def test_the_same_images_are_compared_once(find):
    for _ in range(3):
        assert remembered("copied", 64, HASHES, find).tolist() == [1, 4]
    assert find.times == 1


def test_nothing_found_is_remembered_too():
    assert remembered("copied", 64, HASHES, lambda: np.empty(0, np.int64)).tolist() == []
    assert remembered("copied", 64, HASHES, lambda: pytest.fail("again")).tolist() == []


def test_other_images_sizes_and_questions_are_others(find):
    remembered("copied", 64, HASHES, find)
    remembered("alike", 64, HASHES, find)
    remembered("copied", 32, HASHES, find)
    remembered("copied", 64, HASHES[::-1], find)
    assert find.times == 4


def test_a_damaged_answer_is_looked_for_again(find, cache):
    remembered("copied", 64, HASHES, find)
    (path,) = cache.glob("copies/*.npy")
    path.write_bytes(path.read_bytes()[:-8])
    assert remembered("copied", 64, HASHES, find).tolist() == [1, 4]
    assert find.times == 2


def test_without_a_cache_it_is_looked_for_each_time(find, cache):
    (cache / "copies").write_text("")
    for _ in range(2):
        assert remembered("copied", 64, HASHES, find).tolist() == [1, 4]
    assert find.times == 2
