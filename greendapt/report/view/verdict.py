"""The verdict: which strategy is the best buy, in plain sentences computed from intervals.

The best buy is the cheapest strategy on the front whose score no other one credibly beats.
Credibly: the 95% interval of the difference, paired by seed, leaves zero out. With one seed the
interval over test patients of the better one stands in, and the sentence says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from greendapt.core.text import plural
from greendapt.core.units import percent
from greendapt.report import words
from greendapt.report.view import columns, sentences
from greendapt.report.view.estimates import Seeds, gap
from greendapt.report.view.model import DEVELOPMENT, HEADLINES, Comparison, Entry, Path, Verdict
from greendapt.report.view.sentences import Sentence
from greendapt.stats.intervals import Interval

CHANCE = 0.5
_NEAR_CHANCE = 0.05
_SPELT_OUT = 6
_DEPENDS = "The best buy depends on the setting"


@dataclass(frozen=True)
class Question:
    """What a verdict is computed from: the entries of a panel and the rows behind them."""

    entries: Sequence[Entry]
    rows: Mapping[str, Seeds]
    cost_key: str | None
    none: str | None
    full: str | None
    path: Path = DEVELOPMENT
    several_full: bool = False

    @property
    def noun(self) -> str:
        """``AUC`` or ``Dice``."""
        return columns.metric_title(self.path)

    def score(self, entry: Entry) -> float:
        return entry.metrics[self.path].mean

    def cost(self, entry: Entry) -> Sentence:
        return sentences.cost(entry.costs[self.cost_key]) if self.cost_key else Sentence()

    def gap(self, ours: Entry, theirs: Entry, path: Path | None = None) -> Interval | None:
        return gap(self.rows[ours.name], self.rows[theirs.name], path or self.path)

    def find(self, strategy: str | None) -> Entry | None:
        return next((e for e in self.entries if e.name == strategy), None)

    def called(self, entry: Entry) -> str:
        """The strategy as a sentence says it."""
        full = {} if self.several_full else {self.full: "full DAPT"}
        return {self.none: "no DAPT", **full}.get(entry.name, entry.name)


def verdict(question: Question) -> Verdict:
    """The verdict of one panel; entries without a development score take no part."""
    scored = [entry for entry in question.entries if question.path in entry.metrics]
    if not scored:
        nothing = f"No cell has a development {question.noun}: there is nothing to judge."
        return Verdict("alone", "", (nothing,))
    best = max(scored, key=lambda entry: (question.score(entry), entry.standing.on_front))
    if question.cost_key is None:
        return Verdict("uncosted", "", (_uncosted(question, best),))
    if len(scored) == 1:
        return Verdict("alone", best.name, (_alone(question, best),))
    front = [entry for entry in scored if entry.standing.on_front]
    close = [entry for entry in front if not beaten(question, entry, scored)]
    key = question.cost_key
    buy = min(close, key=lambda e: _mean_cost(e, key))
    return _weigh(question, scored, best, buy)


def _mean_cost(entry: Entry, key: str) -> float:
    estimate = entry.costs[key].estimate
    return float("inf") if estimate is None else estimate.mean


def beaten(question: Question, entry: Entry, others: Sequence[Entry]) -> bool:
    return any(credibly_worse(question, entry, other) for other in others)


def credibly_worse(question: Question, entry: Entry, best: Entry) -> bool:
    """Whether ``entry`` is worse than ``best`` beyond what seeds (or patients) explain."""
    if question.score(entry) >= question.score(best):
        return False
    difference = question.gap(entry, best)
    if difference is None or difference.high is None:
        bounds = best.metrics[question.path]
        return bounds.low is None or question.score(entry) < bounds.low
    return difference.high < 0


def _weigh(question: Question, scored: list[Entry], best: Entry, buy: Entry) -> Verdict:
    none = question.find(question.none)
    full = question.find(question.full)
    rest = [*_carries_over(question, buy), *_how_sure(question, buy)]
    if buy is not none:
        answer = [*_buy(question, buy, full), *_missing(question, full, none)]
        if none is not None:
            answer.append(_against_none(question, buy, none))
        if none and full and full is not buy and credibly_worse(question, full, none):
            answer.append(_hurt(question, none, full))
        return Verdict("buy", buy.name, (*answer, *rest))
    rival = _rival(question, scored, buy)
    if full is not None and credibly_worse(question, full, buy):
        return Verdict("hurt", buy.name, (_hurt(question, buy, full), *rival, *rest))
    if not any(beaten(question, entry, scored) for entry in scored):
        return Verdict("tie", buy.name, (_tie(question, len(scored), best, buy), *rest))
    return Verdict("none", buy.name, (*_buy(question, buy, full), *rival, *rest))


def _reaches(question: Question, entry: Entry) -> Sentence:
    """``a development AUC of 0.916 [0.906, 0.927] for ~2.09 g of CO2e``."""
    return Sentence(
        f"a development {question.noun} of {words.score(entry.metrics[question.path])} for ",
        question.cost(entry),
        " of CO2e" if question.cost_key == "carbon_g" else "",
    )


def _capital(text: str) -> str:
    """A sentence's first letter; the name of a strategy stays as its author wrote it."""
    return text[:1].upper() + text[1:] if text.startswith(("no DAPT", "full DAPT")) else text


