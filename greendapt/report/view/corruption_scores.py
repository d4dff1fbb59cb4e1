"""How each strategy stands noise, blur and the like, by corruption and severity."""

from __future__ import annotations

from greendapt.report.view.model import Robustness, headline
from greendapt.report.view.reached import Reached


def robustness(reached: Reached) -> Robustness | None:
    """The score over seeds for each condition any row was judged under; None without any."""
    conditions = dict.fromkeys(
        name
        for seeds in reached.groups.values()
        for row in seeds.values()
        for name in (row.metrics.get("corrupted") or {}).get("by") or {}
    )
    if not conditions:
        return None
    score = headline(reached.models)[-1]
    rows = {
        strategy: tuple(
            reached.estimate(strategy, ("corrupted", "by", name, score)) for name in conditions
        )
        for strategy in reached.groups
    }
    return Robustness(tuple(_condition(name) for name in conditions), rows)


def _condition(name: str) -> tuple[str, str]:
    """Corruption and severity of ``noise:3``."""
    kind, _, severity = name.partition(":")
    return kind, severity
