"""How strategies are told apart in every picture: a colour a family, a shape by depth within it."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from greendapt.report.view.layers import layers
from greendapt.suite.models import Suite
from greendapt.suite.references import freezing_dapt, full_dapt, hybrid_dapt, partial_dapt


class Family(IntEnum):
    """What a strategy does; its number is that of its colour."""

    NONE = 0
    PARTIAL = 1
    HYBRID = 2
    SIMPLIFIED = 3
    PEFT = 4
    FULL = 5
    OTHER = 6


def marks(suite: Suite, strategies: Sequence[str]) -> dict[str, int]:
    """Of each strategy its family, and behind it (times the number of families) its rank within
    the family: what trains little, or keeps little of the network, comes first."""
    ranks: dict[Family, int] = {}
    found = {}
    for name in sorted(strategies, key=lambda one: _depth(suite, one)):
        kind = family(suite, name)
        rank = ranks[kind] = ranks.get(kind, -1) + 1
        found[name] = rank * len(Family) + kind
    return {name: found[name] for name in strategies}


def family(suite: Suite, strategy: str) -> Family:
    """OTHER for what the suite does not know, and what is none of the rest."""
    if strategy not in suite.strategy:
        return Family.OTHER
    phases, only = suite.phases(strategy), [strategy]
    if not phases:
        return Family.NONE
    drawn = layers(suite, strategy)
    if drawn is not None and any(phase.within for phase in drawn.phases):
        return Family.PEFT
    if suite.cut(strategy):
        return Family.SIMPLIFIED
    if full_dapt(suite, only):
        return Family.FULL
    if hybrid_dapt(suite, only) or freezing_dapt(suite, only):  # both orders of the same two
        return Family.HYBRID
    return Family.PARTIAL if partial_dapt(suite, only) else Family.OTHER


def _depth(suite: Suite, strategy: str) -> tuple[int, int]:
    """Units that are kept, and that train in the phase that trains fewest of them."""
    drawn = layers(suite, strategy)
    if drawn is None:
        return 0, 0
    trained = [sum(phase.units or ()) for phase in drawn.phases]
    return drawn.units, min((count for count in trained if count), default=0)
