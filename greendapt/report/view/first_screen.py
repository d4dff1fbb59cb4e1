"""The first screen of a page: one plain sentence with its confidence, and three figures."""

from __future__ import annotations

from collections.abc import Sequence

from greendapt.core.units import percent
from greendapt.report import words
from greendapt.report.view import columns
from greendapt.report.view.model import HEADLINES, Entry, Path, Tile, Verdict
from greendapt.report.view.payback import ALIKE
from greendapt.report.view.verdict import Question, credibly_worse, decides
from greendapt.stats.intervals import Interval


def plain(question: Question, verdict: Verdict) -> str:
    """``Take partial2: 97% sure to be within 0.02 AUC of the best strategy, for 34% of the carbon
    of full DAPT.``; the verdict's own first sentence where there is nothing to choose between."""
    if verdict.kind in ("alone", "uncosted"):
        return verdict.sentences[0]
    if verdict.kind == "undecided":
        names = " or ".join(question.called(entry) for entry in _between(question))
        return f"Undecided: {names}. {decides(question)}"
    buy, full = _named(question, verdict.buy), question.find(question.full)
    sure = words.probability(1 - question.choice.regret[buy.name])
    good = f"{sure} sure to be within {question.margin:g} {question.noun} of the best strategy"
    if buy.name == question.none:
        hurts = full is not None and credibly_worse(question, full, buy)
        return f"Do not adapt: no DAPT is {good}{'; full DAPT is credibly worse' * hurts}."
    if buy is full:
        return f"Take full DAPT: {good}; of nothing cheaper is that sure."
    return f"Take {buy.name}: {good}{_price(question, buy)}."


def tiles(question: Question, verdict: Verdict) -> tuple[Tile, ...]:
    """Quality, energy against full DAPT and external score of the best buy; of the cheaper of two
    where it is undecided between them; none where nothing can be chosen."""
    if verdict.kind == "undecided":
        entry = _between(question)[0]
    elif verdict.kind in ("buy", "none", "hurt"):
        entry = _named(question, verdict.buy)
    else:
        return ()
    external = [path for path in entry.metrics if path[0] == "external" and path[-1] in HEADLINES]
    return (
        _score(question, entry, question.path),
        _energy(question, entry),
        *(_score(question, entry, path) for path in external[:1]),
        *(
            []
            if external
            else [Tile("External", "not tested", ("The run has no data of another source.",))]
        ),
    )


def _between(question: Question) -> Sequence[Entry]:
    return [_named(question, name) for name in question.choice.between]


def _named(question: Question, name: str) -> Entry:
    return next(entry for entry in question.entries if entry.name == name)


def _price(question: Question, buy: Entry) -> str:
    """`` for 34% of the carbon of full DAPT``, behind a comma."""
    key, full = question.compared, buy.against_full
    if full is None or key not in full.ratios:
        return ""
    noun, ratio = columns.called(key).noun, full.ratios[key].mean
    if abs(ratio - 1) <= ALIKE:
        return f", for as much {noun} as full DAPT"
    share = f"{percent(ratio)} of" if ratio < 1 else words.times(ratio)
    return f", for {share} the {noun} of full DAPT"


def _score(question: Question, entry: Entry, path: Path) -> Tile:
    """A score, its interval, and its difference to that of full DAPT."""
    estimate, full = entry.metrics[path], question.find(question.full)
    ends = words.interval(estimate.low, estimate.high)
    alone = ", one seed" if estimate.basis == "patients" else ""
    notes = [f"95% interval {ends}{alone}" if ends else "no interval"]
    if full is not None and full is not entry:
        notes.append(f"{words.difference(question.gap(entry, full, path))} against full DAPT")
    title = f"{columns.measure_title(path)}, {question.called(entry)}"
    return Tile(title, words.number(estimate.mean), tuple(notes))


def _energy(question: Question, entry: Entry) -> Tile:
    """The energy as a change of that of full DAPT, and the exact FLOPs where it is an estimate."""
    cost, full = entry.costs["energy_j"], question.find(question.full)
    if full is None or full is entry or cost.estimate is None:
        return Tile(
            f"Energy, {question.called(entry)}", words.cost(cost), (_source(cost.quality.value),)
        )
    ratios = entry.against_full.ratios if entry.against_full else {}
    notes = [f"{words.cost(cost)} instead of {words.cost(full.costs['energy_j'])}"]
    notes.append(_source(cost.quality.value) + _flops(question, ratios))
    return Tile("Energy against full DAPT", words.against(ratios.get("energy_j")), tuple(notes))


def _source(quality: str) -> str:
    return "not available" if quality == "unavailable" else quality


def _flops(question: Question, ratios: dict[str, Interval]) -> str:
    if question.compared != "training_flops" or "training_flops" not in ratios:
        return ""
    return f"; training FLOPs, exact: {words.against(ratios['training_flops'])}"
