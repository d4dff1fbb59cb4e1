"""What a question cost, and after how many adaptations its answer has paid for it: figures and
their arithmetic, without words."""

from __future__ import annotations

from dataclasses import dataclass

from greendapt.core.figures import Figure
from greendapt.stats.intervals import Interval

ALIKE = 0.02
"""A cost within so much of another, in shares of it, is as good as the same: it saves nothing."""


@dataclass(frozen=True)
class Payback:
    """What the best buy of a setting saves against what would else have been done.

    ``kind``: of the verdict. ``buy``: "" where it names none. ``reference``: full DAPT
    (``is_full``), or where there is no one full DAPT the costliest strategy. ``buy_title``,
    ``reference_title``: as sentences call them. ``cost_key``: the cost that is counted, "" where
    none is known of all that is compared. ``worth``: the question in adaptations by the reference.
    ``ratio``: the cost of an adaptation by the best buy over one by the reference; None without a
    buy, or where both are one. ``saved``: the energy that this leaves unspent each time; None where
    it is not known. ``grows``: the part of the saving that is in proportion to the pool, in
    adaptations by the reference; None where there is none, or it is not known. ``images``: of the
    pool here.
    """

    setting: str
    kind: str
    buy: str
    buy_title: str
    reference: str
    reference_title: str
    is_full: bool
    cost_key: str
    worth: float | None
    ratio: Interval | None
    saved: Figure | None
    grows: float | None
    images: int | None

    @property
    def after(self) -> Interval | None:
        """Adaptations after which the question has paid for itself; None where it never has.

        ``high`` None beside a ``low``: the interval of the saving holds none.
        """
        if self.worth is None or self.ratio is None:
            return None
        return adaptations_to_pay(self.worth, self.ratio)

    @property
    def pool_ratio(self) -> float | None:
        """So many times the pool here one adaptation pays for the question; None where none does,
        or it is not known."""
        if self.worth is None or self.ratio is None or self.after is None or self.grows is None:
            return None
        return pool_to_pay(self.worth, 1 - self.ratio.mean, self.grows)


@dataclass(frozen=True)
class Bill:
    """What a run cost, and what its answer saves, setting by setting.

    ``spent``: by cost, of every stage that a cell of the run needs or that ran twice, shared ones
    once, tests too; ``taken_over`` is the part of it that an earlier run paid. ``sunk``: generic
    pre-training, which is in neither. ``unmetered``: how many stages failed, which nothing metered.
    ``unfinished``: whether more is to come.
    """

    spent: dict[str, Figure]
    taken_over: dict[str, Figure]
    sunk: dict[str, Figure]
    unmetered: int
    unfinished: bool
    paybacks: tuple[Payback, ...]


def adaptations_to_pay(worth: float, ratio: Interval) -> Interval | None:
    """``worth``: a question, in adaptations of the dearer kind; ``ratio``: of the cheaper one's
    cost to it. None where that is as good as no saving."""
    if ratio.mean > 1 - ALIKE:
        return None
    mean = worth / (1 - ratio.mean)
    if ratio.low is None or ratio.high is None:
        return Interval(mean, None, None)
    return Interval(
        mean, worth / (1 - ratio.low), worth / (1 - ratio.high) if ratio.high < 1 else None
    )


def pool_to_pay(worth: float, saving: float, grows: float) -> float | None:
    """The pool, over the one here, on which one adaptation saves what the question cost.

    ``saving``: of an adaptation here, of which ``grows`` is in proportion to the pool, all three in
    adaptations of the dearer kind. None where no pool is large enough.
    """
    if grows <= 0:
        return None
    pool = 1 + (worth - saving) / grows
    return pool if pool > 0 else None
