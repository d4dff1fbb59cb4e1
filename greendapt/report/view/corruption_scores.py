"""How each strategy stands noise, blur and the like, by corruption and severity."""

from __future__ import annotations

from collections.abc import Mapping

from greendapt.report.view import estimates
from greendapt.report.view.estimates import Seeds
from greendapt.report.view.model import Robustness, headline


def robustness(groups: Mapping[str, Seeds]) -> Robustness | None:
    """The score over seeds for each condition any row was judged under; None without any."""
    conditions = dict.fromkeys(
        name
        for seeds in groups.values()
        for row in seeds.values()
        for name in (row.metrics.get("corrupted") or {}).get("by") or {}
    )
    if not conditions:
        return None
    of = [path for seeds in groups.values() for path in estimates.metric_paths(seeds.values())]
    score = headline(of)[-1]
    rows = {
        strategy: tuple(
            estimates.metric_estimate(seeds, ("corrupted", "by", name, score))
            for name in conditions
        )
        for strategy, seeds in groups.items()
    }
    return Robustness(tuple(_condition(name) for name in conditions), rows)


def _condition(name: str) -> tuple[str, str]:
    """Corruption and severity of ``noise:3``."""
    kind, _, severity = name.partition(":")
    return kind, severity
