"""What `greendapt recommend` answers: which strategy to take, how surely, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from greendapt.core.text import listed
from greendapt.report import words
from greendapt.report.view.from_run import judged
from greendapt.report.view.model import Entry, Setting
from greendapt.report.view.sentences import Sentence
from greendapt.report.view.verdict import Question, for_times, reaches
from greendapt.store.runinfo import RunData


@dataclass(frozen=True)
class Recommendation:
    """Of one setting. ``take``: the best buy, or where it is undecided (``is_sure`` false) the
    strategy that is the least likely to be one too bad; empty where nothing could be judged.

    ``probability``: that it is not worse than the best by more than the margin.
    """

    setting: Setting
    take: str
    is_sure: bool
    probability: float
    sentences: tuple[str, ...]


def recommendations(run: RunData) -> tuple[Recommendation, ...]:
    """One a setting."""
    return tuple(_one(run, setting, question) for setting, question in judged(run).items())


def _one(run: RunData, setting: Setting, question: Question) -> Recommendation:
    scored = question.scored
    if not scored or question.cost_key is None:
        return Recommendation(setting, "", False, 0.0, ("Nothing can be recommended yet.",))
    regret = question.choice.regret
    likely = min(scored, key=lambda entry: regret[entry.name])
    taken = question.find(question.choice.buy) or likely
    others = sorted((e for e in scored if e is not taken), key=lambda entry: regret[entry.name])
    sentences = [
        _take(question, taken),
        *(_runner_up(question, taken, others[0]) for _ in others[:1]),
        *_not_tried(run, scored),
        *_weights(run, setting, taken),
    ]
    sure = question.choice.buy is not None
    return Recommendation(setting, taken.name, sure, 1 - regret[taken.name], tuple(sentences))


def _take(question: Question, taken: Entry) -> str:
    choice = question.choice
    within = f"within {question.margin:g} {question.noun} of the best"
    sure = f"{words.probability(1 - choice.regret[taken.name])} sure to be {within}"
    if choice.buy is None:
        between = listed([question.called(e) for e in question.scored if e.name in choice.between])
        lead = f"Undecided between {between}. If one must be taken, "
    else:
        lead = "Take "
    what = f"{lead}{question.called(taken)} ({sure}): "
    return Sentence(what, reaches(question, taken), f" an adaptation{_used(question)}.")


def _used(question: Question) -> str:
    return f" with {question.predictions:,} predictions" if question.predictions else ""


def _runner_up(question: Question, taken: Entry, other: Entry) -> str:
    return (
        f"Runner-up: {question.called(other)}, "
        f"{words.difference(question.gap(other, taken))} {question.noun}"
        f"{for_times(question, other, taken)}."
    )


def _not_tried(run: RunData, scored: Sequence[Entry]) -> list[str]:
    """What a race left out; not what failed, nor what is not shown."""
    asked = run.info.suite.run
    known = {entry.name for entry in scored} | {one.strategy for one in run.summary.failures}
    missing = [name for name in asked.strategies if name not in known]
    if not missing or run.cautions or not asked.is_race:
        return []
    return [f"Not run, as no score can be better by more than the margin: {listed(missing)}."]


def _weights(run: RunData, setting: Setting, taken: Entry) -> Iterator[str]:
    for row in run.summary.rows:
        here = (row.backbone, row.transfer, row.shots) == setting and row.strategy == taken.name
        if here and row.checkpoint is not None:
            yield f"Its adapted weights are trained: {row.checkpoint} of the run, seed {row.seed}."
            return
