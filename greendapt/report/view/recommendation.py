"""What `greendapt recommend` answers: which strategy to take, how surely, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from greendapt.core.text import listed
from greendapt.report import words
from greendapt.report.view import columns
from greendapt.report.view.from_run import judged
from greendapt.report.view.model import Entry, Setting
from greendapt.report.view.sentences import Sentence
from greendapt.report.view.verdict import Question
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
    return Sentence(
        f"{lead}{question.called(taken)} ({sure}): a development {question.noun} of "
        f"{words.score(taken.metrics[question.path])} for ",
        question.cost(taken),
        " an adaptation.",
    )


def _runner_up(question: Question, taken: Entry, other: Entry) -> str:
    key = question.compared
    times = _ratio(other, taken, key)
    than = "" if times is None else f" for {words.times(times)} the {columns.called(key).noun}"
    return (
        f"Runner-up: {question.called(other)}, "
        f"{words.difference(question.gap(other, taken))} {question.noun}{than}."
    )


def _ratio(ours: Entry, theirs: Entry, key: str) -> float | None:
    means = [entry.costs[key].estimate for entry in (ours, theirs) if key in entry.costs]
    if len(means) < 2 or means[0] is None or means[1] is None or not means[1].mean:
        return None
    return means[0].mean / means[1].mean


def _not_tried(run: RunData, scored: Sequence[Entry]) -> list[str]:
    missing = [
        name for name in run.info.suite.run.strategies if name not in {e.name for e in scored}
    ]
    if not missing or run.interim:
        return []
    return [f"Not run, as no score can be better by more than the margin: {listed(missing)}."]


def _weights(run: RunData, setting: Setting, taken: Entry) -> Iterator[str]:
    for row in run.summary.rows:
        here = (row.backbone, row.transfer, row.shots) == setting and row.strategy == taken.name
        if here and row.checkpoint is not None:
            yield f"Its adapted weights are trained: {row.checkpoint} of the run, seed {row.seed}."
            return
