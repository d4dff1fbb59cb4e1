"""The verdict: which strategy is the best buy, in plain sentences computed from intervals.

The rule is `greendapt.stats.best_buy`: the cheapest strategy that is not worse than the best one by
more than a margin, or undecided. Errors are those of seeds and patients together
(`greendapt.stats.crossed`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from greendapt.core.text import plural
from greendapt.core.units import percent
from greendapt.report import words
from greendapt.report.view import columns, sentences
from greendapt.report.view.chance import near_chance
from greendapt.report.view.model import DEVELOPMENT, Comparison, Entry, Path, Verdict
from greendapt.report.view.reached import Reached
from greendapt.report.view.sentences import Sentence
from greendapt.stats.best_buy import MOST_SEEDS, Choice, best_buy, needed
from greendapt.stats.crossed import Crossed
from greendapt.stats.intervals import Interval

_SPELT_OUT = 6
_SURELY = 0.99
_DEPENDS = "The best buy depends on the setting"


@dataclass(frozen=True)
class Question:
    """What a verdict is computed from: the entries of a panel, cheapest first, and their scores.

    ``cost_key``: the cost that is told. ``order_key``: the one that orders strategies and is
    compared; exact FLOPs where the other is an estimate.
    """

    entries: Sequence[Entry]
    reached: Reached
    cost_key: str | None
    none: str | None
    full: str | None
    margin: float
    order_key: str | None = None
    path: Path = DEVELOPMENT
    several_full: bool = False
    predictions: int = 0

    @property
    def cost_noun(self) -> str:
        """Of the cost that is compared."""
        return columns.called(self.compared).with_use(self.predictions).noun

    @property
    def noun(self) -> str:
        """``AUC`` or ``Dice``."""
        return columns.metric_title(self.path)

    @property
    def compared(self) -> str:
        """The cost that is compared."""
        return self.order_key or self.cost_key or ""

    @property
    def model(self) -> Crossed:
        return self.reached.models[self.path]

    @cached_property
    def scored(self) -> tuple[Entry, ...]:
        return tuple(entry for entry in self.entries if self.path in entry.metrics)

    @cached_property
    def choice(self) -> Choice:
        return best_buy(self.model, [entry.name for entry in self.scored], self.margin)

    def score(self, entry: Entry) -> float:
        return entry.metrics[self.path].mean

    def cost(self, entry: Entry) -> Sentence:
        return sentences.cost(entry.costs[self.cost_key]) if self.cost_key else Sentence()

    def gap(self, ours: Entry, theirs: Entry, path: Path | None = None) -> Interval | None:
        return self.reached.gap(ours.name, theirs.name, path or self.path)

    def find(self, strategy: str | None) -> Entry | None:
        return next((e for e in self.entries if e.name == strategy), None)

    def called(self, entry: Entry) -> str:
        """The strategy as a sentence says it."""
        full = {} if self.several_full else {self.full: "full DAPT"}
        return {self.none: "no DAPT", **full}.get(entry.name, entry.name)


def verdict(question: Question) -> Verdict:
    """The verdict of one panel; entries without a development score take no part."""
    scored = question.scored
    if not scored:
        nothing = f"No cell has a development {question.noun}: there is nothing to judge."
        return Verdict("alone", "", (nothing,))
    if question.cost_key is None:
        return Verdict("uncosted", "", (_uncosted(question, max(scored, key=question.score)),))
    if len(scored) == 1:
        return Verdict("alone", scored[0].name, (_alone(question, scored[0]),))
    buy = question.find(question.choice.buy)
    return _undecided(question) if buy is None else _weigh(question, buy)


def credibly_worse(
    question: Question, entry: Entry, other: Entry | None, path: Path | None = None
) -> bool:
    """Whether ``entry`` is worse than ``other`` beyond what seeds and patients explain; on another
    set than development, where one is named."""
    difference = None if other is None else question.gap(entry, other, path)
    return difference is not None and difference.high is not None and difference.high < 0


def _weigh(question: Question, buy: Entry) -> Verdict:
    none, full = question.find(question.none), question.find(question.full)
    rest = [*_how_sure(question, buy), *_carries_over(question, buy)]
    if buy is not none:
        answer = [*_buy(question, buy, full), *_missing(question, full, none)]
        if none is not None:
            answer.append(_against_none(question, buy, none))
        if none and full and full is not buy and credibly_worse(question, full, none):
            answer.append(_hurt(question, none, full))
        return Verdict("buy", buy.name, (*answer, *rest))
    rival = _rival(question, buy)
    if full is not None and credibly_worse(question, full, buy):
        return Verdict("hurt", buy.name, (_hurt(question, buy, full), *rival, *rest))
    return Verdict("none", buy.name, (*_buy(question, buy, full), *rival, *rest))


def _undecided(question: Question) -> Verdict:
    """Between which two, and what would decide."""
    choice = question.choice
    two = [entry for entry in question.scored if entry.name in choice.between]
    names = " and ".join(question.called(entry) for entry in two)
    worse = ", ".join(
        f"{question.called(e)} {words.number(question.score(e))} ({percent(choice.regret[e.name])})"
        for e in two
    )
    cheap, dear = two
    answer = (
        f"Undecided between {names}: of each the probability to be worse than the best strategy "
        f"by more than {question.margin:g} {question.noun} is 10% or more ({worse})."
    )
    costs = (
        f"{_capital(question.called(dear))} less {question.called(cheap)}: "
        f"{words.difference(question.gap(dear, cheap))} {question.noun}"
        f"{for_times(question, dear, cheap)}."
    )
    missing = _missing(question, question.find(question.full), question.find(question.none))
    return Verdict(
        "undecided", "", (answer, decides(question), costs, *missing, *_covered(question))
    )


def decides(question: Question) -> str:
    """How many more seeds and their energy, or how many test patients."""
    racing = [entry for entry in question.scored if entry.name in question.choice.racing]
    seeds, model = min(len(entry.seeds) for entry in racing), question.model
    need = needed(model, question.margin, seeds)
    if need.of == "seeds":
        joules = [j for entry in racing if (j := mean_cost(entry, "energy_j")) is not None]
        known = len(joules) == len(racing)
        energy = f" (~{words.quantity(sum(joules) * need.more, 'J', 2)})" if known else ""
        return f"About {plural(need.more, 'more seed')} would decide it{energy}."
    if need.of == "patients":
        alone = "" if seeds == 1 else "; seeds cannot decide it"
        return f"More test patients would: about {need.more} instead of {model.cases}{alone}."
    return f"Neither {MOST_SEEDS} seeds nor many times the test patients would decide it."


def mean_cost(entry: Entry, key: str) -> float | None:
    """Over seeds; None where it is not known."""
    estimate = entry.costs[key].estimate if key in entry.costs else None
    return None if estimate is None else estimate.mean


def reaches(question: Question, entry: Entry) -> Sentence:
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
        reaches(question, only),
        ", with nothing to compare it with.",
    )


def _buy(question: Question, buy: Entry, full: Entry | None) -> list[str]:
    """What the best buy saves against full DAPT, and what it reaches."""
    lead = f"{_capital(question.called(buy))} is the best buy"
    if full is None or full is buy:
        why = ": nothing cheaper keeps its quality" if full is buy else ""
        return [Sentence(f"{lead}{why}. It reaches ", reaches(question, buy), ".")]
    key = question.compared
    ratio = _ratio(buy.against_full, key)
    against = question.called(full)
    saves = words.saving(ratio, question.cost_noun, against) if ratio else f"stands by {against}"
    difference = question.gap(buy, full)
    than = f" ({against}: {words.number(question.score(full))}, "
    return [
        f"{lead}: it {saves} and changes {question.noun} by "
        f"{words.difference(difference)}{_meaning(question, difference)}.",
        Sentence("It reaches ", reaches(question, buy), than, question.cost(full), ")."),
    ]


def _hurt(question: Question, none: Entry, full: Entry) -> str:
    difference = words.difference(question.gap(full, none))
    return (
        f"{_capital(question.called(none))} reaches a development {question.noun} of "
        f"{words.number(question.score(none))}; {question.called(full)} "
        f"{words.number(question.score(full))} ({difference}){for_times(question, full, none)}: "
        "adaptation hurt here."
    )


def for_times(question: Question, entry: Entry, other: Entry) -> str:
    """`` for 14 times the carbon`` of the other."""
    key = question.compared
    costs = mean_cost(entry, key), mean_cost(other, key)
    if not costs[0] or not costs[1]:
        return ""
    return f" for {words.times(costs[0] / costs[1])} the {question.cost_noun}"


def _ratio(comparison: Comparison | None, key: str) -> Interval | None:
    return comparison.ratios.get(key) if comparison else None


def _rival(question: Question, none: Entry) -> list[str]:
    """What the best strategy other than no DAPT and full DAPT did; nothing without one."""
    others = [e for e in question.scored if e.name not in (question.none, question.full)]
    if not others:
        return []
    best = max(others, key=question.score)
    difference = question.gap(best, none)
    return [
        f"The best other strategy, {question.called(best)}, reaches "
        f"{words.number(question.score(best))}: {words.difference(difference)} against "
        f"{question.called(none)}{_meaning(question, difference)}"
        f"{for_times(question, best, none)}."
    ]


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
        f"{_meaning(question, difference)}{for_times(question, buy, none)}."
    )


def _meaning(question: Question, difference: Interval | None) -> str:
    if difference is None or difference.low is None or difference.high is None:
        return ""
    if difference.low > 0:
        return " (a credible gain)"
    if difference.high < 0:
        return " (a credible loss)"
    return f" (within what {question.model.basis} explain)"


def _carries_over(question: Question, buy: Entry) -> list[str]:
    """One sentence an external set where anything stands clear of chance."""
    others = [question.find(name) for name in (question.full, question.none)]
    rivals = [entry for entry in others if entry is not None and entry is not buy]
    carried = []
    for path in (p for p in buy.metrics if p[0] == "external" and p[-1] == question.path[-1]):
        if path[-1] == "auc" and all(near_chance(entry, path) for entry in question.entries):
            continue  # a caveat says so
        reached = [f"{question.called(buy)} reaches {words.score(buy.metrics[path])}"]
        for rival in rivals:
            if path in rival.metrics:
                difference = words.difference(question.gap(buy, rival, path))
                mean = words.number(rival.metrics[path].mean)
                reached.append(f"{question.called(rival)} {mean} (difference {difference})")
        hurt = credibly_worse(question, buy, question.find(question.none), path)
        harm = " Adaptation hurt there." if hurt else ""
        carried.append(f"On {path[1]} (external) {', '.join(reached)}.{harm}")
    return carried


def _how_sure(question: Question, buy: Entry) -> list[str]:
    """The probability behind the choice, a cheaper one that was near, and what errors cover."""
    choice = question.choice
    than = f"worse than the best strategy by more than the margin of {question.margin:g}"
    told = [
        f"The probability that {question.called(buy)} is {than} {question.noun} is "
        f"{words.probability(choice.regret[buy.name])}."
    ]
    cheaper = question.scored[: question.scored.index(buy)]
    if cheaper:
        near = min(cheaper, key=lambda entry: choice.regret[entry.name])
        lowest = choice.regret[near.name]
        told.append(
            f"Of the cheaper ones it is lowest for {question.called(near)}: {percent(lowest)}."
            if lowest < _SURELY
            else f"Of every cheaper one it is over {percent(_SURELY)}."
        )
    return [*told, *_covered(question)]


def _covered(question: Question) -> list[str]:
    """What the intervals do not cover."""
    missing = {
        "patients": "One seed was run: intervals cover the choice of test patients, not the "
        "chance of training.",
        "seeds": "How patients vary is not known (only one has a class, or the run did not keep "
        "it): intervals cover the chance of training alone.",
        "none": "One seed was run, and how patients vary is not known: this may be luck."
        if max(len(entry.seeds) for entry in question.scored) == 1
        else "Only one patient has a class, or has it not: there is no interval.",
    }
    basis = question.model.basis
    told = [missing[basis]] if basis in missing else []
    if question.model.guided:
        told.append("Seeds are few: how they spread is guided by other runs.")
    return told


def headline(panels: Sequence[tuple[str, Verdict]], leaks: Sequence[str] = ()) -> str:
    """One sentence over all panels (title, verdict); ``leaks`` are a part of it."""
    return with_leaks(_over_all(panels), leaks)


def with_leaks(verdict: str, leaks: Sequence[str]) -> str:
    """``verdict``, and what must be said with it."""
    if not leaks:
        return verdict
    told = "; ".join(leak.rstrip(".") for leak in leaks)
    return Sentence(verdict, f" But {told}: these figures are not to be believed.")


def _over_all(panels: Sequence[tuple[str, Verdict]]) -> str:
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
        if all(one.kind == "uncosted" for _, one in panels):
            return "No best buy can be named: no cost is known for every strategy."
        return f"Undecided in all {len(panels)} settings: no best buy can be named."
    if len(buys) == 1:
        return f"{next(iter(buys))} is the best buy in all {len(panels)} settings.{warning}"
    many = len(panels) > _SPELT_OUT
    parts = [f"{n} ({len(w) if many else '; '.join(w)})" for n, w in buys.items()]
    lead = f"The best buy depends on the setting ({len(panels)} settings)" if many else _DEPENDS
    return f"{lead}: {', '.join(parts)}.{warning}"
