"""How numbers are written, the same in every format."""

from __future__ import annotations

from greendapt.core import units
from greendapt.core.records import COST_UNITS
from greendapt.core.text import shots_text
from greendapt.core.units import percent
from greendapt.report.view.model import Cost, Estimate, Setting, Standing
from greendapt.report.view.payback import ALIKE
from greendapt.stats.intervals import Interval

MISSING = "n/a"
_WIDE = 0.25
_WATT_HOUR = 3600.0


def number(value: float, digits: int = 3) -> str:
    """A score, with a true minus sign."""
    return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def signed(value: float, digits: int = 3) -> str:
    """A difference, with its sign; nothing is neither more nor less."""
    text = f"{value:+.{digits}f}"
    return f"±{text[1:]}" if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def interval(low: float | None, high: float | None, digits: int = 3) -> str:
    """``[0.901, 0.935]``, or nothing where there is no interval."""
    if low is None or high is None:
        return ""
    return f"[{number(low, digits)}, {number(high, digits)}]"


def score(estimate: Estimate | None) -> str:
    """``0.918 [0.901, 0.935]``; an interval over patients (one seed) is marked with a p."""
    if estimate is None:
        return MISSING
    ends = interval(estimate.low, estimate.high)
    return f"{number(estimate.mean)} {ends}{'p' if estimate.basis == 'patients' else ''}".strip()


def difference(gap: Interval | None) -> str:
    """``+0.012 [-0.020, +0.044]``."""
    return MISSING if gap is None else f"{signed(gap.mean)} {bounds(gap)}".strip()


def bounds(gap: Interval) -> str:
    """``[-0.020, +0.044]``, or nothing where there is no interval."""
    if gap.low is None or gap.high is None:
        return ""
    return f"[{signed(gap.low)}, {signed(gap.high)}]"


def quantity(value: float, unit: str, digits: int = 3) -> str:
    """As in `greendapt.core.units`, but energies as bills have them from a watt-hour on."""
    if unit == "J" and abs(value) >= _WATT_HOUR:
        return units.watt_hours(value, digits)
    return units.quantity(value, unit, digits)


def amount(key: str, value: float | None) -> str:
    """One of the costs of every record, in the unit people read."""
    return MISSING if value is None else quantity(value, COST_UNITS[key])


def cost(figure: Cost | None) -> str:
    """The mean cost, marked with ~ when it is estimated rather than metered."""
    if figure is None or figure.estimate is None:
        return MISSING
    guessed = figure.quality.value == "estimated"
    return ("~" if guessed else "") + quantity(
        figure.estimate.mean, figure.unit, 2 if guessed else 3
    )


def cost_spread(figure: Cost | None) -> str:
    """The interval of a cost, spread over seeds and the meter's bounds: half of it in percent of
    the mean (``± 2%``), or its ends where it is wide."""
    if figure is None or figure.estimate is None:
        return ""
    estimate = figure.estimate
    if estimate.low is None or estimate.high is None or estimate.mean <= 0:
        return ""
    half = (estimate.high - estimate.low) / 2 / estimate.mean
    if half <= _WIDE:
        return f"± {percent(half)}" if half >= 0.005 else ""
    ends = (quantity(end, figure.unit, 2) for end in (estimate.low, estimate.high))
    return f"[{', '.join(ends)}]"


def probability(share: float) -> str:
    """``3%``; never none at all and never certainty, which no finite number of draws can show."""
    if share < 0.005:
        return "under 1%"
    return "over 99%" if share > 0.995 else percent(share)


def times(ratio: float) -> str:
    """``14 times``, ``1.4 times``."""
    return f"{ratio:.0f} times" if ratio >= 9.5 else f"{ratio:.1f} times"


def against(ratio: Interval | None) -> str:
    """A cost ratio as a change: ``-72%``, ``+35%``, ``x 14``."""
    if ratio is None:
        return MISSING
    if ratio.mean >= 2:
        return f"× {ratio.mean:.1f}" if ratio.mean < 9.5 else f"× {ratio.mean:.0f}"
    change = round(100 * (ratio.mean - 1))
    return "±0%" if change == 0 else f"{change:+d}%".replace("-", "\N{MINUS SIGN}")


def saving(ratio: Interval, noun: str, other: str) -> str:
    """``saves 72% of the carbon of full DAPT`` or ``costs 3.4 times the carbon of ...``."""
    if ratio.mean > 1 + ALIKE:
        return f"costs {times(ratio.mean)} the {noun} of {other}"
    if ratio.mean > 1 - ALIKE:
        return f"costs as much {noun} as {other}"
    ends = ""
    if ratio.low is not None and ratio.high is not None:
        low, high = percent(1 - ratio.high), percent(1 - ratio.low)
        ends = f" [{low}, {high}]" if low != high else ""
    return f"saves {percent(1 - ratio.mean)}{ends} of the {noun} of {other}"


def standing(place: Standing) -> str:
    """``yes (93%)``: membership of the front, and its probability where several seeds tell."""
    member = "yes" if place.on_front else "no"
    return member if place.probability is None else f"{member} ({percent(place.probability)})"


def setting(asked: Setting) -> str:
    """``resnet18, mlp2, 5 labels a class``."""
    backbone, transfer, shots = asked
    return f"{backbone}, {transfer}, {shots_text(shots)}"


def moment(iso: str) -> str:
    """``2026-11-20 10:00`` of an ISO time."""
    return iso[:16].replace("T", " ")
