"""From joules to grams: grid intensity, PUE, embodied carbon and the SCI score, applied once, here.

Which intensity a place has, `regions` says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from greendapt.accounting.regions import Region, regions
from greendapt.accounting.regions import region as region_of
from greendapt.core.errors import MeterError, SuiteError
from greendapt.core.figures import Figure, Quality
from greendapt.core.units import JOULES_PER_KWH, MOST_G_PER_KWH, MOST_PUE

YEAR_S = 365.25 * 86400


@dataclass(frozen=True)
class Grid:
    """Where the electricity comes from. ``flagged``: nobody said, so it is the world's average.

    ``intensity_g_per_kwh`` None: not known, and ``source`` says why. ``low_g_per_kwh``,
    ``high_g_per_kwh``: what the hours of the work may lie between; None: it is what was stated.
    """

    intensity_g_per_kwh: float | None
    pue: float
    source: str
    flagged: bool = False
    embodied_kg: float | None = None
    lifetime_years: float = 4.0
    low_g_per_kwh: float | None = None
    high_g_per_kwh: float | None = None

    def with_machine(self, embodied_kg: float | None, lifetime_years: float) -> Grid:
        """The same grid, and what making the machine on it took; None charges nothing."""
        return replace(self, embodied_kg=embodied_kg, lifetime_years=lifetime_years)

    def embodied(self, wall_s: Figure) -> Figure:
        """Grams of the machine's making charged to ``wall_s``; unavailable where none was said."""
        if self.embodied_kg is None:
            return Figure.unavailable("g", "embodied carbon was not asked for (carbon.embodied_kg)")
        return embodied(self.embodied_kg, self.lifetime_years, wall_s)

    def carbon(self, energy: Figure) -> Figure:
        """Grams of CO2e of ``energy`` (J) x PUE x intensity: an estimate. Bounds hold those of the
        energy, and those of the intensity."""
        if energy.value is None:
            return Figure.unavailable("g", energy.source)
        if self.intensity_g_per_kwh is None:
            return Figure.unavailable("g", self.source)
        joules, middle = energy.value, self.intensity_g_per_kwh
        low_j, high_j = energy.low, energy.high
        least, most = self.low_g_per_kwh, self.high_g_per_kwh
        g_per_unit = self.pue / JOULES_PER_KWH
        low = _product(low_j, least, joules, middle)
        high = _product(high_j, most, joules, middle)
        return Figure(
            value=joules * middle * g_per_unit,
            unit="g",
            quality=Quality.ESTIMATED,
            source=f"energy {energy.quality.value} x {self.source}",
            low=None if low is None else low * g_per_unit,
            high=None if high is None else high * g_per_unit,
        )


def _product(
    energy: float | None, intensity: float | None, joules: float, g_per_kwh: float
) -> float | None:
    """Of one end of both, with the middle for what has no end; None where neither has."""
    if energy is None and intensity is None:
        return None
    return (joules if energy is None else energy) * (g_per_kwh if intensity is None else intensity)


def grid(
    region: str | None = None, intensity_g_per_kwh: float | None = None, pue: float = 1.0
) -> Grid:
    """The grid of a region (see `regions.region`), or a stated intensity in gCO2e/kWh.

    Neither: the world's average, flagged. Both: the stated intensity, the region for the label.
    Raises SuiteError for an unknown code (with near matches), an intensity < 0, or a PUE < 1.
    """
    check_pue(pue)
    if intensity_g_per_kwh is not None and not 0.0 <= intensity_g_per_kwh <= MOST_G_PER_KWH:
        raise SuiteError(
            f"grid intensity is {intensity_g_per_kwh:g} gCO2e/kWh, but must be >= 0 and at most "
            f"{MOST_G_PER_KWH:g}"
        )
    suffix = f", PUE {pue:g}"
    entry = None if region is None else region_of(region)
    if intensity_g_per_kwh is not None:
        where = f" for {entry.name}" if entry else ""
        return Grid(
            intensity_g_per_kwh, pue, f"{intensity_g_per_kwh:g} gCO2e/kWh as stated{where}{suffix}"
        )
    if entry is not None:
        return _grid_of(entry, pue, suffix)
    return replace(_grid_of(region_of("WORLD"), pue, f", no region was set{suffix}"), flagged=True)


def check_pue(pue: float) -> None:
    """Raises SuiteError."""
    if not 1.0 <= pue <= MOST_PUE:
        raise SuiteError(
            f"PUE is {pue:g}, but a building cannot use less than its computers (>= 1), nor more "
            f"than {MOST_PUE:g} times as much"
        )


def _grid_of(entry: Region, pue: float, suffix: str) -> Grid:
    return Grid(
        entry.g_per_kwh,
        pue,
        entry.source + suffix,
        low_g_per_kwh=entry.low,
        high_g_per_kwh=entry.high,
    )


def embodied(total_kg: float, lifetime_years: float, wall_s: Figure, share: float = 1.0) -> Figure:
    """Grams of the hardware's making charged to ``wall_s`` of its life (SCI: M = TE x TS x RS).

    ``share`` is the part of the machine that was reserved (0 to 1).
    """
    if not (0 <= total_kg < math.inf and 0 < lifetime_years < math.inf and 0 <= share <= 1):
        raise MeterError(
            f"embodied carbon is {total_kg:g} kg over {lifetime_years:g} years, but needs kg >= 0, "
            "a lifetime > 0 years, both finite, and a share in [0, 1]"
        )
    source = f"embodied {total_kg:g} kgCO2e over {lifetime_years:g} years, share {share:g}"
    if wall_s.value is None:
        return Figure.unavailable("g", f"{source}: {wall_s.source}")
    grams = total_kg * 1000 * share * wall_s.value / (lifetime_years * YEAR_S)
    return Figure(value=grams, unit="g", quality=Quality.ESTIMATED, source=source)


def carbon_intensity_score(
    operational: Figure, made: Figure | None, units: float, unit: str
) -> Figure:
    """The Software Carbon Intensity (O + M) / R in grams a ``unit`` (ISO/IEC 21031:2024).

    ``operational`` and ``made`` are in g; ``made`` None or unavailable is left out, and said.
    ``units`` is R, the work done: images trained, AUC points gained over none, ... No work done, no
    score.
    """
    label = f"g/{unit}"
    if operational.value is None:
        return Figure.unavailable(label, operational.source)
    if not units > 0:
        return Figure.unavailable(label, f"no {unit} was gained")
    grams, without = operational.value, "; without embodied carbon"
    if made is not None and made.value is not None:
        grams, without = grams + made.value, f"; {made.source}"
    source = f"SCI = (O + M) / R, R = {units:g} {unit}; {operational.source}{without}"
    return Figure(value=grams / units, unit=label, quality=Quality.ESTIMATED, source=source)


def countries() -> dict[str, str]:
    """ISO3 code -> name of every country whose grid is known."""
    known = regions().values()
    countries = (one for one in known if len(one.code) == 3 and one.g_per_kwh is not None)
    return {one.code: one.name for one in countries}
