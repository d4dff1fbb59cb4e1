"""What the command line says of every phase of adaptation at once: epochs, rate, batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from greendapt.suite.models import Strategy, Suite
from greendapt.suite.recipes import Use

OPTIONS = {"epochs": "--epochs", "learning_rate": "--lr", "batch_size": "--batch-size"}


def in_every_phase(table: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    """A change that lays ``keys`` over each phase template of a suite's table."""
    phases = table.get("phase")
    if not keys or not isinstance(phases, dict):
        return {}
    return {"phase": {name: dict(keys) for name, one in phases.items() if isinstance(one, dict)}}


def kept_by_strategies(suite: Suite, keys: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each of ``keys`` that a phase of a strategy which runs says otherwise."""
    for key in keys:
        own = dict.fromkeys(
            f"{name} ({use.use}: {getattr(use, key):g})"
            for name, strategy in _chosen(suite).items()
            for use in strategy.phases
            if isinstance(use, Use) and getattr(use, key) not in (None, keys[key])
        )
        if own:
            yield f"{OPTIONS[key]} leaves alone what strategies say themselves: {', '.join(own)}"


def _chosen(suite: Suite) -> dict[str, Strategy]:
    """The strategies that run, and those which they start from."""
    chosen: dict[str, Strategy] = {}
    for name in suite.run.strategies:
        base: str | None = name
        while base is not None:
            chosen[base] = suite.strategy[base]
            base = suite.strategy[base].base
    return chosen
