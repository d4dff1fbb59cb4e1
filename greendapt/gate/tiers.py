"""The three tiers: what is counted, what is measured with noise, what is learnt."""

from __future__ import annotations

import math
from statistics import fmean

from greendapt.core.figures import Quality
from greendapt.gate import change_text
from greendapt.gate.facts import NOISY, Cell, Name
from greendapt.gate.outcomes import Outcome, Verdict
from greendapt.gate.score_changes import Changes
from greendapt.stats.intervals import Interval
from greendapt.stats.ratios import unpaired_ratio
from greendapt.store.baselines import Spread
from greendapt.suite.limits import GAUGES, Limits, Tier

ENOUGH = 3
"""Repeats of each side without which a noisy figure is not judged."""

EXACT_LIMIT = 0.0
STORED_LIMIT = 0.10
"""Machines drift from day to day by some percent, which the spread within a run does not hold."""
SCORE_LIMIT = -0.01
_EXACT = [name for name, gauge in GAUGES.items() if gauge.tier is Tier.EXACT]


def exact(name: Name, base: Cell, head: Cell, limits: Limits) -> list[Verdict]:
    """Counts, seed by seed: any rise above its limit fails."""
    verdicts = []
    for figure in _EXACT:
        before, now = base.exact.get(figure, {}), head.exact.get(figure, {})
        seeds = sorted(before.keys() & now.keys())
        if seeds:
            worst = max(seeds, key=lambda seed: _rise(before[seed], now[seed]))
            limit = limits.of(name, figure, EXACT_LIMIT)
            verdicts.append(_counted(name, figure, before[worst], now[worst], limit))
        elif before:
            why = "has no seed in common" if now else "was not counted in this run"
            verdicts.append(Verdict(Outcome.VOID, f"{figure} {why}", name, figure, Tier.EXACT))
    return verdicts


def _rise(base: int, head: int) -> float:
    return math.inf if base == 0 < head else (head / base if base else 1.0)


def _counted(name: Name, figure: str, base: int, head: int, limit: float) -> Verdict:
    rise = _rise(base, head)
    noun = GAUGES[figure].says[1]
    if head > base * (1 + limit):
        outcome, phrase = Outcome.REGRESSION, change_text.risen(figure, base, head)
    elif head < base:
        outcome, phrase = Outcome.PASS, f"{noun} {change_text.percent(rise)}"
    else:
        outcome, phrase = Outcome.PASS, f"{noun} {'the same' if head == base else 'within limits'}"
    change = None if math.isinf(rise) else rise
    return Verdict(outcome, phrase, name, figure, Tier.EXACT, base, head, change, limit=1 + limit)


def noisy(name: Name, base: Cell, head: Cell, limits: Limits) -> list[Verdict]:
    """Stored spreads against a run's: Welch's interval of the ratio against the limit."""
    verdicts = []
    for figure in NOISY:
        before, now = base.noisy.get(figure), head.noisy.get(figure)
        if before is None:
            continue
        if now is None or now.quality != before.quality:
            got = "unavailable" if now is None else now.quality.value
            phrase = f"{noun(figure)} was {before.quality.value} then and is {got} now"
            verdicts.append(Verdict(Outcome.VOID, phrase, name, figure, Tier.NOISY))
            continue
        if is_judged(name, figure, now.quality, limits):
            limit = limits.of(name, figure, STORED_LIMIT)
            verdicts.append(_measured(name, figure, before, now, limit))
    return verdicts


def is_judged(name: Name, figure: str, quality: Quality, limits: Limits) -> bool:
    """Estimated energy is a model, here of CPU-seconds, beside which exact counts are judged: it is
    judged only where somebody set a limit for it."""
    return quality is not Quality.ESTIMATED or limits.given(name, figure) is not None


def _measured(name: Name, figure: str, before: Spread, now: Spread, limit: float) -> Verdict:
    change = unpaired_ratio(_sample(now), _sample(before))
    repeats = min(before.repeats, now.repeats)
    if repeats < ENOUGH:
        change = Interval(change.mean, None, None)
    outcome, phrase = against_limit(figure, change, limit)
    if repeats < ENOUGH:
        phrase += f" ({repeats} of {ENOUGH} repeats: run more seeds)"
    return verdict_on_ratio(name, figure, outcome, phrase, change, limit, (before.mean, now.mean))


def _sample(spread: Spread) -> tuple[float, float, int]:
    return math.log(spread.mean), spread.spread, spread.repeats


def against_limit(figure: str, change: Interval, limit: float) -> tuple[Outcome, str]:
    """A ratio's interval against the rise that is allowed: over it, under it, or neither."""
    phrase = f"{noun(figure)} {change_text.ratio(change)}"
    allowed = f"+{100 * limit:g}%"
    if change.low is None or change.high is None:
        return Outcome.INCONCLUSIVE, f"{phrase}, without an interval"
    if change.low > 1 + limit:
        return Outcome.REGRESSION, f"{phrase}, above the {allowed} allowed"
    if change.high <= 1 + limit:
        return Outcome.PASS, phrase
    return Outcome.INCONCLUSIVE, f"{phrase}: too noisy to tell from {allowed}"


def verdict_on_ratio(
    name: Name,
    figure: str,
    outcome: Outcome,
    phrase: str,
    change: Interval,
    limit: float,
    levels: tuple[float, float],
) -> Verdict:
    """``levels``: the figure's mean before and now."""
    return Verdict(outcome, phrase, name, figure, Tier.NOISY, *levels, *change, limit=1 + limit)


def accuracy(name: Name, base: Cell, head: Cell, limits: Limits, changes: Changes) -> list[Verdict]:
    """Non-inferiority of a score over paired seeds: the interval's lower end against the limit."""
    return [
        _scored(name, score, base, head, limits, changes.get((name, score)))
        for score in base.scores
    ]


def _scored(
    name: Name, score: str, base: Cell, head: Cell, limits: Limits, change: Interval | None
) -> Verdict:
    before, now = base.scores[score], head.scores.get(score, {})
    if change is None:
        phrase = f"{noun(score)} cannot be paired: no seed of the baseline has one"
        return Verdict(Outcome.VOID, phrase, name, score, Tier.ACCURACY)
    seeds = before.keys() & now.keys()
    limit = limits.of(name, score, SCORE_LIMIT)
    outcome, phrase = _not_worse(score, change, limit)
    was, is_ = (fmean(side[seed] for seed in seeds) for side in (before, now))
    return Verdict(outcome, phrase, name, score, Tier.ACCURACY, was, is_, *change, limit=limit)


def _not_worse(score: str, change: Interval, limit: float) -> tuple[Outcome, str]:
    phrase = f"{noun(score)} {change_text.difference(change)}"
    if change.low is None or change.high is None:
        return Outcome.INCONCLUSIVE, f"{phrase}, one seed: no interval, run three or more"
    if change.low >= limit:
        return Outcome.PASS, phrase
    if change.high < limit:
        return Outcome.REGRESSION, f"{phrase}, below the {limit:+g} allowed"
    return Outcome.INCONCLUSIVE, f"{phrase}: too noisy to tell from {limit:+g}"


def noun(figure: str) -> str:
    return GAUGES[figure].says[1]
