"""Flags as tables laid over a suite."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.core.errors import SuiteError
from greendapt.suite.overrides import Replace, clean, datasets, names, shots, weights


def test_names_and_shots():
    assert names(None) is None
    assert names(" a, b ,,c") == ["a", "b", "c"]
    assert shots(None) is None
    assert shots("5, 20,full") == [5, 20, "full"]
    for bad in ("", "x", "5,-1", "1.5"):
        with pytest.raises(SuiteError, match="--shots"):
            shots(bad)


def test_a_weights_file_becomes_an_absolute_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [weights(word) for word in (None, "fractal", "timm", "none")] == [
        None, "fractal", "timm", "none",
    ]  # fmt: skip
    assert weights("w.safetensors") == str(tmp_path / "w.safetensors")


def test_a_dataset_option_takes_folder_column_and_split(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = datasets(["pool=x", "development=/data/d:label@test", "pool=/a:b,c"])
    assert table["pool"] == {"source": "folder", "path": "/a", "label": "b,c"}
    assert table["development"] == {
        "source": "folder", "path": "/data/d", "label": "label", "split": "test",
    }  # fmt: skip
    assert datasets(["pool=x@y"])["pool"]["path"] == str(tmp_path / "x@y")


def test_external_sets_repeat_and_are_named_by_their_folder():
    table = datasets(["external=/a/one", "external=/b/one", "external=/c/two@train"])
    assert list(table["external"]) == ["one", "one_2", "two"]
    assert isinstance(table["external"], Replace)


def test_a_replaced_development_set_drops_the_suites_external_sets():
    assert datasets(["development=/d"])["external"] == {}
    assert "external" not in datasets(["pool=/d"])


def test_folders_joined_by_a_plus_are_one_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = datasets(["pool=a:x@train+/b", "external=/c+/d"])
    assert table["pool"] == {
        "source": "merged",
        "sources": [
            {"source": "folder", "path": str(tmp_path / "a"), "label": "x", "split": "train"},
            {"source": "folder", "path": "/b"},
        ],
    }
    assert list(table["external"]) == ["c_d"]
    (tmp_path / "a+b").mkdir()
    assert datasets(["pool=a+b:x"])["pool"]["path"] == str(tmp_path / "a+b")


@pytest.mark.parametrize("bad", ["nonsense", "pool=", "other=/x", "=x"])
def test_a_dataset_option_of_another_form_is_refused(bad):
    with pytest.raises(SuiteError, match=f"--data {bad}: write pool=DIR"):
        datasets([bad])


LEAF = st.none() | st.integers() | st.text(max_size=3)
TREE = st.recursive(LEAF, lambda inner: st.dictionaries(st.text(max_size=2), inner, max_size=3))


@given(st.dictionaries(st.text(max_size=2), TREE, max_size=4))
def test_clean_leaves_no_none_and_no_empty_table(table):
    def sound(value):
        return value is not None and (not isinstance(value, dict) or (bool(value) and good(value)))

    def good(table):
        return all(sound(value) for value in table.values())

    cleaned = clean(table)
    assert good(cleaned)
    assert clean(cleaned) == cleaned


def test_clean_keeps_a_table_that_replaces():
    assert clean({"a": {"b": None}, "c": Replace()}) == {"c": {}}
