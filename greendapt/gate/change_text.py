"""How changes are said: plain letters, for logs of any terminal."""

from __future__ import annotations

from greendapt.core.units import duration, si
from greendapt.stats.intervals import Interval
from greendapt.suite.limits import GAUGES, Tier

_LARGE = 1.095  # above, a ratio says more than a percentage


def amount(figure: str, value: float) -> str:
    """``2.79 GFLOP``, ``267,652``, ``1.2 s``."""
    unit = GAUGES[figure].unit
    if unit == "s":
        return duration(value) if value >= 10 else si(value, "s")
    if unit:
        return si(value, unit)
    return f"{value:,.3f}" if GAUGES[figure].tier is Tier.ACCURACY else f"{value:,.0f}"


def percent(ratio: float) -> str:
    """A ratio as a change: ``+3.1%``, ``-40%``, ``x3.2`` from twice on."""
    if ratio >= 2:
        return f"x{ratio:.3g}"
    change = 100 * (ratio - 1)
    return f"{change:+.1f}%" if abs(change) < 10 else f"{change:+.0f}%"


def ratio(interval: Interval) -> str:
    """``+3.1% [+1.0%, +5.2%]``, without bounds where there are none."""
    if interval.low is None or interval.high is None:
        return percent(interval.mean)
    return f"{percent(interval.mean)} [{percent(interval.low)}, {percent(interval.high)}]"


def difference(interval: Interval) -> str:
    """``-0.004 [-0.011, +0.003]``."""
    return interval.text("+.3f")


def risen(figure: str, base: float, head: float) -> str:
    """``now costs 1.8x the training FLOPs of the baseline (5.1 GFLOP, was 2.8 GFLOP)``."""
    verb, noun = GAUGES[figure].says
    behind = f"({amount(figure, head)}, was {amount(figure, base)})"
    if base == 0:
        return f"now {verb} {amount(figure, head)} where the baseline {verb} none"
    times = head / base
    if times >= _LARGE:
        return f"now {verb} {times:.3g}x the {noun} of the baseline {behind}"
    return f"now {verb} {100 * (times - 1):.2g}% more {noun} than the baseline {behind}"
