"""What of the first paper's claims this run supports, contradicts or cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from greendapt.report import words
from greendapt.report.view import columns
from greendapt.report.view.model import Path, Section, Setting
from greendapt.report.view.reached import Reached
from greendapt.stats.crossed import Crossed
from greendapt.store.runinfo import RunData
from greendapt.suite.references import (
    full_dapt,
    hybrid_dapt,
    no_dapt,
    partial_dapt,
    simplified_dapt,
)

_SURE = 0.95
_EXPLANATION = (
    "Claims of Mehmood, Bajwa, Sun 2022, and the probability that each holds here, with the errors "
    f"of seeds and patients: supported from {_SURE:.0%}, contradicted below {1 - _SURE:.0%}. The "
    "first is of any adaptation; better means better by any amount."
)

Groups = Sequence[tuple[str, Sequence[str], Sequence[str]]]
"""A claim: the best one of these is better than every one of those."""


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


def _of_setting(run: RunData, setting: Setting, reached: Reached) -> Iterator[tuple[str, ...]]:
    question = words.setting(setting)
    for claim, ours, theirs in _groups(run, tuple(reached.groups)):
        robust = claim.startswith("simplified")
        for path in _paths(reached, outside=robust):
            model = reached.models[path]
            if ours and theirs and {*ours, *theirs} <= {*model.names} and model.basis != "none":
                chance = _chance(model, ours, theirs)
                place = " ".join(path[:-1])
                told = words.probability(chance), _told(chance)
                yield claim, question, f"{place} {columns.metric_title(path)}", *told


def _groups(run: RunData, names: Sequence[str]) -> Groups:
    suite = run.info.suite
    none, full = no_dapt(suite, names), full_dapt(suite, names)
    hybrids, parts = hybrid_dapt(suite, names), partial_dapt(suite, names)
    small = simplified_dapt(suite, names)
    adapted = [*full, *parts, *hybrids]
    return (
        ("DAPT is better than none", adapted, [none] if none else []),
        ("partial DAPT is better than full", parts, full),
        ("hybrid DAPT is better than full", hybrids, full),
        ("simplified DAPT is the most robust", small, adapted),
    )


def _paths(reached: Reached, *, outside: bool) -> list[Path]:
    """Scores on development and external sets; of robustness, outside and corrupted alone."""
    kinds = ("external", "corrupted") if outside else ("development", "external")
    paths = [path for path in reached.models if path[-1] == reached.path[-1] and "by" not in path]
    return [path for path in paths if path[0] in kinds]


def _chance(model: Crossed, ours: Sequence[str], theirs: Sequence[str]) -> float:
    drawn = model.joint()
    best, rival = (
        drawn[:, [model.names.index(name) for name in group]].max(axis=1)
        for group in (ours, theirs)
    )
    return float(np.mean(best > rival))


def _told(chance: float) -> str:
    if chance >= _SURE:
        return "supports it"
    return "contradicts it" if chance <= 1 - _SURE else "cannot tell"
