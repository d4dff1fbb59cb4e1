"""How far GPU energy is off, and its bounds with it: the table of docs/metering.md.

    python tests/benchmarks/sensors_table.py [CURVES]

Random power curves, read through simulated sensors that lie, by the code that reads real ones.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from simulated_gpu import Curve, Faults, simulated, simulated_gpu

from greendapt.core.figures import Figure, Quality
from greendapt.meter.sources.gpu_energy import gpu_meters, read_edges

SHORTEST_S, LONGEST_S = 0.2, 30.0
BANDS = ((1.0, "0.2 to 1 s"), (5.0, "1 to 5 s"), (LONGEST_S, "5 to 30 s"))
BEFORE_S, AFTER_S = 12.0, 8.0
"""Of a curve, before the clock's zero and after the window."""
Draw = np.random.Generator


def _levels(draw: Draw, count: int) -> np.ndarray:
    return draw.uniform(60, 650, count)


def _held(draw: Draw, until_s: float, lengths: Callable[[int], np.ndarray]) -> Curve:
    """Levels that are held for random times."""
    at_s = -BEFORE_S + np.concatenate([[0.0], np.cumsum(lengths(20_000))])
    at_s = at_s[: np.searchsorted(at_s, until_s) + 2]
    return Curve(at_s, _levels(draw, len(at_s)))


def steady(draw: Draw, until_s: float, _refresh_s: float) -> Curve:
    """At rest, then at work from some time on: mostly before the window."""
    begun_s = draw.uniform(-BEFORE_S, 2)
    rest_w, work_w = draw.uniform(25, 110), draw.uniform(150, 650)
    at_s = np.arange(-BEFORE_S, until_s + 0.01, 0.01)
    watts = np.where(at_s < begun_s, rest_w, work_w) * (1 + 0.01 * draw.standard_normal(len(at_s)))
    return Curve(at_s, watts)


def steps(draw: Draw, until_s: float, _refresh_s: float) -> Curve:
    return _held(draw, until_s, lambda n: draw.uniform(0.5, 6, n))


def ramps(draw: Draw, until_s: float, _refresh_s: float) -> Curve:
    knots = np.arange(-BEFORE_S, until_s + 8, draw.uniform(1, 6))
    at_s = np.arange(-BEFORE_S, until_s + 0.01, 0.01)
    return Curve(at_s, np.interp(at_s, knots, _levels(draw, len(knots))))


def bursts(draw: Draw, until_s: float, _refresh_s: float) -> Curve:
    """Levels of 5 to 200 ms on average, by chance."""
    mean_s = draw.uniform(0.005, 0.2)
    return _held(draw, until_s, lambda n: draw.exponential(mean_s, n) + 0.001)


def _square(draw: Draw, until_s: float, period_s: float, wobble: float) -> Curve:
    """Two levels in turn; ``wobble``: relative sd of a period."""
    count = int((until_s + BEFORE_S) / period_s * 1.2) + 10
    periods = period_s * np.clip(1 + wobble * draw.standard_normal(count), 0.5, 1.5)
    begun_s = -BEFORE_S + np.concatenate([[0.0], np.cumsum(periods)[:-1]])
    duty = draw.uniform(0.15, 0.85)
    at_s = np.stack([begun_s, begun_s + duty * periods], axis=1).ravel()
    low_w, high_w = draw.uniform(60, 300), draw.uniform(300, 650)
    return Curve(at_s, np.tile([high_w, low_w], count))


def periodic(draw: Draw, until_s: float, _refresh_s: float) -> Curve:
    """Steps of a training that take 20 ms to 3 s, each 0.3 to 3% longer or shorter."""
    period_s = float(np.exp(draw.uniform(np.log(0.02), np.log(3))))
    return _square(draw, until_s, period_s, draw.uniform(0.003, 0.03))


_IN_STEP = (1 / 3, 1 / 2, 1, 2)


def aliased(draw: Draw, until_s: float, refresh_s: float) -> Curve:
    """As before, within 10% of the sensor's own period, a third, half or twice of it."""
    period_s = refresh_s * draw.choice(_IN_STEP) * draw.uniform(0.9, 1.1)
    return _square(draw, until_s, period_s, draw.uniform(0.003, 0.03))


def in_step(draw: Draw, until_s: float, refresh_s: float) -> Curve:
    """The sensor's own period, a third, half or twice of it; each turn at most 0.3% off."""
    return _square(draw, until_s, refresh_s * draw.choice(_IN_STEP), draw.uniform(0, 0.003))


