"""Two states of the code in one job: runs of base and head in pairs, judged as they come.

The machine's speed, its heat and its neighbours are common to the two runs of a pair, so their
ratio has little of what makes stored times useless on shared runners.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from statistics import fmean

from greendapt.gate import tiers
from greendapt.gate.check import check, doubt, new_cells
from greendapt.gate.facts import NOISY, Name, Repeats, Side
from greendapt.gate.outcomes import Outcome, Verdict
from greendapt.gate.outputs import Findings
from greendapt.stats.sequential import decide, looks
from greendapt.suite.limits import Limits, Tier

Pair = tuple[Side, Side]
"""A run of the base and one of the head, one right after the other."""

PAIRED_LIMIT = 0.05
"""How much a noisy figure may rise where nothing else is said."""


def judge_pairs(
    run_pair: Callable[[int], Pair],
    limits: Limits,
    wanted: Collection[Tier] = frozenset(Tier),
    budget: int = 8,
) -> Findings:
    """Pairs, asked for by number from 0, until every figure is judged or ``budget`` is spent.

    What is exact or learnt is the same in every pair: the first one decides on it, and where it
    fails no further pair is run. ``limits`` go before those of the head's suite.
    """
    pairs = [run_pair(0)]
    base, head = pairs[0]
    allowed = head.limits.under(limits)
    certain = check(base, head, allowed, set(wanted) - {Tier.NOISY})
    notes = new_cells(base, head)
    noisy: list[Verdict] = []
    if Tier.NOISY in wanted and _fails(certain):
        notes += ("time, energy and memory are not judged: what is certain has decided",)
    elif Tier.NOISY in wanted:
        for look in looks(budget):
            pairs += [run_pair(number) for number in range(len(pairs), look)]
            noisy = list(_noisy(pairs, allowed, budget))
            if _fails(noisy) or not any(v.outcome is Outcome.INCONCLUSIVE for v in noisy):
                break
    return Findings(base.title, head.title, (*certain, *noisy), notes)


def _fails(verdicts: Sequence[Verdict]) -> bool:
    return any(v.outcome not in (Outcome.PASS, Outcome.INCONCLUSIVE) for v in verdicts)


def _noisy(pairs: Sequence[Pair], limits: Limits, budget: int) -> Iterator[Verdict]:
    for base, head in pairs:
        why = doubt(base, head)
        if why:
            yield Verdict(Outcome.VOID, why, tier=Tier.NOISY)
            return
    for name in pairs[0][0].cells:
        cells = [(base.cells.get(name), head.cells.get(name)) for base, head in pairs]
        repeats = [(b.repeats, h.repeats) for b, h in cells if b is not None and h is not None]
        first = repeats[0][0] if len(repeats) == len(pairs) else {}
        for figure in (name for name in NOISY if name in first):
            values = [(b[figure], h[figure]) for b, h in repeats if figure in b and figure in h]
            if tiers.is_judged(name, figure, first[figure].quality, limits):
                limit = limits.of(name, figure, PAIRED_LIMIT)
                yield _figure(name, figure, values, len(pairs), limit, budget)


def _figure(
    name: Name,
    figure: str,
    values: Sequence[tuple[Repeats, Repeats]],
    pairs: int,
    limit: float,
    budget: int,
) -> Verdict:
    qualities = sorted({one.quality.value for pair in values for one in pair})
    if len(values) < pairs or len(qualities) > 1:
        why = (
            f"was {' and '.join(qualities)} by turns" if len(values) == pairs else "is unavailable"
        )
        return Verdict(Outcome.VOID, f"{tiers.noun(figure)} {why}", name, figure, Tier.NOISY)
    _, change = decide([_log(h) - _log(b) for b, h in values], limit, budget=budget)
    outcome, phrase = tiers.against_limit(figure, change, limit)
    phrase += f" ({pairs} pairs)"
    before, now = (math.exp(fmean(_log(pair[side]) for pair in values)) for side in (0, 1))
    return tiers.verdict_on_ratio(name, figure, outcome, phrase, change, limit, (before, now))


def _log(repeats: Repeats) -> float:
    """Of the geometric mean over the seeds."""
    return fmean(map(math.log, repeats.values))
