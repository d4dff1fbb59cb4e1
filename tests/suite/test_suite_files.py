"""Suite files: found, overlaid, checked."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greendapt.core.errors import SuiteError
from greendapt.suite.overrides import Replace, datasets
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


@pytest.fixture
def written(tiny, tmp_path):
    """The tiny suite in a folder of its own, with more behind it."""
    path = tmp_path / "deep" / "own.toml"
    path.parent.mkdir()

    def write(more="", **replaced):
        text = tiny.read_text(encoding="utf-8")
        for name, table in replaced.items():
            before, after = text.split(f"[data.{name}]\n")
            text = f"{before}[data.{name}]\n{table}\n[{after.split('[', 1)[1]}"
        path.write_text(text + more, encoding="utf-8")
        return path

    return write


FOLDERS = """
[data.pools.big]
data = { source = "folder", path = "../big" }
[data.pools.both.data]
source = "merged"
sources = [{ source = "folder", path = "../b" }, { source = "phantom" }]
[data.targets.other]
development = { source = "folder", path = "../dev" }
external.far = { source = "folder", path = "../far" }
external.xrv = { source = "torchxrayvision", dataset = "X", images = "i", csv = "../c.csv" }
"""


def test_paths_are_relative_to_the_suite_file(written, tmp_path):
    data = load(written(FOLDERS, pool='source = "folder"\npath = "../xrays"')).data
    assert data.pool.path == tmp_path / "xrays"
    assert data.pools["big"].data.path == tmp_path / "big"
    assert data.pools["both"].data.sources[0].path == tmp_path / "b"
    other = data.targets["other"]
    assert other.development.path == tmp_path / "dev"
    assert other.external["far"].path == tmp_path / "far"
    assert other.external["xrv"].images == tmp_path / "deep" / "i"
    assert other.external["xrv"].csv == tmp_path / "c.csv"


def test_paths_of_a_profile_are_relative_to_the_suite_file(written, tmp_path):
    profile = """
    [profile.own]
    model.weights = "w.safetensors"
    data.targets.other.development = { source = "folder", path = "mine" }
    """
    suite = load(written(FOLDERS + profile), "own")
    assert suite.model.weights == str(tmp_path / "deep" / "w.safetensors")
    assert suite.data.targets["other"].development.path == tmp_path / "deep" / "mine"


@pytest.mark.parametrize("word", ["fractal", "timm", "none"])
def test_weights_are_a_file_beside_the_suite_or_a_word(written, word, tmp_path):
    path = written()
    text = path.read_text()
    path.write_text(text.replace('weights = "none"', f'weights = "{word}"'))
    assert load(path).model.weights == word
    path.write_text(text.replace('weights = "none"', 'weights = "../w.safetensors"'))
    assert load(path).model.weights == str(tmp_path / "w.safetensors")


def test_paths_of_changes_are_relative_to_the_working_folder(written, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = written(FOLDERS)
    sources = [{"source": "folder", "path": "b"}, {"source": "phantom"}]
    pool = {"source": "merged", "sources": sources}
    change = {"data": {"pool": pool}, "model": {"weights": "w.safetensors"}}
    suite = load(own, changes=[change, setting("data.pools.big.data.path=/elsewhere")])
    assert suite.data.pool.sources[0].path == tmp_path / "b"
    assert suite.model.weights == str(tmp_path / "w.safetensors")
    assert str(suite.data.pools["big"].data.path) == "/elsewhere"
    assert sources[0]["path"] == "b"  # what was given stays as it is


FOLDER = 'source = "folder"\npath = "xrays"'
PROFILE = """
[profile.smoke]
run.seeds = 1
data.pool.images = 50
data.development.images = 70
data.external.b.images = 30
"""


def test_a_profile_leaves_out_what_is_for_another_kind_of_source(written):
    heard = []
    own = written(PROFILE, development=FOLDER)
    suite = load(own, "smoke", say=heard.append)
    assert (suite.data.pool.images, suite.data.external["b"].images) == (50, 30)
    assert suite.data.development == load(own).data.development
    assert heard == [
        "note: profile smoke: left out, for other data than this: "
        "data.development.images (its source is folder)"
    ]


def test_a_profile_leaves_out_values_of_another_kind(written):
    """``images`` is a number of phantoms, and the folder of another kind of source."""
    heard = []
    xrv = 'source = "torchxrayvision"\ndataset = "X"\nimages = "i"'
    suite = load(written(PROFILE, pool=xrv), "smoke", say=heard.append)
    assert suite.data.pool.images.name == "i"
    assert "data.pool.images (its source is torchxrayvision)" in heard[0]


def test_a_profile_fits_pools_and_targets_too(written):
    heard = []
    more = """
    [profile.smoke.data]
    pools.big.data = { images = 9, label = "dx" }
    pools.both.data = { images = 9, fraction = 0.5 }
    targets.other.development.images = 9
    targets.other.external.far.seed = 9
    """
    data = load(written(FOLDERS + more), "smoke", say=heard.append).data
    assert data.pools["big"].data.label == "dx"
    assert data.pools["both"].data.fraction == 0.5
    left = ["pools.big.data.images", "pools.both.data.images", "targets.other.development.images",
            "targets.other.external.far.seed"]  # fmt: skip
    assert len(heard) == 1
    assert all(f"data.{key} (its source is " in heard[0] for key in left)


def test_a_profile_leaves_out_sets_that_are_replaced(written):
    heard = []
    change = {"data": datasets(["development=/d"])}
    suite = load(written(PROFILE), "smoke", [change], heard.append)
    assert (suite.data.pool.images, suite.data.external) == (50, {})
    assert heard == [
        "note: profile smoke: left out, for other data than this: "
        "data.development.images (its source is folder), "
        "data.external.b.images (that set is replaced)"
    ]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("development.imges = 3", "data.development.imges: unknown key; did you mean images"),
        ("development.images = 0", "data.development.images: should be greater than 0"),
        ("external.c.images = 3", "data.external.c"),
    ],
)
def test_a_profile_still_has_no_wrong_keys(written, key, said):
    with pytest.raises(SuiteError) as error:
        load(written(f"[profile.smoke.data]\n{key}"), "smoke")
    assert said in str(error.value)


def test_a_profile_that_brings_its_own_source_is_taken(written):
    heard = []
    more = '[profile.own.data]\npool = { source = "fractal", images = 40 }\n'
    suite = load(written(more, pool=FOLDER), "own", say=heard.append)
    assert (suite.data.pool.source, heard) == ("fractal", [])


@pytest.mark.parametrize("role", ["pool", "development", "external"])
def test_shipped_suites_take_folders_in_every_profile(role):
    change = {"data": datasets([f"{role}=/xrays"])}
    for path in shipped().values():
        for profile in profiles(read_table(path)):
            data = load(path, profile, [change]).data
            of_role = data.external["xrays"] if role == "external" else getattr(data, role)
            assert str(of_role.path) == "/xrays"


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