CURVES = {
    "steady": steady,
    "steps of 0.5 to 6 s": steps,
    "ramps of 1 to 6 s": ramps,
    "bursts of 5 to 200 ms": bursts,
    "periods of 0.02 to 3 s": periodic,
    "periods near the sensor's": aliased,
    "the sensor's own period": in_step,
}


def _refresh_s(draw: Draw) -> float:
    return float(np.exp(draw.uniform(np.log(0.02), np.log(1.0))))


def full_counter(draw: Draw) -> tuple[str, Faults]:
    return "NVIDIA L40S", Faults(0.1, trailing_s=1.0, counter_s=_refresh_s(draw))


def unknown_counter(draw: Draw) -> tuple[str, Faults]:
    return "Card", Faults(_refresh_s(draw), counter_s=_refresh_s(draw))


def part_time(draw: Draw) -> tuple[str, Faults]:
    name = str(draw.choice(["NVIDIA A100-SXM4-80GB", "NVIDIA H100 80GB HBM3"]))
    return name, Faults(0.1, 0.25, counter_s=0.1, adds_readings=True)


def unknown_part_time(draw: Draw) -> tuple[str, Faults]:
    return "Card", part_time(draw)[1]


def part_time_power(_draw: Draw) -> tuple[str, Faults]:
    return "NVIDIA A100-PCIE-40GB", Faults(0.1, 0.25)


def half_time_power(_draw: Draw) -> tuple[str, Faults]:
    return "NVIDIA Tesla P100", Faults(0.02, 0.5)


def trailing_power(_draw: Draw) -> tuple[str, Faults]:
    return "NVIDIA GeForce RTX 4090", Faults(0.1, trailing_s=1.0)


def slow_power(draw: Draw) -> tuple[str, Faults]:
    return "Card", Faults(draw.uniform(0.25, 1.0))


def module_counter(draw: Draw) -> tuple[str, Faults]:
    faults = Faults(0.1, 0.2, counter_s=0.1, adds_readings=True, module_w=draw.uniform(80, 300))
    return "NVIDIA GH200 480GB", faults


def lying_counter(draw: Draw) -> tuple[str, Faults]:
    gain = float(draw.choice([draw.uniform(0.5, 0.88), draw.uniform(1.15, 2)]))
    return "Card", Faults(0.1, counter_s=_refresh_s(draw), counter_gain=gain)


def reset_counter(draw: Draw) -> tuple[str, Faults]:
    return "NVIDIA T4", Faults(0.1, counter_s=0.1, reset_s=draw.uniform(-1, 6))


SENSORS = {
    "counter, all of the time; 1 s trailing power": full_counter,
    "counter, all of the time; card not known": unknown_counter,
    "counter, 25 of 100 ms (A100, H100)": part_time,
    "counter, 25 of 100 ms; card not known": unknown_part_time,
    "counter of a module (GH200)": module_counter,
    "counter 0.5 to 2 times the energy": lying_counter,
    "counter reset or wrapped": reset_counter,
    "power, 25 of 100 ms": part_time_power,
    "power, 10 of 20 ms": half_time_power,
    "power, 1 s trailing": trailing_power,
    "power, every 0.25 to 1 s; card not known": slow_power,
}


class Case(NamedTuple):
    """One window."""

    sensor: str
    curve: str
    length_s: float
    figure: Figure
    truth_j: float

    @property
    def ends(self) -> tuple[float, float]:
        """Of the bounds, relative to the truth."""
        assert self.figure.low is not None
        assert self.figure.high is not None
        return self.figure.low / self.truth_j, self.figure.high / self.truth_j

    @property
    def error(self) -> float:
        assert self.figure.value is not None
        return abs(self.figure.value / self.truth_j - 1)

    @property
    def off(self) -> float:
        """The error; where two answers contradict each other, that of the middle of the bounds."""
        contradicted = self.figure.quality is Quality.ESTIMATED
        return abs(sum(self.ends) / 2 - 1) if contradicted else self.error

    @property
    def half_width(self) -> float:
        return (self.ends[1] - self.ends[0]) / 2

    @property
    def held(self) -> bool:
        return self.ends[0] <= 1 <= self.ends[1]

    @property
    def band(self) -> str:
        return next(name for most_s, name in BANDS if self.length_s <= most_s)


