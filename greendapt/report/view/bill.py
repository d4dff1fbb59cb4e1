"""The bill of the question: what a run cost against what its answer saves an adaptation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

from greendapt.core.figures import Figure
from greendapt.report.view import estimates
from greendapt.report.view.model import COST_KEYS, Entry, Verdict
from greendapt.report.view.payback import Bill, Payback
from greendapt.report.view.spending import totals
from greendapt.report.view.verdict import Question, mean_cost
from greendapt.stats.intervals import Interval
from greendapt.store.runinfo import RunData
from greendapt.suite.models import Suite


def bill(run: RunData, settings: Sequence[tuple[str, Question, Verdict]]) -> Bill:
    """``settings``: the title, question and verdict of each; one without a score has no payback."""
    charged = [record for record in run.records if record.role != "sunk"]
    sunk = {record.key: record for record in run.records if record.role == "sunk"}
    spent = totals(charged)
    return Bill(
        spent=spent,
        taken_over=totals(record for record in charged if record.reused),
        sunk=totals(sunk.values()),
        unmetered=sum(not record.figures for record in charged),
        unfinished=bool(run.interim),
        paybacks=tuple(_payback(run, spent, *one) for one in settings if one[1].scored),
    )


def _payback(
    run: RunData, spent: Mapping[str, Figure], title: str, question: Question, verdict: Verdict
) -> Payback:
    buy = question.find(verdict.buy)
    full = question.find(question.full)
    reference = full or question.scored[-1]
    compared = [entry for entry in (reference, buy) if entry is not None]
    key = "" if verdict.kind == "uncosted" else _key(question, spent, compared)
    ratio, grows = None, None
    if key and buy is not None and buy is not reference:
        groups = question.reached.groups
        ratio = estimates.cost_ratio(groups[buy.name], groups[reference.name], key)
        grows = _growing(question, run, (reference, buy), key)
    return Payback(
        setting=title,
        kind=verdict.kind,
        buy=verdict.buy,
        buy_title="" if buy is None else question.called(buy),
        reference=reference.name,
        reference_title=question.called(reference),
        is_full=full is not None,
        cost_key=key,
        worth=(spent[key].value or 0.0) / _mean(reference, key) if key else None,
        ratio=ratio,
        saved=None if ratio is None else _saved(reference, ratio),
        grows=grows,
        images=_pool_images(run, reference.name),
    )


def _saved(reference: Entry, ratio: Interval) -> Figure | None:
    joules = reference.costs["energy_j"]
    if joules.estimate is None:
        return None
    return Figure(
        value=(1 - ratio.mean) * joules.estimate.mean,
        unit=joules.unit,
        quality=joules.quality,
        source=f"the share saved of an adaptation by {reference.name}: {joules.source}",
    )


def _key(question: Question, spent: Mapping[str, Figure], entries: Sequence[Entry]) -> str:
    """The cost that the verdict compares, else the first that is known of all; "" for none."""
    for key in dict.fromkeys((question.compared, *COST_KEYS)):
        known = key in spent and spent[key].value is not None
        if known and all(_mean(entry, key) > 0 for entry in entries):
            return key
    return ""


def _mean(entry: Entry, key: str) -> float:
    """Of an adaptation; 0 where it is not known."""
    return mean_cost(entry, key) or 0.0


def _growing(question: Question, run: RunData, pair: tuple[Entry, Entry], key: str) -> float | None:
    """How much dearer the adaptation of the first is than that of the second, over all that the
    first costs: the part that is in proportion to the pool. None where it is not, or not known."""
    theirs, ours = (_adaptation(question, run.info.suite, one.name, key) for one in pair)
    if theirs is None or ours is None or not _is_proportional(run, [one.name for one in pair]):
        return None
    return (theirs - ours) / _mean(pair[0], key)


def _adaptation(question: Question, suite: Suite, name: str, key: str) -> float | None:
    """What of a strategy's cost is adaptation, mean over seeds; None where rows do not say."""
    if name not in suite.strategy:
        return None
    if not suite.phases(name):
        return 0.0
    figures = [
        row.parts.get("adaptation", {}).get(key) for row in question.reached.groups[name].values()
    ]
    values = [figure.value for figure in figures if figure is not None]
    present = [value for value in values if value is not None]
    return fmean(present) if present and len(present) == len(figures) else None


def _is_proportional(run: RunData, names: Sequence[str]) -> bool:
    """Whether those that adapt do so on one pool, and go over it as often whatever its size."""
    suite = run.info.suite
    adapting = [name for name in names if suite.phases(name)]
    if len({suite.pool(name) for name in adapting}) != 1:
        return False
    images = _pool_images(run, adapting[0])
    trained = None if images is None else round(images * (1 - suite.data.pool_validation))
    return all(
        not phase.min_steps or (trained and phase.epochs_on(trained) == phase.epochs)
        for name in adapting
        for phase in suite.phases(name)
    )


def _pool_images(run: RunData, strategy: str) -> int | None:
    suite, data = run.info.suite, run.info.data
    if strategy not in suite.strategy:
        return None
    pool = suite.pool(strategy)
    if pool is None:
        return data.pool.images
    return data.pools[pool].images if pool in data.pools else None
