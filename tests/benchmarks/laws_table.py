"""How often a law of scale is told and right, on simulated curves: the table of docs/scale.md.

    python tests/benchmarks/laws_table.py

Three seeds a size, sizes doubling from 250. The error is ``offset + 0.25 (size / 1000) ^ -0.35``;
its logarithm moves by the seed (sd 5%), and by the size's images, which all seeds share.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from greendapt.stats.power import PowerLaw, power_law

EXPONENT, FACTOR, SEEDS, SEED_SD = -0.35, 0.25, 3, 0.05
OFFSETS = (0.0, 0.02, 0.05, 0.10)

Points = list[tuple[float, float]]
Fit = Callable[[Points], PowerLaw | None]


class Curve(NamedTuple):
    """``size_sd``: of the images' effect on the log error. ``nested``: a size holds the smaller."""

    sizes: int
    size_sd: float
    nested: bool = False
    exponent: float = EXPONENT


class Share(NamedTuple):
    """Of all runs: the interval holds the truth; a law is told; it is told and holds the truth."""

    holds: float
    told: float
    right: float

    def text(self) -> str:
        of_told = f"{self.right / self.told:.2f}" if self.told else "-"
        return f"{self.holds:.2f} / {self.told:.2f} / {of_told}"


class Row(NamedTuple):
    """``shares``: by the true offset."""

    curve: Curve
    fit: str
    shares: dict[float, Share]


def straight_line(points: Points) -> PowerLaw:
    """What it would be without an offset, and with seeds for sizes: a line through logarithms."""
    x, y = np.log(np.array(points)).T
    freedom = len(x) - 2
    (slope, start), covariance = np.polyfit(x, y, 1, cov="unscaled")
    misfit = float(((y - start - slope * x) ** 2).sum())
    half = float(stdtrit(freedom, 0.975)) * float(np.sqrt(misfit / freedom * covariance[0, 0]))
    return PowerLaw(0.0, float(np.exp(start)), float(slope), slope - half, slope + half)


OFFSET, LINE = "with an offset, over sizes", "straight line, over seeds"
FITS: dict[str, Fit] = {LINE: straight_line, OFFSET: power_law}
CASES = (
    (LINE, Curve(5, 0.0)),
    (LINE, Curve(5, 0.06)),
    *((OFFSET, Curve(sizes, sd)) for sizes in (4, 5, 6) for sd in (0.0, 0.06)),
    (OFFSET, Curve(5, 0.06, nested=True)),
    (OFFSET, Curve(5, 0.12)),
    (OFFSET, Curve(5, 0.06, exponent=0.0)),
)


def errors(draw: np.random.Generator, curve: Curve, offset: float) -> Points:
    """One error a size and seed."""
    x = 250.0 * 2 ** np.arange(curve.sizes)
    shared = draw.normal(0, curve.size_sd, curve.sizes)
    if curve.nested:  # half of the images are those of the size before
        for size in range(1, curve.sizes):
            shared[size] = (shared[size] + shared[size - 1]) / np.sqrt(2)
    noise = shared[:, None] + draw.normal(0, SEED_SD, (curve.sizes, SEEDS))
    found = (offset + FACTOR * (x / 1000) ** curve.exponent)[:, None] * np.exp(noise)
    return [(size, error) for size, row in zip(x, found, strict=True) for error in row]


def share(fit: Fit, curve: Curve, offset: float, trials: int, seed: int) -> Share:
    draw = np.random.default_rng(seed)
    laws = [fit(errors(draw, curve, offset)) for _ in range(trials)]
    found = [(law.low <= curve.exponent <= law.high, law.told) for law in laws if law]
    holds, told = (sum(values) / trials for values in zip(*found, strict=True))
    return Share(holds, told, sum(both == (True, True) for both in found) / trials)


def rows(trials: int = 1000, seed: int = 0) -> Iterator[Row]:
    for fit, curve in CASES:
        shares = {offset: share(FITS[fit], curve, offset, trials, seed) for offset in OFFSETS}
        yield Row(curve, fit, shares)


def table(found: list[Row]) -> str:
    """Markdown: by offset, how often the interval holds, a law is told, and a told one holds."""
    heads = ["fit", "sizes", "sd of a size", *(f"offset {offset:g}" for offset in OFFSETS)]
    lines = [heads, ["---", *["---:"] * (len(heads) - 1)]]
    for curve, fit, shares in found:
        sd = f"{curve.size_sd:g}{', nested' if curve.nested else ''}"
        name = fit if curve.exponent else f"{fit}; error is constant"
        lines.append([name, str(curve.sizes), sd, *(shares[offset].text() for offset in OFFSETS)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table(list(rows())))