def case(seed: int, sensor: str, curve: str) -> Case:
    draw = np.random.default_rng(seed)
    name, faults = SENSORS[sensor](draw)
    length_s = float(np.exp(draw.uniform(np.log(SHORTEST_S), np.log(LONGEST_S))))
    faults = replace(
        faults,
        gain=draw.uniform(0.95, 1.05),
        offset_w=draw.uniform(-5, 5),
        drift=draw.uniform(-0.02, 0.02),
        jitter=draw.uniform(0.0, 0.1),
        counter_gain=faults.counter_gain * draw.uniform(0.99, 1.01),
    )
    power = CURVES[curve](draw, length_s + AFTER_S, faults.refresh_s)
    align = bool(draw.random() < 0.3)
    late_s = float(draw.choice([0.001, 0.03]))  # a machine with time to spare, and a busy one
    with simulated(draw, late_s) as clock:
        (meter,) = gpu_meters([simulated_gpu(draw, clock, name, power, faults)])
        clock.sleep(draw.uniform(0, 3))
        (start,) = read_edges([meter], align=align)
        begun_s = clock.at_s
        clock.sleep(length_s)
        ended_s = clock.at_s
        (end,) = read_edges([meter], align=align)
        figure = meter.figure(start, end, (begun_s, ended_s))
    truth_j = float(power.joules(ended_s) - power.joules(begun_s))
    return Case(sensor, curve, length_s, figure, truth_j)


def cases(count: int = 1001, seed: int = 0) -> Iterator[Case]:
    """In turn through all pairs of sensor and curve."""
    pairs = [(sensor, curve) for curve in CURVES for sensor in SENSORS]
    for number in range(count):
        yield case(seed + number, *pairs[number % len(pairs)])


class Row(NamedTuple):
    """A class of windows."""

    name: str
    cases: list[Case]

    @property
    def held(self) -> float:
        return float(np.mean([one.held for one in self.cases]))

    @property
    def width(self) -> float:
        """How many times as wide as needed: the median half-width over the one that would hold 95%
        of the class, in the worst band of lengths."""
        return max(
            float(
                np.median([one.half_width for one in row.cases]) / quantile(row.cases, 0.95, "off")
            )
            for row in grouped(self.cases, "band")
        )

    def share(self, quality: Quality) -> float:
        return float(np.mean([one.figure.quality is quality for one in self.cases]))


def quantile(found: Sequence[Case], at: float, of: str = "error") -> float:
    return float(np.quantile([getattr(one, of) for one in found], at))


def grouped(found: Sequence[Case], by: str) -> list[Row]:
    """By an attribute, in the order in which its values first come."""
    groups: dict[str, list[Case]] = defaultdict(list)
    for one in found:
        groups[getattr(one, by)].append(one)
    return [Row(name, ones) for name, ones in groups.items()]


def table(found: Sequence[Case]) -> str:
    """Markdown: by sensor, and by how power goes."""
    return f"{_by_sensor(found)}\n{_by_power(found)}"


def _by_sensor(found: Sequence[Case]) -> str:
    heads = ["measured", "integrated", "estimated", "error", "95% of errors", "held", "width"]
    lines = [["GPU", *heads], ["---", *["---:"] * len(heads)]]
    for row in grouped(found, "sensor"):
        shares = (Quality.MEASURED, Quality.INTEGRATED, Quality.ESTIMATED)
        errors = [quantile(row.cases, at) for at in (0.5, 0.95)]
        told = [f"{one:.0%}" for one in (*map(row.share, shares), *errors, row.held)]
        lines.append([row.name, *told, f"{row.width:.1f}"])
    return _markdown(lines)


def _by_power(found: Sequence[Case]) -> str:
    """How often the bounds held the truth, and 95% of the errors, by curve and length."""
    bands = [name for _, name in BANDS]
    lines = [["power", *bands, "all"], ["---", *["---:"] * (len(bands) + 1)]]
    for row in [*grouped(found, "curve"), Row("all", list(found))]:
        parts = {one.name: one for one in grouped(row.cases, "band")}
        shown = [*(parts[name] for name in bands), row]
        lines.append(
            [row.name, *(f"{one.held:.0%} ({quantile(one.cases, 0.95):.0%})" for one in shown)]
        )
    return _markdown(lines)


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def measured(found: Sequence[Case]) -> Row:
    """Those called measured."""
    return Row("measured", [one for one in found if one.figure.quality is Quality.MEASURED])


if __name__ == "__main__":
    sys.stdout.write(table(list(cases(*map(int, sys.argv[1:])))))
