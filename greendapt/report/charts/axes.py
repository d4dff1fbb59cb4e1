"""Axes of a chart: units, domains, ticks, and the way from values to pixels and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from greendapt.report.view.model import Entry, Path

UNITS = {
    "carbon_g": ((1e3, "kg CO2e"), (1.0, "g CO2e"), (1e-3, "mg CO2e")),
    "energy_j": ((3.6e6, "kWh"), (3.6e3, "Wh"), (1.0, "J")),
    "wall_s": ((3600.0, "h"), (60.0, "min"), (1.0, "s")),
    "training_flops": ((1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP")),
}


@dataclass(frozen=True)
class Axis:
    """From values to pixels; ``log`` where costs lie far apart."""

    low: float
    high: float
    log: bool
    pixels: float

    def to_pixel(self, value: float) -> float:
        low, high, at = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return (at - low) / (high - low) * self.pixels

    def to_value(self, pixel: float) -> float:
        share = pixel / self.pixels
        if self.log:
            return math.exp(math.log(self.low) + share * math.log(self.high / self.low))
        return self.low + share * (self.high - self.low)

    def clip(self, value: float) -> float:
        return min(max(value, self.low), self.high)

    def scale(self) -> dict[str, Any]:
        kind = {"type": "log"} if self.log else {"type": "linear", "zero": False}
        return {**kind, "domain": [self.low, self.high], "nice": False}


def unit(key: str, values: Sequence[float]) -> tuple[float, str]:
    middle = sorted(values)[len(values) // 2] if values else 1.0
    choices = UNITS[key]
    return next((choice for choice in choices if middle >= choice[0]), choices[-1])


def cost_axis(entries: Sequence[Entry], key: str, factor: float, pixels: float) -> Axis:
    return span([cost_bounds(entry, key)[0] / factor for entry in entries] or [1.0], pixels)


def span(values: Sequence[float], pixels: float) -> Axis:
    """An axis that holds ``values``, with air; logarithmic where they lie far apart."""
    low, high = min(values), max(values)
    if low > 0 and high / low > 4:
        return Axis(low / (high / low) ** 0.12, high * (high / low) ** 0.12, True, pixels)
    return Axis(0.0, 1.15 * high or 1.0, False, pixels)


def score_axis(entries: Sequence[Entry], path: Path, pixels: float) -> Axis:
    """Holds every mean; intervals wider than twice the spread of the means are cut off."""
    means = [entry.metrics[path].mean for entry in entries] or [0.5]
    reach = max(2 * (max(means) - min(means)), 0.04)
    ends = [
        end
        for entry in entries
        for end in (entry.metrics[path].low, entry.metrics[path].high)
        if end is not None and min(means) - reach <= end <= max(means) + reach
    ]
    low, high = min([*means, *ends]), max([*means, *ends])
    air = 0.12 * max(high - low, 0.02)
    return Axis(max(0.0, low - air), min(1.0, high + air) if high < 1 else 1 + air, False, pixels)


def ticks(x: Axis) -> list[float]:
    """1-2-5 steps on a log scale, few enough to read."""
    if not x.log:
        step = 10 ** math.floor(math.log10(x.high))
        step = next(s for s in (step / 5, step / 2, step, 2 * step) if x.high / s <= 7)
        return [step * i for i in range(int(x.high / step) + 1)]
    powers = range(math.floor(math.log10(x.low)), math.ceil(math.log10(x.high)) + 1)
    fine = (1, 2, 5) if len(powers) <= 4 else (1,)
    choices = [m * 10.0**p for p in powers for m in fine]
    return [tick for tick in choices if x.low <= tick <= x.high]


def cost_bounds(entry: Entry, key: str) -> tuple[float, float, float]:
    estimate = entry.costs[key].estimate
    if estimate is None:
        raise ValueError(f"{entry.name} has no {key} to draw")
    low = estimate.mean if estimate.low is None else max(estimate.low, estimate.mean / 4)
    return estimate.mean, low, estimate.mean if estimate.high is None else estimate.high
