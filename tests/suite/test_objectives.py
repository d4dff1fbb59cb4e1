"""What a suite says of an objective, and what it may not."""

from pathlib import Path

import pytest

from greendapt.core.errors import SuiteError
from greendapt.suite import suite_files
from greendapt.suite.objectives import OBJECTIVES, Dino, SimMIM
from greendapt.suite.recipes import Phase


def phase(**said):
    return Phase(**{"train": "all", "epochs": 2, "learning_rate": 0.1, **said})


@pytest.mark.parametrize("name", OBJECTIVES.builtin)
def test_a_name_is_read_and_written_as_it_was_before_there_were_settings(name):
    one = phase(objective=name)
    assert one.objective.name == str(one.objective) == name
    assert one.model_dump(mode="json")["objective"] == name
    assert phase(objective={"name": name}) == one


def test_only_what_differs_from_the_defaults_is_written():
    one = phase(objective={"name": "simmim", "mask_ratio": 0.5, "mask_patch": 32})
    assert one.objective == SimMIM(mask_ratio=0.5)
    assert one.model_dump(mode="json")["objective"] == {"name": "simmim", "mask_ratio": 0.5}
    assert Phase.model_validate(one.model_dump(mode="json")) == one
    assert str(one.objective) == "simmim (mask_ratio 0.5)"


@pytest.mark.parametrize(
    ("objective", "why"),
    [
        ("mae", "should be one of 'supervised', 'simclr', 'simmim', 'dino'"),
        ({"mask_ratio": 0.5}, "should be one of"),
        (3, "should be one of"),
        ({"name": "simmim", "mask_ratio": 1}, "less than 1"),
        ({"name": "simmim", "ratio": 0.5}, "ratio"),
    ],
)
def test_what_is_none_is_refused(tiny, objective, why):
    with pytest.raises(SuiteError, match=why):
        suite_files.load(tiny, changes=[{"phase": {"adapt": {"objective": objective}}}])


def test_pairs_of_one_image_are_refused(tiny):
    change = {"phase": {"adapt": {"objective": "simclr", "batch_size": 1}}}
    with pytest.raises(SuiteError, match=r"strategy.full: .*batch_size should be at least 2"):
        suite_files.load(tiny, changes=[change])
    suite_files.load(tiny, changes=[change, {"run": {"strategies": ["none"]}}])


def test_a_moving_teacher_ranks_no_epochs(tiny):
    change = {"phase": {"adapt": {"objective": "dino"}}}
    with pytest.raises(SuiteError, match="say select = 'last'"):
        suite_files.load(tiny, changes=[change])
    for kept in ({"select": "last"}, {"stop": {"rule": "patience", "on": "robustness"}}):
        suite_files.load(tiny, changes=[change, {"phase": {"adapt": kept}}])


def test_a_bank_of_views_is_for_what_takes_an_image_as_it_is(tiny):
    said = {"objective": "simmim", "augmentation": "light", "bank": 2, "train": "last:1"}
    with pytest.raises(SuiteError, match="bank = 2 needs a supervised phase"):
        suite_files.load(tiny, changes=[{"phase": {"adapt": said}}])


def test_a_phase_whose_teacher_slows_down_is_no_part_of_a_longer_one():
    assert phase(objective="simmim").in_parts
    teacher = phase(objective=Dino(), select="last", epochs=5)
    assert not teacher.in_parts
    assert teacher.up_to(2).epochs == 5
    assert teacher.up_to(2).until == 2


def test_the_example_of_the_guide_is_a_suite(tmp_path):
    guide = (Path(__file__).parents[2] / "docs/self-supervised.md").read_text(encoding="utf-8")
    file = tmp_path / "unlabelled.toml"
    file.write_text(guide.partition("```toml\n")[2].partition("```")[0], encoding="utf-8")
    suite = suite_files.load(file)
    phases = [phase for name in suite.run.strategies for phase in suite.phases(name)]
    assert [phase.objective.name for phase in phases] == ["simclr", "simmim", "dino"]
