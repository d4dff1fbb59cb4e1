"""The bill of the question in sentences: a short one beside the verdict, all of it below."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from greendapt.core.figures import Figure, Quality
from greendapt.core.text import plural
from greendapt.report import words
from greendapt.report.view import columns
from greendapt.report.view.payback import Bill, Payback
from greendapt.report.view.sentences import Amount, Sentence, joined
from greendapt.stats.intervals import Interval


def in_short(bill: Bill) -> Sentence:
    """What the question cost and when it has paid for itself, in one sentence; empty where nothing
    was judged."""
    price = _price(bill.spent)
    if not bill.paybacks or not price:
        return Sentence()
    lead = Sentence("The question has cost " if bill.unfinished else "The question cost ", price)
    if bill.unfinished:
        lead = Sentence(lead, " so far")
    if len(bill.paybacks) > 1:
        return Sentence(lead, _over_settings(bill))
    (only,) = bill.paybacks
    worth = (
        "" if not only.cost_key else f", {_worth(only)} by {_reference(only)} (in {_noun(only)})"
    )
    return Sentence(lead, worth, _outcome(only), ".")


def whole(bill: Bill) -> Sentence:
    """What the question cost, and what is not in it."""
    price = _price(bill.spent)
    if not price:
        return Sentence("What the question cost is not known.")
    cost = Sentence(
        "The question cost ",
        price,
        " so far" if bill.unfinished else "",
        ": every stage, shared ones once, and all tests",
        *_taken_over(bill),
        ".",
    )
    more = [Sentence("Generic pre-training is sunk and not in it: ", _price(bill.sunk), ".")]
    failed = plural(bill.unmetered, "stage")
    missing = [f"{failed} failed and left no figure: it cost more than that."]
    pools = ["Pools are at as many epochs: adaptation grows with them, and transfer does not."]
    return joined(
        [
            cost,
            *(more if _price(bill.sunk) else []),
            *(missing if bill.unmetered else []),
            *(pools if any(map(_pool, bill.paybacks)) else []),
        ]
    )


def by_setting(bill: Bill) -> tuple[str, ...]:
    """What the answer of each setting saves; with the title of the setting where there are
    several."""
    if len(bill.paybacks) == 1:
        return (_saving(bill.paybacks[0]),)
    return tuple(f"{one.setting}: {_saving(one)}" for one in bill.paybacks)


def as_document(bill: Bill) -> dict[str, Any]:
    """Every figure of it, for JSON; what is not known is None."""
    return {
        "spent": _dumped(bill.spent),
        "taken_over": _dumped(bill.taken_over),
        "sunk": _dumped(bill.sunk),
        "unmetered_stages": bill.unmetered,
        "settings": [
            {
                "setting": one.setting,
                "best_buy": one.buy or None,
                "reference": one.reference,
                "cost": one.cost_key or None,
                "question_in_adaptations": one.worth,
                "ratio": None if one.ratio is None else one.ratio._asdict(),
                "pays_after_adaptations": None if one.after is None else one.after._asdict(),
                "pool_images": one.images,
                "pays_at_pool_ratio": one.pool_ratio,
            }
            for one in bill.paybacks
        ],
        "sentences": [whole(bill), *by_setting(bill)],
    }


def count(value: float) -> str:
    """Of adaptations that something is worth: ``3.2``, ``14``, ``1,230``."""
    return f"{value:.1f}" if value < 9.95 else f"{float(f'{value:.3g}'):,.0f}"


def adaptations(after: Interval) -> str:
    """``22 adaptations``, ``22 [20, 25] adaptations``: whole ones, rounded up."""
    mean, low = _whole(after.mean), None if after.low is None else _whole(after.low)
    high = None if after.high is None else _whole(after.high)
    noun = "adaptation" if mean == "1" and high in (None, "1") else "adaptations"
    if low is None or low == high:
        return f"{mean} {noun}"
    if high is None:
        return f"{mean} {noun} ({low} at least; the interval of the saving holds none)"
    return f"{mean} [{low}, {high}] {noun}"


def _whole(value: float) -> str:
    """Rounded up, to three digits: no later than that."""
    ceiling = max(1, math.ceil(round(value, 6)))
    step = 10 ** max(0, len(str(ceiling)) - 3)
    return f"{math.ceil(ceiling / step) * step:,}"


def _over_settings(bill: Bill) -> str:
    """Of several settings, each of which is set against all of the cost."""
    several = len(bill.paybacks)
    paying = [one.after.mean for one in bill.paybacks if one.after is not None]
    if not paying:
        yet = " so far" if any(one.kind == "undecided" for one in bill.paybacks) else ""
        return f" and has saved nothing{yet} in any of {several} settings."
    first, last = _whole(min(paying)), _whole(max(paying))
    span = first if first == last else f"{first} to {last}"
    where = f"{several}" if len(paying) == several else f"{len(paying)} of {several}"
    return f"; it has paid for itself after {span} adaptations in {where} settings."


def _price(figures: Mapping[str, Figure]) -> Sentence:
    """Energy and carbon; without them time, and without that nothing."""
    energy = _amount(figures, "energy_j")
    if energy is None:
        wall = _amount(figures, "wall_s")
        return Sentence(wall, " of work (its energy is not known)") if wall else Sentence()
    carbon = _amount(figures, "carbon_g")
    return Sentence(energy, " and ", carbon, " of CO2e") if carbon else Sentence(energy)


def _amount(figures: Mapping[str, Figure], key: str) -> Amount | None:
    """Marked with ~ and to two digits where it is estimated."""
    figure = figures.get(key)
    if figure is None or figure.value is None:
        return None
    guessed = figure.quality is Quality.ESTIMATED
    digits = 2 if guessed else 3
    text = words.quantity(figure.value, figure.unit, digits)
    return Amount(figure.value, figure.unit, f"~{text}" if guessed else text)


def _taken_over(bill: Bill) -> list[str | Amount]:
    if not bill.taken_over:
        return []
    if bill.taken_over == bill.spent:
        return [". An earlier run paid all of it, and this one nothing"]
    part = _price(bill.taken_over) or "an unknown part"
    return [". An earlier run paid ", *Sentence(part).spans, " of it"]


def _reference(payback: Payback) -> str:
    """``full DAPT``, or which strategy stands in its place."""
    alone = payback.is_full or payback.kind == "alone"
    return payback.reference_title + ("" if alone else ", the costliest strategy here")


def _worth(payback: Payback) -> str:
    """``as much as 12 adaptations``."""
    number = count(payback.worth or 0.0)
    return f"as much as {number} adaptation{'' if number == '1.0' else 's'}"


def _noun(payback: Payback) -> str:
    return columns.called(payback.cost_key).noun


def _outcome(payback: Payback) -> str:
    """How the short sentence ends: when it pays, or that it does not."""
    if payback.after is not None:
        return f"; it has paid for itself after {adaptations(payback.after)}{_pool(payback)}"
    if payback.kind == "undecided":
        return ", and has saved nothing so far: the verdict is undecided"
    if not payback.cost_key:
        return "; what it saves is not known"
    return f", and has saved nothing: {_why_nothing(payback)}"


def _saving(payback: Payback) -> str:
    """A setting's best buy against its reference, and when the question has paid for itself."""
    if not payback.cost_key:
        return "What the answer saves is not known: no cost is known for every strategy."
    noun, reference = _noun(payback), _reference(payback)
    cost = f"cost {_worth(payback)} by {reference} (in {noun})"
    if payback.kind == "undecided":
        return f"Undecided: it has saved nothing so far, and {cost}."
    if payback.after is None or payback.ratio is None:
        why = _why_nothing(payback)
        return f"{why[:1].upper()}{why[1:]}: it has saved nothing, and {cost}."
    saves = words.saving(payback.ratio, noun, reference)
    saved = _amount({} if payback.saved is None else {"energy_j": payback.saved}, "energy_j")
    each = "" if saved is None else f", {saved.text} each time"
    return (
        f"The answer, {payback.buy_title}, {saves}{each}; the question, which cost "
        f"{_worth(payback)} by {payback.reference_title}, has paid for itself after "
        f"{adaptations(payback.after)}{_pool(payback)}."
    )


def _why_nothing(payback: Payback) -> str:
    if payback.kind == "alone":
        return f"only {payback.buy_title} was run"
    if payback.ratio is None:
        return f"the answer is {_reference(payback)}"
    costs = words.saving(payback.ratio, _noun(payback), _reference(payback))
    return f"the answer, {payback.buy_title}, {costs}"


def _pool(payback: Payback) -> str:
    """The pool on which one adaptation pays; nothing where the first one here does."""
    ratio = payback.pool_ratio
    if ratio is None or ratio <= 1:
        return ""
    if payback.images is None:
        return f", or one on a pool {count(ratio)} times as large"
    images = float(f"{ratio * payback.images:.2g}")
    return f", or one on a pool of about {images:,.0f} images (here {payback.images:,})"


def _dumped(figures: Mapping[str, Figure]) -> dict[str, Any]:
    return {key: figure.model_dump(mode="json") for key, figure in figures.items()}
