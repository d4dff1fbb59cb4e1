"""What a suite's own code may do: nothing, until it is trusted; then what was read, and no more."""

import pytest

import greendapt
from greendapt.core import own_code
from greendapt.core.errors import SuiteError
from greendapt.core.own_code import OwnCodeError
from greendapt.suite.own_code import require
from greendapt.suite.suite_files import load

OWN = "[own.mine]\nkind = 'augmentation'\ncode = 'mine:dim'\n"


@pytest.fixture
def suite(tiny, tmp_path, monkeypatch):
    """A suite with an augmentation of its own, in this process as in a new one."""
    monkeypatch.setattr(own_code, "_LOADED", {})
    (tmp_path / "mine.py").write_text("def dim(image, generator):\n    return image\n")
    path = tmp_path / "own.toml"
    path.write_text(tiny.read_text() + OWN)
    return load(path)


def test_trust_runs_it_and_tells_what_ran(suite, tmp_path):
    with pytest.raises(OwnCodeError) as error:
        require(suite)
    assert f"{tmp_path / 'mine.py'} (own.mine)" in str(error.value)
    greendapt.trust(suite)
    digests = require(suite)
    assert own_code.loaded("augmentation", "mine").digest == digests["mine"]
    assert type(suite).model_validate(suite.model_dump(mode="json", by_alias=True)) == suite


def test_a_worker_runs_the_very_file_that_was_allowed(suite, tmp_path):
    greendapt.trust(suite)
    digests = require(suite)
    greendapt.trust(suite, digests)
    (tmp_path / "mine.py").write_text("raise SystemExit('it ran')")
    with pytest.raises(OwnCodeError, match="changed while the run went on"):
        greendapt.trust(suite, digests)
    with pytest.raises(OwnCodeError, match="changed while the run went on"):
        greendapt.trust(suite, {})


def test_trust_in_one_suite_is_none_in_another_of_the_same_names(suite, tmp_path):
    greendapt.trust(suite)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "own.toml").write_text((tmp_path / "own.toml").read_text())
    with pytest.raises(OwnCodeError, match="elsewhere"):
        require(load(elsewhere / "own.toml"))


@pytest.mark.parametrize("code", ["mine", "../mine:dim", "a.b:dim", "mine:", ":dim", "mine:a.b"])
def test_code_is_a_file_beside_the_suite_and_a_function_of_it(tmp_path, tiny, code):
    path = tmp_path / "own.toml"
    path.write_text(tiny.read_text() + OWN.replace("mine:dim", code))
    with pytest.raises(SuiteError, match=r"own\.mine\.code"):
        load(path)


def test_the_folder_is_not_for_a_suite_to_say(tmp_path, tiny):
    path = tmp_path / "own.toml"
    path.write_text(tiny.read_text() + OWN + "folder = '/tmp'\n")
    with pytest.raises(SuiteError, match=r"own\.mine\.folder: unknown key"):
        load(path)