def _uncosted(question: Question, best: Entry) -> str:
    return (
        "No cost is known for every strategy, so no best buy can be named; the highest "
        f"development {question.noun} is {words.score(best.metrics[question.path])} "
        f"({question.called(best)})."
    )


def _alone(question: Question, only: Entry) -> Sentence:
    return Sentence(
        f"Only {question.called(only)} was run: it reaches ",
        _reaches(question, only),
        ", with nothing to compare it with.",
    )


def _buy(question: Question, buy: Entry, full: Entry | None) -> list[str]:
    """What the best buy saves against full DAPT, and what it reaches."""
    lead = f"{_capital(question.called(buy))} is the best buy"
    if full is None or full is buy:
        why = ": nothing cheaper keeps its quality" if full is buy else ""
        return [Sentence(f"{lead}{why}. It reaches ", _reaches(question, buy), ".")]
    key = question.cost_key or ""
    ratio = _ratio(buy.against_full, key)
    against = question.called(full)
    saves = (
        words.saving(ratio, columns.called(key).noun, against) if ratio else f"stands by {against}"
    )
    difference = question.gap(buy, full)
    than = f" ({against}: {words.number(question.score(full))}, "
    return [
        f"{lead}: it {saves} and changes {question.noun} by "
        f"{words.difference(difference)}{_meaning(difference)}.",
        Sentence("It reaches ", _reaches(question, buy), than, question.cost(full), ")."),
    ]


def _hurt(question: Question, none: Entry, full: Entry) -> str:
    difference = words.difference(question.gap(full, none))
    return (
        f"{_capital(question.called(none))} reaches a development {question.noun} of "
        f"{words.number(question.score(none))}; {question.called(full)} "
        f"{words.number(question.score(full))} ({difference}){_for_times(question, full)}: "
        "adaptation hurt here."
    )


def _for_times(question: Question, entry: Entry) -> str:
    """`` for 14 times the carbon`` of no DAPT."""
    ratio = _ratio(entry.against_none, question.cost_key or "")
    noun = columns.called(question.cost_key or "").noun
    return f" for {words.times(ratio.mean)} the {noun}" if ratio else ""


def _ratio(comparison: Comparison | None, key: str) -> Interval | None:
    return comparison.ratios.get(key) if comparison else None


def _rival(question: Question, scored: list[Entry], none: Entry) -> list[str]:
    """What the best strategy other than no DAPT and full DAPT did; nothing without one."""
    others = [e for e in scored if e.name not in (question.none, question.full)]
    if not others:
        return []
    best = max(others, key=question.score)
    difference = question.gap(best, none)
    return [
        f"The best other strategy, {question.called(best)}, reaches "
        f"{words.number(question.score(best))}: {words.difference(difference)} against "
        f"{question.called(none)}{_meaning(difference)}{_for_times(question, best)}."
    ]


