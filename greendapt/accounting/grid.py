"""From joules to grams: grid intensity, PUE, embodied carbon and the SCI score, applied once, here.

Nothing is looked up by location or over the network: the country table is the one CodeCarbon ships
(Our World in Data, Ember), read as a file.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from greendapt.core.errors import MeterError, SuiteError
from greendapt.core.figures import Figure, Quality
from greendapt.core.units import JOULES_PER_KWH

YEAR_S = 365.25 * 86400


@dataclass(frozen=True)
class Grid:
    """Where the electricity comes from. ``flagged``: nobody said, so it is the world's average."""

    intensity_g_per_kwh: float
    pue: float
    source: str
    flagged: bool = False
    embodied_kg: float | None = None
    lifetime_years: float = 4.0

    def with_machine(self, embodied_kg: float | None, lifetime_years: float) -> Grid:
        """The same grid, and what making the machine on it took; None charges nothing."""
        return replace(self, embodied_kg=embodied_kg, lifetime_years=lifetime_years)

    def embodied(self, wall_s: Figure) -> Figure:
        """Grams of the machine's making charged to ``wall_s``; unavailable where none was said."""
        if self.embodied_kg is None:
            return Figure.unavailable("g", "embodied carbon was not asked for (carbon.embodied_kg)")
        return embodied(self.embodied_kg, self.lifetime_years, wall_s)

    def carbon(self, energy: Figure) -> Figure:
        """Grams of CO2e of ``energy`` (J) x PUE x intensity: a yearly average, so an estimate."""
        factor = self.intensity_g_per_kwh * self.pue / JOULES_PER_KWH
        if energy.value is None:
            return Figure.unavailable("g", energy.source)
        grams = energy.scaled(factor, "g")
        source = f"energy {energy.quality.value} x {self.source}"
        return grams.model_copy(update={"quality": Quality.ESTIMATED, "source": source})


def grid(
    region: str | None = None, intensity_g_per_kwh: float | None = None, pue: float = 1.0
) -> Grid:
    """The grid of a country (ISO 3166-1 alpha-3 code), or a stated intensity in gCO2e/kWh.

    Neither: the world's average, flagged. Both: the stated intensity, the country for the label.
    Raises SuiteError for an unknown code (with near matches), an intensity < 0, or a PUE < 1.
    """
    if not 1.0 <= pue < float("inf"):
        raise SuiteError(
            f"PUE is {pue:g}, but a building cannot use less than its computers (>= 1)"
        )
    if intensity_g_per_kwh is not None and not 0.0 <= intensity_g_per_kwh < float("inf"):
        raise SuiteError(f"grid intensity is {intensity_g_per_kwh:g} gCO2e/kWh, but must be >= 0")
    suffix = f", PUE {pue:g}"
    entry = None if region is None else _country(region)
    if intensity_g_per_kwh is not None:
        place = f" for {entry['country_name']}" if entry else ""
        return Grid(
            intensity_g_per_kwh, pue, f"{intensity_g_per_kwh:g} gCO2e/kWh as stated{place}{suffix}"
        )
    if entry is not None:
        value = float(entry["carbon_intensity"])
        source = (
            f"{value:g} gCO2e/kWh, {entry['country_name']} {entry['year']} "
            f"(Our World in Data, in codecarbon {version('codecarbon')}){suffix}"
        )
        return Grid(value, pue, source)
    world = _table("carbon_intensity_per_source.json")
    value = float(world["world_average"])
    source = f"{value:g} gCO2e/kWh, world average 2018 (IEA 2019), no region was set{suffix}"
    return Grid(value, pue, source, flagged=True)


def embodied(total_kg: float, lifetime_years: float, wall_s: Figure, share: float = 1.0) -> Figure:
    """Grams of the hardware's making charged to ``wall_s`` of its life (SCI: M = TE x TS x RS).

    ``share`` is the part of the machine that was reserved (0 to 1).
    """
    if not (total_kg >= 0 and lifetime_years > 0 and 0 <= share <= 1):
        raise MeterError(
            "embodied carbon needs kg >= 0, a lifetime > 0 years and a share in [0, 1]"
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
    """ISO3 code -> name of every country the table knows."""
    table = _table("global_energy_mix.json")
    return {code: entry["country_name"] for code, entry in sorted(table.items())}


def _country(code: str) -> Mapping[str, Any]:
    table = _table("global_energy_mix.json")
    if code in table:
        entry: Mapping[str, Any] = table[code]
        return entry
    near = difflib.get_close_matches(code.upper(), table, n=4, cutoff=0.6)
    by_name = {entry["country_name"].lower(): key for key, entry in table.items()}
    near += [by_name[n] for n in difflib.get_close_matches(code.lower(), by_name, n=3)]
    hints = ", ".join(f"{key} ({table[key]['country_name']})" for key in dict.fromkeys(near))
    raise SuiteError(
        f"region '{code}' is not a country code this table knows (ISO 3166-1 alpha-3, e.g. FRA); "
        + (f"did you mean {hints}?" if hints else "or state the grid's gCO2e/kWh instead")
    )


@cache
def _table(name: str) -> Mapping[str, Any]:
    # found, not imported: importing codecarbon would set up its logger
    spec = find_spec("codecarbon")
    if spec is None or spec.origin is None:
        raise MeterError(
            "codecarbon is not installed: its country table is needed for carbon figures"
        )
    path = Path(spec.origin).parent / "data" / "private_infra" / name
    try:
        table: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MeterError(
            f"codecarbon {version('codecarbon')} has no readable {name} ({error}); "
            "state the grid's intensity instead"
        ) from error
    return table
