"""What a call costs: counted once, timed by pytest-benchmark, metered in windows of several."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import TYPE_CHECKING, Any

import torch

from greendapt.core.figures import Figure, Quality, add
from greendapt.gate.facts import Repeats
from greendapt.meter import Meter
from greendapt.meter.flops import count_call
from greendapt.store.baselines import Spread

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

WINDOWS = 5
"""Repeats of energy and memory."""

GROUPS = 10
"""Repeats of the time, at most: the fastest of each group of consecutive rounds.

Rounds of microseconds come in thousands and are no independent repeats: a neighbour slows many at
once. What disturbs only ever adds time, so that the fastest is the least disturbed.
"""

WINDOW_S = 0.2
"""A window takes as many calls as this asks for: load and power are read a few times a second."""


@dataclass(frozen=True)
class Costs:
    """Of a call. ``noisy``: by figure, for a baseline; empty where only FLOPs were counted."""

    figures: Mapping[str, Figure]
    noisy: Mapping[str, Spread]

    def extra_info(self) -> dict[str, Any]:
        """As pytest-benchmark keeps them: value, unit, quality, source, low and high."""
        return {name: figure.model_dump(mode="json") for name, figure in self.figures.items()}


def counted(call: Callable[[], Any]) -> Figure:
    """FLOPs of one call, which really runs: the first, so that no clock sees it warm up."""
    flops, uncounted = count_call(call)
    if not flops:
        return Figure.unavailable("FLOP", "the call ran no torch operation that has a count")
    bound = f"; a lower bound, without {'; '.join(uncounted)}" if uncounted else ""
    return Figure.measured(flops, "FLOP", f"counted operations of a call{bound}")


def timed(benchmark: BenchmarkFixture, call: Callable[[], Any], device: str) -> Any:
    """The call's result, its rounds in ``benchmark.stats``; queued work of a GPU is waited for."""
    if device == "cpu":
        return benchmark(call)

    def waited() -> Any:
        result = call()
        torch.cuda.synchronize()
        return result

    return benchmark(waited)


def metered(call: Callable[[], Any], rounds_s: Sequence[float], meter: Meter) -> Costs:
    """Energy and peak memory of windows; ``rounds_s``: times of a call, one a round."""
    calls = max(1, math.ceil(WINDOW_S / fmean(rounds_s)))
    windows = [_window(call, calls, meter) for _ in range(WINDOWS)]
    energies = [figures["energy_j"].scaled(1 / calls, "J") for figures in windows]
    memories = [figures["peak_memory_bytes"] for figures in windows]
    source = f"mean of {WINDOWS} windows of {calls} calls"
    figures = {
        "energy_j": add(energies).scaled(1 / WINDOWS, "J", source),
        "peak_memory_bytes": max(memories, key=lambda figure: figure.value or 0),
    }
    repeats = {
        "wall_s": Repeats(_grouped(rounds_s), Quality.MEASURED),
        "energy_j": _repeats(energies),
        "peak_memory_bytes": _repeats(memories),
    }
    return Costs(figures, {name: one.spread() for name, one in repeats.items() if one})


def _grouped(rounds_s: Sequence[float]) -> tuple[float, ...]:
    """The fastest of each of up to `GROUPS` groups, as equal in length as can be."""
    groups = min(GROUPS, len(rounds_s))
    edges = [len(rounds_s) * n // groups for n in range(groups + 1)]
    return tuple(min(rounds_s[a:b]) for a, b in pairwise(edges))


def _window(call: Callable[[], Any], calls: int, meter: Meter) -> Mapping[str, Figure]:
    with meter.window() as window:
        for _ in range(calls):
            call()
    return window.figures


def _repeats(figures: Sequence[Figure]) -> Repeats | None:
    """None where one is not known, is nothing, or is a model's: of CPU-seconds it tells no more
    than the time does."""
    values = [figure.value for figure in figures if figure.value]
    worst = max((figure.quality for figure in figures), key=list(Quality).index)
    if len(values) < len(figures) or worst is Quality.ESTIMATED:
        return None
    return Repeats(tuple(values), worst)
