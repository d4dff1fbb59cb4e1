"""The figures that verdicts are about, and how much each may change: per figure and per cell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from greendapt.core.errors import SuiteError


class Tier(StrEnum):
    """How sure a figure is: counted, measured with noise, or learnt."""

    EXACT = "exact"
    NOISY = "noisy"
    ACCURACY = "accuracy"


@dataclass(frozen=True)
class Gauge:
    """A figure under a gate. ``says`` is how a sentence puts it: verb and noun."""

    tier: Tier
    says: tuple[str, str]
    unit: str


GAUGES = {
    "training_flops": Gauge(Tier.EXACT, ("costs", "training FLOPs"), "FLOP"),
    "evaluation_flops": Gauge(Tier.EXACT, ("costs", "evaluation FLOPs"), "FLOP"),
    "params": Gauge(Tier.EXACT, ("has", "parameters"), ""),
    "trainable_params": Gauge(Tier.EXACT, ("trains", "parameters"), ""),
    "optimizer_steps": Gauge(Tier.EXACT, ("takes", "optimiser steps"), ""),
    "samples": Gauge(Tier.EXACT, ("trains on", "samples"), ""),
    "cached_bytes": Gauge(Tier.EXACT, ("caches", "bytes"), "B"),
    "wall_s": Gauge(Tier.NOISY, ("takes", "time"), "s"),
    "energy_j": Gauge(Tier.NOISY, ("takes", "energy"), "J"),
    "peak_memory_bytes": Gauge(Tier.NOISY, ("takes", "peak memory"), "B"),
    "auc": Gauge(Tier.ACCURACY, ("reaches", "AUC"), ""),
    "dice": Gauge(Tier.ACCURACY, ("reaches", "Dice"), ""),
}
_SHORT = {
    "flops": "training_flops",
    "time": "wall_s",
    "energy": "energy_j",
    "memory": "peak_memory_bytes",
}


@dataclass(frozen=True)
class Limits:
    """``general`` by figure, ``own`` by cell and figure; a cell's own limit goes before.

    Costs: the share by which one may rise (0.05 is 5%). Scores: what one may change by, at most 0.
    """

    general: Mapping[str, float]
    own: Mapping[str, Mapping[str, float]]

    def of(self, cell: tuple[str, ...], figure: str, default: float) -> float:
        """``cell`` is found by its first part (the strategy) or by all of it, joined by ``/``."""
        limit = self.given(cell, figure)
        return default if limit is None else limit

    def given(self, cell: tuple[str, ...], figure: str) -> float | None:
        """None where nobody set a limit."""
        for name in ("/".join(cell), cell[0]):
            if figure in self.own.get(name, {}):
                return self.own[name][figure]
        return self.general.get(figure)

    def under(self, other: Limits) -> Limits:
        """``other`` laid over these."""
        own = {
            cell: {**self.own.get(cell, {}), **other.own.get(cell, {})}
            for cell in (*self.own, *other.own)
        }
        return Limits({**self.general, **other.general}, own)


NO_LIMITS = Limits({}, {})


def from_table(table: Mapping[str, Any]) -> Limits:
    """A suite's ``[limits]``: figures, and cells as tables of figures. Raises SuiteError."""
    general, own = {}, {}
    for key, value in table.items():
        if isinstance(value, Mapping):
            own[key] = dict(_limit(figure, limit) for figure, limit in value.items())
        else:
            name, limit = _limit(key, value)
            general[name] = limit
    return Limits(general, own)


def from_options(options: Iterable[str], name: str = "--limit") -> Limits:
    """``--limit [CELL/]FIGURE=VALUE`` options. Raises SuiteError, which names ``name``."""
    limits = NO_LIMITS
    for option in options:
        key, equals, value = option.rpartition("=")
        cell, _, figure = key.strip().rpartition("/")
        if not equals:
            raise SuiteError(f"{name} {option}: write FIGURE=VALUE, such as energy=5%")
        table = {figure: value.strip()}
        limits = limits.under(from_table({cell: table} if cell else table))
    return limits


def _limit(key: str, value: Any) -> tuple[str, float]:
    name = _SHORT.get(key, key)
    if name not in GAUGES:
        names = ", ".join([*_SHORT, *(n for n in GAUGES if n not in _SHORT.values())])
        raise SuiteError(f"limit of '{key}': there is no such figure (there is: {names})")
    accuracy = GAUGES[name].tier is Tier.ACCURACY
    text = str(value)
    try:
        limit = float(text) if accuracy else float(text.removesuffix("%")) / 100
        good = -1 <= limit <= 0 if accuracy else 0 <= limit < math.inf and text.endswith("%")
    except ValueError:
        good = False
    if not good:
        how = "what it may fall by, such as -0.01" if accuracy else "a percentage, such as 5%"
        raise SuiteError(f"limit of '{key}': write {how} (is {text})")
    return name, limit
