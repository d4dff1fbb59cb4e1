"""What can be had by name: built in, or from another package; and what a broken one says."""

from collections.abc import Callable

import pytest

from greendapt.core.registry import Listed, PluginError, Registry

BUILTIN = {"join": "os.path:join", "never": "no_such_module:nothing"}


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """``registry(entry points by package, a kind)``, with these packages installed."""

    def make(packages, kind=None):
        for package, lines in packages.items():
            info = tmp_path / f"{package}-1.0.dist-info"
            info.mkdir()
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n"
            )
            (info / "entry_points.txt").write_text("\n".join(["[greendapt.tests]", *lines]))
        monkeypatch.syspath_prepend(tmp_path)
        return Registry("greendapt.tests", "test thing", BUILTIN, kind)

    return make


def test_nothing_is_imported_before_it_is_asked_for(registry):
    things = registry({})
    assert things.names() == ("join", "never")
    assert "never" in things
    assert things.get("join")("a", "b") == "a/b"
    with pytest.raises(ModuleNotFoundError):
        things.get("never")


def test_another_package_adds_a_name(registry):
    things = registry({"other": ["mine = json:dumps"]})
    assert things.names() == ("join", "never", "mine")
    assert things.get("mine")([1]) == "[1]"
    assert things.listed(load=True)[-1] == Listed("mine", "other", "json:dumps")


def test_an_unknown_name_is_refused_with_a_hint(registry):
    things = registry({"other": ["mine = json:dumps"]})
    with pytest.raises(PluginError, match="there is no test thing 'mien'; did you mean mine"):
        things.get("mien")
    with pytest.raises(PluginError, match="there is: join, never, mine"):
        things.get("xyz")
    assert "xyz" not in things


@pytest.mark.parametrize(
    ("target", "kind", "why"),
    [
        ("no_such_module:it", None, "ModuleNotFoundError: No module named 'no_such_module'"),
        ("json:nothing", None, "AttributeError"),
        ("json:dumps", type, "is no type: see greendapt.testing"),
    ],
)
def test_a_broken_plugin_is_one_sentence(registry, target, kind, why):
    things = registry({"other": [f"mine = {target}", "good = builtins:int"]}, kind)
    with pytest.raises(PluginError) as error:
        things.get("mine")
    assert why in str(error.value)
    assert str(error.value).startswith(f"the test thing 'mine' of other ({target})")
    *_, good, mine = things.listed(load=True)
    assert (good.problem, mine.problem) == ("", str(error.value))
    assert not any(one.problem for one in things.listed())


def test_a_plugin_is_of_the_kind_it_must_be(registry):
    assert registry({"other": ["mine = json:dumps"]}, Callable).get("mine")


def test_no_name_is_taken_over(registry):
    packages = {"a": ["mine = json:dumps"], "b": ["mine = json:loads", "join = json:dumps"]}
    things = registry(packages)
    assert things.get("mine")([1]) == "[1]"
    assert things.get("join")("a", "b") == "a/b"
    assert {(one.name, one.package): one.problem for one in things.listed()} == {
        ("join", ""): "",
        ("never", ""): "",
        ("mine", "a"): "",
        ("mine", "b"): "a has a test thing of the name 'mine', too",
        ("join", "b"): "the name 'join' is that of a built-in test thing",
    }
