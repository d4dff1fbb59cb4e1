"""What a figure may change by, in general and for one strategy, whatever its name."""

import pytest

from greendapt.core.errors import SuiteError
from greendapt.suite.limits import from_options, from_table
from greendapt.suite.suite_files import load

SLASHED = '[strategy."a/b"]\nphases = ["head"]\n[limits]\nflops = "1%"\n'
CELL = ("a/b", "test_resnet", "probe", "full")


def suite_with(tiny, tmp_path, text):
    path = tmp_path / "slashed.toml"
    path.write_text(tiny.read_text(encoding="utf-8") + text, encoding="utf-8")
    return load(path)


@pytest.mark.parametrize("name", ["a/b", "/".join(CELL)])
def test_a_strategy_with_a_slash_has_its_own_limit_in_a_suite(tiny, tmp_path, name):
    suite = suite_with(tiny, tmp_path, f'{SLASHED}[limits."{name}"]\nflops = "5%"\n')
    limits = from_table(suite.limits)
    assert limits.of(CELL, "training_flops", 0.0) == 0.05
    assert limits.of(("a", *CELL[1:]), "training_flops", 0.0) == 0.01


@pytest.mark.parametrize("name", ["a", "a/c", "a/bc", "b"])
def test_a_limit_of_no_strategy_is_refused(tiny, tmp_path, name):
    with pytest.raises(SuiteError, match=f"limits: there is no strategy '{name}'"):
        suite_with(tiny, tmp_path, f'{SLASHED}[limits."{name}"]\nflops = "5%"\n')


@pytest.mark.parametrize("name", ["a/b", "/".join(CELL)])
def test_a_strategy_with_a_slash_has_its_own_limit_as_an_option(name):
    limits = from_options([f"{name}/energy=5%", "energy=2%"])
    assert limits.of(CELL, "energy_j", 0.0) == 0.05
    assert limits.of(("a", *CELL[1:]), "energy_j", 0.0) == 0.02


def test_the_cell_goes_before_its_strategy_and_that_before_all():
    limits = from_options([f"{'/'.join(CELL)}/time=3%", "a/b/time=2%", "time=1%"])
    assert limits.of(CELL, "wall_s", 0.0) == 0.03
    assert limits.of(("a/b", "other", "probe", "full"), "wall_s", 0.0) == 0.02
    assert limits.of(("none", "other", "probe", "full"), "wall_s", 0.0) == 0.01
    assert limits.given(CELL, "auc") is None
