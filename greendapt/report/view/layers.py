"""Which parts of a network each phase of a strategy trains, on a network of few parts."""

from __future__ import annotations

from dataclasses import dataclass

from greendapt.core.errors import GreendaptError
from greendapt.suite.models import Suite
from greendapt.suite.recipes import Phase
from greendapt.suite.trainable import Units

BLOCKS = 4
"""Beside the stem; a strategy that names a later one is drawn with as many."""


@dataclass(frozen=True)
class Trained:
    """One phase: what trains in ``words``, and which units, the stem first; None: not to be drawn
    without the network itself. ``within``: something small inside units that do not train."""

    words: str
    units: tuple[bool, ...] | None
    within: bool


@dataclass(frozen=True)
class Layers:
    """``units`` of them stay of a backbone of ``whole`` units; ``phases`` in order."""

    whole: int
    units: int
    phases: tuple[Trained, ...]


def layers(suite: Suite, strategy: str) -> Layers | None:
    """Of a strategy of ``suite``; None for one it does not know."""
    if strategy not in suite.strategy:
        return None
    cut = suite.cut(strategy)
    whole = max(BLOCKS, cut or 0) + 1
    units = whole if cut is None else cut + 1
    return Layers(whole, units, tuple(_trained(phase, units) for phase in suite.phases(strategy)))


def _trained(phase: Phase, units: int) -> Trained:
    within = phase.added is not None or any(
        name in phase.trained_text for name in ("bias", "norm", "names")
    )
    try:
        which = phase.train_set.units(Units("a network", tuple(range(units))))
    except GreendaptError:
        return Trained(phase.trained_text, None, within)
    return Trained(phase.trained_text, tuple(unit in which for unit in range(units)), within)