def _tie(question: Question, count: int, best: Entry, buy: Entry) -> str:
    seeds = plural(len(buy.seeds), "seed")
    if best is buy:
        lead = f"{question.called(buy)} has the highest {question.noun} and is the cheapest"
    else:
        lead = (
            f"{question.called(best)} {words.number(question.score(best))}, cheapest "
            f"{question.called(buy)} {words.number(question.score(buy))}, difference "
            f"{words.difference(question.gap(best, buy))}"
        )
    return (
        f"Nothing can be told apart: the {count} strategies' development {question.noun} differs "
        f"by no more than {seeds} can explain ({lead}). Take the cheapest, or run more seeds."
    )


def _missing(question: Question, full: Entry | None, none: Entry | None) -> list[str]:
    """What the run cannot tell for want of a reference."""
    missing = []
    if full is None and not question.several_full:
        missing.append("The run has no full DAPT to compare with.")
    if none is None:
        missing.append("The run has no strategy without DAPT: whether adapting pays is not known.")
    return missing


def _against_none(question: Question, buy: Entry, none: Entry) -> str:
    difference = question.gap(buy, none)
    return (
        f"Against {question.called(none)} it changes {question.noun} by "
        f"{words.difference(difference)}"
        f"{_meaning(difference)}{_for_times(question, buy)}."
    )


def _meaning(difference: Interval | None) -> str:
    if difference is None or difference.low is None or difference.high is None:
        return ""
    if difference.low > 0:
        return " (a credible gain)"
    return " (a credible loss)" if difference.high < 0 else " (within what seeds explain)"


def _carries_over(question: Question, buy: Entry) -> list[str]:
    """One sentence an external set where anything stands clear of chance."""
    others = [question.find(name) for name in (question.full, question.none)]
    rivals = [entry for entry in others if entry is not None and entry is not buy]
    carried = []
    for path in (p for p in buy.metrics if p[0] == "external" and p[-1] in HEADLINES):
        if path[-1] == "auc" and all(near_chance(entry, path) for entry in question.entries):
            continue  # a caveat says so
        reached = [f"{question.called(buy)} reaches {words.score(buy.metrics[path])}"]
        for rival in rivals:
            if path in rival.metrics:
                difference = words.difference(question.gap(buy, rival, path))
                mean = words.number(rival.metrics[path].mean)
                reached.append(f"{question.called(rival)} {mean} (difference {difference})")
        carried.append(f"On {path[1]} (external) {', '.join(reached)}.")
    return carried


def near_chance(entry: Entry, path: Path) -> bool:
    """AUC below that of a coin plus 0.05, or an interval that holds the coin."""
    estimate = entry.metrics.get(path)
    if estimate is None:
        return True
    held = estimate.low is not None and estimate.high is not None
    return estimate.mean < CHANCE + _NEAR_CHANCE or (
        held and (estimate.low or 0) <= CHANCE <= (estimate.high or 1)
    )


def _how_sure(question: Question, buy: Entry) -> list[str]:
    if len(buy.seeds) < 2:
        return ["One seed was run: this may be luck."]
    if buy.standing.probability is None:
        return []
    return [
        f"Over {len(buy.seeds)} seeds, the chance that {question.called(buy)} lies on the front "
        f"is {percent(buy.standing.probability)}."
    ]


def headline(panels: Sequence[tuple[str, Verdict]]) -> str:
    """One sentence over all panels (title, verdict)."""
    if not panels:
        return "No cell finished: there is nothing to judge."
    if len(panels) == 1:
        return panels[0][1].sentences[0]
    buys: dict[str, list[str]] = {}
    for title, one in panels:
        buys.setdefault(one.buy or "undecided", []).append(title)
    hurt = sum(one.kind == "hurt" for _, one in panels)
    warning = f" Full DAPT hurt in {hurt} of {len(panels)} settings." if hurt else ""
    if list(buys) == ["undecided"]:
        return "No best buy can be named: no cost is known for every strategy."
    if len(buys) == 1:
        return f"{next(iter(buys))} is the best buy in all {len(panels)} settings.{warning}"
    many = len(panels) > _SPELT_OUT
    parts = [f"{n} ({len(w) if many else '; '.join(w)})" for n, w in buys.items()]
    lead = f"The best buy depends on the setting ({len(panels)} settings)" if many else _DEPENDS
    return f"{lead}: {', '.join(parts)}.{warning}"
