"""The step chosen for each backbone, kept for this machine so that equal runs stay equal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict

import torch

from greendapt.core.errors import SuiteError
from greendapt.core.keys import key_of
from greendapt.core.machine import launched
from greendapt.disk.cache import cache_folder
from greendapt.disk.files import disk_errors, write_json
from greendapt.models.backbone import create_backbone
from greendapt.models.own_networks import own_network
from greendapt.run.environment import environment, fingerprint
from greendapt.store.runinfo import StepInfo, StepTrialInfo
from greendapt.suite.models import Suite
from greendapt.train.step import PLAIN, Step, Trial, try_steps

_TRIAL = 2
"""Raise when other steps are tried."""


def chosen(
    suite: Suite,
    device: torch.device,
    before: Mapping[str, StepTrialInfo],
    say: Callable[[str], None],
) -> dict[str, Trial]:
    """By backbone. ``before``: what a run that goes on had chosen; that is kept."""
    if suite.run.fast_step == "compiled" and launched():
        raise SuiteError(
            "run.fast_step = compiled is for one process; with torchrun leave it out, "
            "or take --set run.fast_step=true"
        )
    if not suite.run.fast_step:
        return {name: Trial(PLAIN) for name in suite.model.backbones}
    return {
        name: _trial(before[name]) if name in before else _kept(suite, name, device, say)
        for name in suite.model.backbones
    }


def _kept(suite: Suite, name: str, device: torch.device, say: Callable[[str], None]) -> Trial:
    """The choice made on this machine before, else a trial, which is then kept."""
    here = environment(device)
    size = suite.model.image_size
    compiled = suite.run.fast_step == "compiled"
    trial_of = {"machine": fingerprint(here), "backbone": name, "size": size, "compiled": compiled}
    if own := own_network(name):
        trial_of["code"] = own.digest
    key = key_of(trial=_TRIAL, **trial_of)
    path = cache_folder() / "steps" / f"{key}.json"
    try:
        return _trial(StepTrialInfo.model_validate_json(path.read_bytes()))
    except (OSError, ValueError):  # absent, or not ours: tried again
        pass
    say(f"trying how {name} trains fastest here")
    if compiled:  # on some processors a compiled step ends the process: nothing could be said then
        say("compiling; should the process end here, take --set run.fast_step=true")
    trial = try_steps(
        lambda: create_backbone(name, image_size=size).to(device),
        size,
        device,
        cores=int(here["cores"]),
        compiled=compiled,
    )
    with disk_errors(path, "GREENDAPT_CACHE"):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, info_of(trial).model_dump(mode="json"))
    return trial


def info_of(trial: Trial) -> StepTrialInfo:
    """As a run and this machine's cache keep it."""
    return StepTrialInfo(step=StepInfo(**asdict(trial.step)), seconds=trial.seconds)


def _trial(info: StepTrialInfo) -> Trial:
    return Trial(Step(**dict(info.step)), info.seconds)
