"""The step of a backbone is tried once a machine."""

import json

import pytest
import torch
from pydantic import ValidationError

from greendapt.core.errors import SuiteError
from greendapt.run import step_choice
from greendapt.store.runinfo import StepTrialInfo
from greendapt.suite.suite_files import load
from greendapt.train.step import PLAIN, Step, Trial

CPU = torch.device("cpu")


def test_a_trial_is_made_once_a_machine(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("GREENDAPT_CACHE", str(tmp_path))
    suite, said = load(tiny, changes=[{"run": {"fast_step": True}}]), []
    first = step_choice.chosen(suite, CPU, {}, said.append)
    assert said == ["trying how test_resnet trains fastest here"]
    assert step_choice.chosen(suite, CPU, {}, said.append) == first
    assert len(said) == 1
    (kept,) = (tmp_path / "steps").iterdir()
    kept.write_text("{")
    step_choice.chosen(suite, CPU, {}, said.append)
    assert len(said) == 2, "a broken file is no choice"
    assert json.loads(kept.read_text())["seconds"]


def test_a_run_that_goes_on_keeps_its_choice(tiny):
    suite = load(tiny, changes=[{"run": {"fast_step": True}}])
    step = {"precision": "bfloat16", "layout": "contiguous", "threads": 1}
    before = {"test_resnet": StepTrialInfo(step=step)}
    (trial,) = step_choice.chosen(suite, CPU, before, lambda _said: None).values()
    assert (trial.step.precision, trial.step.layout) == ("bfloat16", "contiguous")


def test_a_trial_comes_back_from_its_json():
    trial = Trial(Step(precision="bfloat16", threads=2), {"float32": 0.5, "bfloat16": 0.25})
    text = step_choice.info_of(trial).model_dump_json()
    assert step_choice._trial(StepTrialInfo.model_validate_json(text)) == trial
    with pytest.raises(ValidationError):
        StepTrialInfo.model_validate({"step": {"speed": 1}, "seconds": {}})


def test_without_it_the_step_is_plain(tiny):
    suite = load(tiny, changes=[{"run": {"fast_step": False}}])
    (trial,) = step_choice.chosen(suite, CPU, {}, lambda _said: None).values()
    assert trial.step == PLAIN
    assert trial.seconds == {}


def test_a_compiled_step_is_for_one_process(tiny, monkeypatch):
    suite = load(tiny, changes=[{"run": {"fast_step": "compiled"}}])
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("MASTER_ADDR", "localhost")
    with pytest.raises(SuiteError, match="with torchrun leave it out"):
        step_choice.chosen(suite, CPU, {}, lambda _said: None)
