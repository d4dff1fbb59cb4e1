"""Sentences that know the amounts they state: text everywhere, and values where they are wanted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from greendapt.core.records import COST_UNITS
from greendapt.report import words
from greendapt.report.view.model import Cost


@dataclass(frozen=True)
class Amount:
    """A value in ``unit`` that a sentence writes as ``text``."""

    value: float
    unit: str
    text: str


class Sentence(str):
    """The text of ``spans``, in order; what changes the text (a join, a format) forgets them."""

    spans: tuple[str | Amount, ...]

    def __new__(cls, *parts: str | Amount) -> Self:
        """Of texts, amounts and other sentences."""
        self = super().__new__(
            cls, "".join(part.text if isinstance(part, Amount) else part for part in parts)
        )
        self.spans = tuple(
            span
            for part in parts
            for span in (part.spans if isinstance(part, Sentence) else (part,))
        )
        return self


def joined(sentences: Iterable[str | Amount], between: str = " ") -> Sentence:
    """One sentence after the other."""
    parts = [part for one in sentences for part in (between, one)]
    return Sentence(*parts[1:])


def cost(figure: Cost) -> Sentence:
    """A mean cost over seeds, as in the tables."""
    text, estimate = words.cost(figure), figure.estimate
    return Sentence(text if estimate is None else Amount(estimate.mean, figure.unit, text))


def amount(key: str, value: float) -> Amount:
    """One of the costs of every record."""
    return Amount(value, COST_UNITS[key], words.amount(key, value))


def energy(joules: float) -> Amount:
    """Watt-hours, or joules below one."""
    return Amount(joules, "J", words.quantity(joules, "J"))
