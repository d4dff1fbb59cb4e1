"""What the parts of a suite say of each other: names that exist, phases that can be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from greendapt.core.errors import SuiteError
from greendapt.suite.limits import from_table
from greendapt.suite.own_code import own_problems, unlabelled_losses
from greendapt.suite.recipes import FineTune, Segment
from greendapt.suite.trainable import train_set

if TYPE_CHECKING:
    from greendapt.suite.models import Suite


def inconsistencies(suite: Suite) -> list[str]:
    """A line on each; what can only be looked at where all names exist comes after those."""
    first = (
        *(_unknown_names, _bad_phases, _blind_stops, _bad_segments, _bad_objectives, _bad_limits),
        own_problems,
    )
    then = (_bad_banks, _added_twice, _bad_freezing, _other_metric, unlabelled_losses)
    problems = [one for check in first for one in check(suite)]
    return problems or [one for check in then for one in check(suite)]


def _unknown_names(suite: Suite) -> list[str]:
    def check(key: str, names: tuple[str, ...], known: Mapping[str, object]) -> list[str]:
        return [
            f"{key}: there is no '{name}' (there is: {', '.join(known) or 'nothing'})"
            for name in names
            if name not in known
        ]

    problems = check("run.strategies", suite.run.strategies, suite.strategy)
    problems += check("run.transfers", suite.run.transfers, suite.transfer)
    for name, strategy in suite.strategy.items():
        used = tuple(i if isinstance(i, str) else i.use for i in strategy.phases)
        problems += check(f"strategy.{name}.phases", used, suite.phase)
        if strategy.base:
            problems += check(f"strategy.{name}.base", (strategy.base,), suite.strategy)
            problems += _cycle(suite, name)
        if strategy.pool:
            problems += check(f"strategy.{name}.pool", (strategy.pool,), suite.data.pools)
    for name, transfer in suite.transfer.items():
        if transfer.target:
            problems += check(f"transfer.{name}.target", (transfer.target,), suite.data.targets)
    return problems


def _other_metric(suite: Suite) -> list[str]:
    """Known of another task only."""
    metric = suite.verdict.metric
    if metric is None or suite.segments == (metric in ("dice", "jaccard")):
        return []
    task, there = ("masks", "dice, jaccard") if suite.segments else ("labels", "auc, auprc, ...")
    return [f"verdict.metric: {metric} is none of {task}; there is: {there}"]


def _bad_banks(suite: Suite) -> list[str]:
    """A bank of views is what a stored prefix holds: without one there is nothing to draw from."""
    problems = {}
    for name in suite.strategy:
        for phase in suite.phases(name):
            where = f"strategy.{name}: bank = {phase.bank}"
            if phase.bank and phase.augmentation == "none":
                problems[where] = "needs an augmentation to draw views from"
            elif phase.bank and not (phase.freezes_stem and phase.constant):
                problems[where] = "needs a supervised phase with frozen units before what trains"
            elif phase.bank and not suite.run.prefix_cache:
                problems[where] = "needs run.prefix_cache: the views are kept in it"
    return [f"{where} {what}" for where, what in problems.items()]


def _added_twice(suite: Suite) -> list[str]:
    """Where a strategy's own `Use` adds another kind than the template does."""
    return [
        f"strategy.{name}.phases: one of lora, ia3 and ssf is added, not two"
        for name in suite.strategy
        if any(phase.adds_two for phase in suite.phases(name))
    ]


def _bad_freezing(suite: Suite) -> list[str]:
    """An objective that keeps a second network, or compares views, is another matter."""
    return [
        f"strategy.{name}.phases: freeze needs objective = 'supervised'"
        for name in suite.strategy
        if any(p.freeze and p.objective.name != "supervised" for p in suite.phases(name))
    ]


def _bad_limits(suite: Suite) -> list[str]:
    try:
        limits = from_table(suite.limits)
    except SuiteError as error:
        return [str(error)]
    starts = tuple(f"{name}/" for name in suite.strategy)
    lost = [cell for cell in limits.own if not f"{cell}/".startswith(starts)]
    return [f"limits: there is no strategy '{cell}'" for cell in lost]


def _cycle(suite: Suite, name: str) -> list[str]:
    seen = [name]
    base = suite.strategy[name].base
    while base is not None and base in suite.strategy:
        if base in seen:
            return [f"strategy.{name}.base: a cycle, {' -> '.join([*seen, base])}"]
        seen.append(base)
        base = suite.strategy[base].base
    return []


def _bad_phases(suite: Suite) -> list[str]:
    problems: list[str] = []
    named = [(f"phase.{name}.train", phase.train) for name, phase in suite.phase.items()]
    for name, strategy in suite.strategy.items():
        named += [
            (f"strategy.{name}.phases[{i}].train", item.train)
            for i, item in enumerate(strategy.phases)
            if not isinstance(item, str) and item.train is not None
        ]
    named += [
        (f"transfer.{name}.train", transfer.train)
        for name, transfer in suite.transfer.items()
        if isinstance(transfer, FineTune | Segment)
    ]
    for key, train in named:
        try:
            train_set(train, key)
        except SuiteError as error:
            problems.append(str(error))
    return problems


def _blind_stops(suite: Suite) -> list[str]:
    """Rules that wait for a validation loss which ``select = "last"`` does not compute."""
    if _unknown_names(suite):
        return []
    return [
        f"strategy.{name}: stop on val_loss needs select = 'best', or on = a score"
        for name in suite.run.strategies
        for phase in suite.phases(name)
        if phase.stop is not None
        and phase.stop.scored
        and phase.stop.on == "val_loss"
        and not phase.needs_val_loss
    ]


def _bad_objectives(suite: Suite) -> list[str]:
    """Phases whose loss says nothing, or nothing that chooses an epoch."""
    if _unknown_names(suite):
        return []
    problems = []
    for name in suite.run.strategies:
        for phase in suite.phases(name):
            learns, where = (
                phase.objective,
                f"strategy.{name}: objective = '{phase.objective.name}'",
            )
            if phase.batch_size < learns.least_images:
                problems.append(
                    f"{where} compares the images of a batch: batch_size should be at least "
                    f"{learns.least_images} (is {phase.batch_size})"
                )
            by_loss = phase.stop is None or phase.stop.on == "val_loss"
            if not learns.ranks_epochs and phase.select == "best" and by_loss:
                problems.append(
                    f"{where} has no validation loss that compares epochs: say select = 'last'"
                )
    return list(dict.fromkeys(problems))


def _bad_segments(suite: Suite) -> list[str]:
    if _unknown_names(suite) or not suite.segments:
        return []
    problems = [
        f"run.transfers: '{name}' takes labels, others take masks; run them apart"
        for name in suite.run.transfers
        if not isinstance(suite.transfer[name], Segment)
    ]
    if suite.run.shots != ("full",):
        problems.append("run.shots: segmentation takes 'full' only, masks have no classes to draw")
    problems += [
        f"transfer.{name}.augmentation: it would move the images and not their masks; say 'none'"
        for name in suite.run.transfers
        if suite.transfer[name].augmentation != "none"
    ]
    return problems
