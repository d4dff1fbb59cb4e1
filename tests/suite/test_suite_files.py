"""Suite files: found, overlaid, checked."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.core.errors import SuiteError
from greendapt.suite.overrides import Replace
from greendapt.suite.suite_files import find, load, overlay, profiles, read_table, setting, shipped

WORD = st.text("abcdef", min_size=1, max_size=3)
TREE = st.recursive(
    st.integers() | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(WORD, inner, max_size=3),
    max_leaves=8,
)
TABLE = st.dictionaries(WORD, TREE, max_size=4)


@given(TABLE, TABLE)
def test_overlay_keeps_what_it_does_not_touch_and_takes_what_it_says(base, change):
    before = json.dumps(base)
    merged = overlay(base, change)
    assert json.dumps(base) == before
    assert merged.keys() == base.keys() | change.keys()
    for key, value in merged.items():
        if key not in change:
            assert value == base[key]
        elif isinstance(change[key], dict) and isinstance(base.get(key), dict):
            assert value == overlay(base[key], change[key])
        else:
            assert value == change[key]


@given(TABLE)
def test_overlay_has_a_neutral_element_and_is_idempotent(table):
    assert overlay(table, {}) == overlay({}, table) == overlay(table, table) == table


def test_a_dataset_and_a_replacement_take_the_place_of_what_is_below():
    base = {"data": {"pool": {"source": "phantom", "images": 3}, "external": {"b": {"x": 1}}}}
    change = {"data": {"pool": {"source": "folder", "path": "p"}, "external": Replace()}}
    assert overlay(base, change) == {
        "data": {"pool": {"source": "folder", "path": "p"}, "external": {}}
    }


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("run.seeds=3", {"run": {"seeds": 3}}),
        ("a.b = 1e-3", {"a": {"b": 1e-3}}),
        ('phase.adapt.train="last:2"', {"phase": {"adapt": {"train": "last:2"}}}),
        ("phase.adapt.train=last:2", {"phase": {"adapt": {"train": "last:2"}}}),
        ('strategy."partial:last1".cut=2', {"strategy": {"partial:last1": {"cut": 2}}}),
        ("strategy.partial:last1.cut=2", {"strategy": {"partial:last1": {"cut": 2}}}),
        ("run.shots=[5, 'full']", {"run": {"shots": [5, "full"]}}),
        ("run.prefix_cache=false", {"run": {"prefix_cache": False}}),
        ("title=a = b", {"title": "a = b"}),
        ('data.external={c = {source = "x"}}', {"data": {"external": {"c": {"source": "x"}}}}),
    ],
)  # fmt: skip
def test_a_setting_is_a_key_and_a_toml_value_or_a_bare_word(text, table):
    assert setting(text) == table


@given(st.lists(WORD, min_size=1, max_size=4), st.integers() | st.booleans() | WORD)
def test_a_setting_nests_as_toml_does(path, value):
    text = f"{'.'.join(path)}={json.dumps(value)}"
    assert setting(text) == tomllib.loads(text)


@pytest.mark.parametrize("bad", ["nonsense", "=3", "", ".=1"])
def test_a_setting_without_key_or_value_is_refused(bad):
    with pytest.raises(SuiteError, match="write KEY=VALUE"):
        setting(bad)


def test_shipped_suites_are_sound_in_every_profile():
    assert "chestxray" in shipped()
    for name, path in shipped().items():
        assert find(name) == path
        for profile in profiles(read_table(path)):
            suite = load(path, profile)
            assert suite.name == name
            assert suite.profile == profile


def test_a_profile_is_laid_over_the_suite_and_flags_over_the_profile(tiny):
    assert load(tiny).run.seeds == 1
    assert load(tiny, "long").run.seeds == 2
    changed = load(tiny, "long", [{"run": {"seeds": 4}}, {"phase": {"adapt": {"epochs": 7}}}])
    assert changed.run.seeds == 4
    assert changed.phase["adapt"].epochs == 7
    assert changed.phase["adapt"].learning_rate == load(tiny).phase["adapt"].learning_rate


def test_paths_are_relative_to_the_suite_file(tiny, tmp_path):
    own = tmp_path / "deep" / "own.toml"
    own.parent.mkdir()
    text = tiny.read_text().replace(
        'source = "phantom"\nimages = 60\nseed = 1', 'source = "folder"\npath = "../xrays"'
    )
    own.write_text(text)
    assert load(own).data.pool.path == tmp_path / "xrays"
    change = {"data": {"pool": {"source": "folder", "path": "/elsewhere"}}}
    assert str(load(own, changes=[change]).data.pool.path) == "/elsewhere"
    sources = [{"source": "folder", "path": "../b"}, {"source": "phantom"}]
    change["data"]["pool"] = {"source": "merged", "sources": sources}
    assert load(own, changes=[change]).data.pool.sources[0].path == tmp_path / "b"


def test_a_key_of_a_merged_source_is_named(tiny):
    bad = {"source": "folder", "path": "x", "fraction": 1}
    pool = {"source": "merged", "sources": [bad], "labels": "some"}
    with pytest.raises(SuiteError) as error:
        load(tiny, changes=[{"data": {"pool": pool}}])
    assert "data.pool.sources.0.fraction: unknown key" in str(error.value)
    assert "data.pool.labels: should be 'intersection' or 'union' (is 'some')" in str(error.value)


def test_a_union_is_named_by_the_key_in_the_file(tiny):
    with pytest.raises(SuiteError) as error:
        load(tiny, changes=[{"transfer": {"probe": {"epochs": 0}}, "run": {"shots": [0]}}])
    lines = [line.strip() for line in str(error.value).splitlines()]
    assert "transfer.probe.epochs: should be greater than 0 (is 0)" in lines
    assert any(line.startswith("run.shots.0: ") for line in lines)
    assert len(lines) == 3


def test_a_shipped_suite_is_named_by_its_name():
    with pytest.raises(SuiteError, match=r"^suite chestxray: run\.epoks: unknown key$"):
        load(find("chestxray"), changes=[{"run": {"epoks": 1}}])


@pytest.mark.parametrize("said", ["profile = 3", "[profile]\nlong = 3"])
def test_a_profile_that_is_no_table_is_refused(tmp_path, said):
    (tmp_path / "odd.toml").write_text(said)
    with pytest.raises(SuiteError, match=r"odd\.toml: profile: should be a table for each"):
        load(tmp_path / "odd.toml")


def test_an_unknown_profile_of_a_shipped_suite_names_it_by_its_name():
    with pytest.raises(SuiteError, match=r"^suite chestxray: there is no profile 'nope' \("):
        load(find("chestxray"), "nope")
