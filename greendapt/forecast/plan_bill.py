"""The bill of a question before it is asked: what a run will cost beside one adaptation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from greendapt.core.records import PAID
from greendapt.core.units import percent, si
from greendapt.report.view.bill_text import adaptations, count
from greendapt.report.view.payback import adaptations_to_pay
from greendapt.run.plan import Cell
from greendapt.stats.intervals import Interval
from greendapt.store.forecasts import Forecast, StageForecast
from greendapt.suite.models import Suite
from greendapt.suite.references import full_reference


@dataclass(frozen=True)
class PlannedBill:
    """Of exact FLOPs. ``reference``: full DAPT, or where there is no one full DAPT the costliest
    strategy; ``reference_title``: as a sentence calls it. ``worth``, ``most_worth``: the first look
    and all looks, in adaptations by the reference. ``ratio``: one by the ``cheapest`` over one by
    the reference. ``saved_j``: joules that this leaves unspent each time; None where a stage is
    kept, or its energy not known.
    """

    reference: str
    reference_title: str
    cheapest: str
    worth: float
    most_worth: float
    ratio: float
    saved_j: float | None

    @property
    def after(self) -> float | None:
        """Adaptations after which the first look has paid for itself if the cheapest one wins."""
        after = adaptations_to_pay(self.worth, Interval(self.ratio, None, None))
        return None if after is None else after.mean


def planned_bill(
    suite: Suite, first: Sequence[Cell], every: Sequence[Cell], plan: Forecast
) -> PlannedBill:
    """``first``: the cells of the first look, of ``every`` one that there may be."""
    paid = {stage.key: stage for stage in plan.stages if stage.role in PAID}
    chains: dict[str, list[list[StageForecast]]] = {}
    for cell in first:
        used = [paid[stage.key] for stage in cell.stages if stage.key in paid]
        chains.setdefault(cell.strategy, []).append(used)
    flops = {
        name: fmean(sum(stage.flops for stage in chain) for chain in of)
        for name, of in chains.items()
    }
    full = full_reference(suite, chains)
    costliest, cheapest = max(flops, key=flops.__getitem__), min(flops, key=flops.__getitem__)
    reference = full or costliest
    joules = [_energy_j(chains[name]) for name in (reference, cheapest)]
    called = "full DAPT" if full else costliest
    return PlannedBill(
        reference=reference,
        reference_title=called if full or len(flops) == 1 else f"{called}, the costliest strategy",
        cheapest=cheapest,
        worth=_paid_flops(plan, first) / flops[reference],
        most_worth=_paid_flops(plan, every) / flops[reference],
        ratio=flops[cheapest] / flops[reference],
        saved_j=None if joules[0] is None or joules[1] is None else joules[0] - joules[1],
    )


def bill_sentence(bill: PlannedBill) -> str:
    """What asking costs, and when that has paid for itself at best."""
    if not bill.most_worth:
        return "Asking costs nothing more: every stage is there already."
    most = "" if bill.most_worth == bill.worth else f", at most {count(bill.most_worth)}"
    noun = "adaptation" if count(bill.worth) == "1.0" and not most else "adaptations"
    asking = f"Asking costs as much as {count(bill.worth)}{most} {noun} by {bill.reference_title}"
    if bill.after is None:
        return f"{asking} (in FLOPs); no strategy here saves anything on it."
    saved = "" if bill.saved_j is None or bill.saved_j <= 0 else f" (~{si(bill.saved_j, 'J', 2)})"
    return (
        f"{asking} (in FLOPs). If {bill.cheapest}, the cheapest, wins, it saves "
        f"{percent(1 - bill.ratio)} of each{saved}, and the question has paid for itself after "
        f"{adaptations(Interval(bill.after, None, None))}."
    )


def _paid_flops(plan: Forecast, cells: Sequence[Cell]) -> int:
    keys = {stage.key for cell in cells for stage in cell.stages}
    return plan.cost(s for s in plan.stages if s.role != "sunk" and s.key in keys).flops


def _energy_j(chains: Sequence[Sequence[StageForecast]]) -> float | None:
    """Of one adaptation, mean over cells; None where a stage that does something has none."""
    stages = [stage for chain in chains for stage in chain if stage.flops]
    joules = [stage.energy_j for stage in stages if not stage.kept]
    present = [value for value in joules if value is not None]
    return sum(present) / len(chains) if len(present) == len(stages) else None
