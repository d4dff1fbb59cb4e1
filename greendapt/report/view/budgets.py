"""Quality at equal energy, and the energy to reach a quality: read off the front."""

from __future__ import annotations

from collections.abc import Sequence

from greendapt.report.view.model import Entry, Estimate, Offer

_BUDGETS = (0.1, 0.25, 0.5, 1.0)
"""Of the energy of the costliest strategy."""
_BELOW_BEST = (0.0, 0.01, 0.02, 0.05, 0.1)


def budgets(entries: Sequence[Entry]) -> tuple[Offer, ...]:
    """The best strategy that shares of the costliest one's energy buy; cheapest of equals.

    Empty unless every strategy has an energy: a strategy left out would read as worse.
    """
    costed = _costed(entries)
    top = max((energy for _, energy in costed), default=0.0)
    limits = [share * top for share in _BUDGETS]
    offers = []
    for limit in limits:
        within = [(entry, energy) for entry, energy in costed if energy <= limit]
        if within:
            best, _ = max(within, key=lambda one: (_score(one[0]), -one[1]))
            offers.append(Offer(limit, best.name, _estimate(best), best.costs["energy_j"]))
    return tuple(offers)


def targets(entries: Sequence[Entry]) -> tuple[Offer, ...]:
    """The cheapest strategy whose mean score reaches the best one's, less a little.

    ``limit`` is the score asked for. Empty unless every strategy has an energy.
    """
    costed = _costed(entries)
    top = max((_score(entry) for entry, _ in costed), default=0.0)
    offers = []
    for below in _BELOW_BEST:
        reach = [one for one in costed if _score(one[0]) >= top - below]
        if reach:
            cheapest, _ = min(reach, key=lambda one: (one[1], -_score(one[0])))
            cost = cheapest.costs["energy_j"]
            offers.append(Offer(top - below, cheapest.name, _estimate(cheapest), cost))
    return tuple(offers)


def _costed(entries: Sequence[Entry]) -> list[tuple[Entry, float]]:
    energies = [entry.costs["energy_j"].estimate for entry in entries]
    if len(entries) < 2:
        return []
    costed = [
        (entry, energy.mean)
        for entry, energy in zip(entries, energies, strict=True)
        if energy is not None and entry.score is not None
    ]
    return costed if len(costed) == len(entries) else []


def _score(entry: Entry) -> float:
    return _estimate(entry).mean


def _estimate(entry: Entry) -> Estimate:
    assert entry.score is not None
    return entry.score
