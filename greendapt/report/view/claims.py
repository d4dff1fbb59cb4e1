"""What of the first paper's claims this run supports, contradicts or cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from greendapt.report import words
from greendapt.report.view import columns
from greendapt.report.view.model import Path, Section, Setting
from greendapt.report.view.reached import Reached
from greendapt.stats.crossed import Crossed
from greendapt.stats.intervals import Interval
from greendapt.store.runinfo import RunData
from greendapt.suite.models import Suite
from greendapt.suite.references import (
    full_dapt,
    hybrid_dapt,
    no_dapt,
    partial_dapt,
    simplified_dapt,
)

ROBUST = "simplified DAPT is the most robust"
_SURE = 0.95
_EXPLANATION = (
    "Claims of Mehmood, Bajwa, Sun 2022, and the probability that each holds here, with the errors "
    f"of seeds and patients: supported from {_SURE:.0%}, contradicted below {1 - _SURE:.0%}. The "
    "first is of any adaptation; better means better by any amount."
)

Group = tuple[str, Sequence[str], Sequence[str]]
"""A claim: the best one of these is better than every one of those."""


@dataclass(frozen=True)
class Claim:
    """``gap``: the best of ours less the best of theirs, by their means."""

    text: str
    probability: float
    gap: Interval

    @property
    def told(self) -> str:
        if self.probability >= _SURE:
            return "supports it"
        return "contradicts it" if self.probability <= 1 - _SURE else "cannot tell"


def claims(run: RunData, reached: Mapping[Setting, Reached]) -> Section | None:
    """A line a claim, setting and set of images; None where no claim can be asked."""
    names = dict.fromkeys(row.strategy for row in run.summary.rows)
    cheaper = (partial_dapt, hybrid_dapt, simplified_dapt)
    if not any(kind(run.info.suite, names) for kind in cheaper):
        return None
    rows = [row for one, of in reached.items() for row in _of_setting(run, one, of)]
    if not rows:
        return None
    heads = ("claim", "question", "on", "probability", "this run")
    return Section("claims", "Claims of the paper", _EXPLANATION, ((heads, *rows),))


def groups(suite: Suite, names: Sequence[str]) -> tuple[Group, ...]:
    """The claims of strategies of these names; the last one is of images from outside."""
    none, full = no_dapt(suite, names), full_dapt(suite, names)
    hybrids, parts = hybrid_dapt(suite, names), partial_dapt(suite, names)
    small = simplified_dapt(suite, names)
    adapted = [*full, *parts, *hybrids]
    return (
        ("DAPT is better than none", adapted, [none] if none else []),
        ("partial DAPT is better than full", parts, full),
        ("hybrid DAPT is better than full", hybrids, full),
        (ROBUST, small, adapted),
    )


def asked(model: Crossed, group: Group) -> Claim | None:
    """None where strategies are missing, or nothing is known of their errors."""
    text, ours, theirs = group
    if not (ours and theirs and {*ours, *theirs} <= {*model.names}) or model.basis == "none":
        return None
    best, rival = (max(some, key=lambda name: _mean(model, name)) for some in (ours, theirs))
    return Claim(text, _chance(model, ours, theirs), model.difference(best, rival))


def _of_setting(run: RunData, setting: Setting, reached: Reached) -> Iterator[tuple[str, ...]]:
    question = words.setting(setting)
    for group in groups(run.info.suite, tuple(reached.groups)):
        for path in paths(reached, outside=group[0] == ROBUST):
            if claim := asked(reached.models[path], group):
                place = f"{' '.join(path[:-1])} {columns.metric_title(path)}"
                told = words.probability(claim.probability), claim.told
                yield claim.text, question, place, *told


def _mean(model: Crossed, name: str) -> float:
    return float(model.means[model.names.index(name)])


def paths(reached: Reached, *, outside: bool) -> list[Path]:
    """Scores on development and external sets; of robustness, outside and corrupted alone."""
    kinds = ("external", "corrupted") if outside else ("development", "external")
    every = [path for path in reached.models if path[-1] == reached.path[-1] and "by" not in path]
    return [path for path in every if path[0] in kinds]


def _chance(model: Crossed, ours: Sequence[str], theirs: Sequence[str]) -> float:
    drawn = model.joint()
    best, rival = (
        drawn[:, [model.names.index(name) for name in group]].max(axis=1)
        for group in (ours, theirs)
    )
    return float(np.mean(best > rival))
