"""Pairs added until a change can be told from the rise that is allowed, or the budget is spent."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from greendapt.stats.intervals import Interval
from greendapt.stats.ratios import log_ratio

ERROR = 0.02
"""How often, over all looks together, a change at the limit may be called above (or below) it."""

FIRST_LOOK = 4
"""Pairs: with fewer, an interval at such a level is too wide to say anything."""

Answer = Literal["regression", "pass", "more", "inconclusive"]


def looks(budget: int) -> tuple[int, ...]:
    """After how many pairs to look: 4, 8, 16 and so on, and at the budget.

    Numbers are even, budget apart, so that in the order A B B A a steady drift cancels.
    """
    planned = []
    pairs = FIRST_LOOK
    while pairs < budget:
        planned.append(pairs)
        pairs *= 2
    return (*planned, budget)


def decide(logs: Sequence[float], limit: float, *, budget: int) -> tuple[Answer, Interval]:
    """What to say of paired log-ratios (head over base) so far: judge, or measure more pairs.

    ``limit``: the share by which the ratio may rise (0.05 is 5%). ``budget``: the most pairs to
    measure. ``regression`` where the whole interval of the ratio lies above 1 + limit, ``pass``
    where none of it does; ``more`` asks for the next of `looks`; at the budget, ``inconclusive``.

    The intervals are repeated ones (Jennison, Turnbull 1989): each look takes its part of `ERROR`,
    in proportion to its pairs, on either side, so that by Bonferroni's inequality all of them hold
    the true ratio together. They are Student's, for independent and roughly normal log-ratios.
    The interval has no bounds between looks. Raises ValueError for no pair, for more pairs than
    the budget, and for a budget below two.
    """
    if budget < 2 or not 1 <= len(logs) <= budget:
        raise ValueError(f"{len(logs)} pairs of {budget}: give one at least, of two or more")
    planned = looks(budget)
    if len(logs) not in planned:
        return "more", Interval(log_ratio(logs).mean, None, None)
    share = len(logs) / sum(planned)
    change = log_ratio(logs, level=1 - 2 * ERROR * share)
    return _answer(change, limit, last=len(logs) == budget), change


def _answer(change: Interval, limit: float, *, last: bool) -> Answer:
    low, high = change.low or 0.0, change.high or math.inf
    if low > 1 + limit:
        return "regression"
    if high <= 1 + limit:
        return "pass"
    return "inconclusive" if last else "more"
