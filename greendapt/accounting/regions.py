"""Where electricity may come from: countries, regions below them, clouds; gCO2e/kWh of a year.

All from the tables that CodeCarbon ships, read as files; nothing is looked up by location or over
the network. Where each number is from is in its ``source``.
"""

from __future__ import annotations

import csv
import difflib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from statistics import quantiles
from typing import Any

from greendapt.accounting.cloud_regions import CLOUDS
from greendapt.core.errors import MeterError, SuiteError

HOURS = 0.3
"""Hours of a year lie about so much around its mean, as share of it: a rule of thumb."""
_G_A_LB_MWH = 453.59237 / 1000
_EU = (
    *("AUT", "BEL", "BGR", "HRV", "CYP", "CZE", "DNK", "EST", "FIN", "FRA", "DEU", "GRC", "HUN"),
    *("IRL", "ITA", "LVA", "LTU", "LUX", "MLT", "NLD", "POL", "PRT", "ROU", "SVK", "SVN", "ESP"),
    "SWE",
)
_PROVINCES = {
    **{"alberta": "AB", "british columbia": "BC", "manitoba": "MB", "new brunswick": "NB"},
    **{"newfoundland and labrador": "NL", "northwest territories": "NT", "nova scotia": "NS"},
    **{"nunavut": "NU", "ontario": "ON", "prince edward island": "PE", "quebec": "QC"},
    **{"saskatchewan": "SK", "yukon": "YT"},
}
_MIX = {"naturalGas": "natural_gas", "hydro": "hydroelectricity", "tidal": "hydroelectricity"}
_NORDIC = {"SE": "SWE", "NO": "NOR", "FI": "FIN"}
_KOSOVO_COAL = 0.952  # of its generation in 2021 (transmission operator KOSTT); the rest renewable
_ALSO = {
    **{"UK": "GBR", "ENGLAND": "GBR", "SCOTLAND": "GBR", "WALES": "GBR", "BRITAIN": "GBR"},
    **{"US": "USA", "AMERICA": "USA", "EUROPE": "EU", "EU27": "EU", "GLOBAL": "WORLD"},
    **{"KOREA": "KOR", "HOLLAND": "NLD", "CZECHIA": "CZE", "TURKEY": "TUR", "UAE": "ARE"},
    **{"XK": "XKX", "KOS": "XKX", "QUÉBEC": "CAN-QC", "UNITED STATES OF AMERICA": "USA"},
}


@dataclass(frozen=True)
class Region:
    """``g_per_kwh`` None: the table has none, or 0, which no grid has. ``low``, ``high``: what its
    hours may lie between. ``source`` has its name and year."""

    code: str
    name: str
    g_per_kwh: float | None
    source: str
    low: float | None = None
    high: float | None = None


def region(code: str) -> Region:
    """By its code. Raises SuiteError for an unknown one, with near matches."""
    known = regions()
    if code in known:
        return known[code]
    hints = ", ".join(f"{near} ({known[near].name})" for near in _near(code, known))
    raise SuiteError(
        f"region '{code}' is not a country code this table knows (ISO 3166-1 alpha-3, e.g. FRA), "
        "a region below one (USA-CA), a cloud's (gcp:us-west1, aws:eu-west-1), EU or WORLD; "
        + (f"did you mean {hints}?" if hints else "or state the grid's gCO2e/kWh instead")
    )


@cache
def regions() -> Mapping[str, Region]:
    """Every one by its code: countries first, in order."""
    every = {one.code: one for one in (*_countries(), *_below(), *_unions())}
    every |= {one.code: one for one in _google()}
    for code, place in CLOUDS.items():
        provider = code.partition(":")[0].upper()
        there = every[place]
        source = f"{provider} tells no intensity: the grid there, {there.source}"
        every[code] = replace(there, code=code, source=source)
    return every


def world_spread() -> tuple[float, float]:
    """Nine of ten countries are above the first; nine of ten below the second."""
    known = [one.g_per_kwh for one in _countries() if one.g_per_kwh is not None]
    ends = quantiles(known, n=10)
    return ends[0], ends[-1]


def _near(code: str, known: Mapping[str, Region]) -> list[str]:
    asked = code.upper().strip()
    if asked in _ALSO:
        return [_ALSO[asked]]
    by_name = {one.name.lower(): one.code for one in reversed([*known.values()])}
    if asked in known or asked.lower() in by_name:
        return [asked if asked in known else by_name[asked.lower()]]
    pool = [one for one in known if (":" in one) == (":" in code)]
    target = code.lower() if ":" in code else asked
    near = difflib.get_close_matches(target, pool, n=3, cutoff=0.6)
    near += [by_name[n] for n in difflib.get_close_matches(code.lower(), by_name, n=2)]
    return [*dict.fromkeys(near)]


def _countries() -> Iterator[Region]:
    owid = "Our World in Data"
    for code, entry in sorted(table("global_energy_mix.json").items()):
        yield _of(code, entry["country_name"], entry["carbon_intensity"], entry["year"], owid)


def _below() -> Iterator[Region]:
    america = dict(table("2023/usa_emissions.json"))
    source = america.pop("_source")
    del america["_unit"]
    for name, entry in america.items():
        if entry.get("regionCode") and name != "usa":
            grams = entry["emissions"] * _G_A_LB_MWH
            code = f"USA-{entry['regionCode']}"
            yield _of(code, name.title(), grams, source["year"], "EPA eGRID")
    factors = table("carbon_intensity_per_source.json")
    for name, mix in table("2023/canada_energy_mix.json").items():
        parts = {_MIX.get(kind, kind): share for kind, share in mix.items() if kind != "total"}
        grams = sum(float(factors.get(kind, 0.0)) * share for kind, share in parts.items())
        code = f"CAN-{_PROVINCES[name]}"
        yield _of(code, name.title(), grams / mix["total"], 2023, "its mix of sources")
    for code, entry in table("2023/china_provincial_emissions.json")["data"].items():
        code, grams = code.replace("CN-", "CHN-"), entry["emission_factor"]
        yield _of(code, entry["description"], grams, entry["year"], "MEE of China, CO2 alone")
    for zone, entry in table("nordic_emissions.json")["data"].items():
        code, grams = f"{_NORDIC[zone[:2]]}-{zone}", entry["emission_factor"]
        yield _of(code, entry["description"], grams, entry["year"], "its mix of sources")


def _unions() -> Iterator[Region]:
    mix, factors = table("global_energy_mix.json"), table("carbon_intensity_per_source.json")
    members = [mix[code] for code in _EU]
    made = sum(entry["total_TWh"] for entry in members)
    grams = sum(entry["total_TWh"] * entry["carbon_intensity"] for entry in members) / made
    year = max(entry["year"] for entry in members)
    yield _of("EU", "European Union", grams, year, "Our World in Data, 27 members by generation")
    coal, wind = factors["coal"], factors["wind"]
    grams = _KOSOVO_COAL * coal + (1 - _KOSOVO_COAL) * wind
    yield _of("XKX", "Kosovo", grams, 2021, "95% coal by its grid operator, factors")
    low, high = world_spread()
    world = _of("WORLD", "world average", factors["world_average"], 2018, "IEA 2019")
    yield replace(world, low=low, high=high)


def _google() -> Iterator[Region]:
    path = _folder() / "cloud" / "impact.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            code, name = f"{row['provider']}:{row['region']}", row["city"] or row["state"]
            yield _of(code, f"{name}, {row['country_name']}", row["impact"], None, "Google Cloud")


def _of(code: str, name: str, grams: Any, year: int | None, source: str) -> Region:
    """With the year and where it is from; what a table has as 0 is not known."""
    value = float(grams or 0.0)
    when = f"{year}" if year else "year not told"
    shipped = f"({source}, in codecarbon {_version()})"
    if not value > 0:
        why = f"{name} {when}: the table has no intensity {shipped}"
        return Region(code, name, None, why)
    text = f"{value:.4g} gCO2e/kWh, {name} {when} {shipped}"
    return Region(code, name, value, text, (1 - HOURS) * value, (1 + HOURS) * value)


@cache
def _version() -> str:
    return metadata.version("codecarbon")


@cache
def table(name: str) -> Mapping[str, Any]:
    """One of CodeCarbon's tables. Raises MeterError where it is not there."""
    path = _folder() / "private_infra" / name
    try:
        entries: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise MeterError(
            f"codecarbon {_version()} has no readable {name} ({error}); "
            "state the grid's intensity instead"
        ) from error
    return entries


def _folder() -> Path:
    # found, not imported: importing codecarbon would set up its logger
    spec = find_spec("codecarbon")
    if spec is None or spec.origin is None:
        raise MeterError(
            "codecarbon is not installed: its country table is needed for carbon figures"
        )
    return Path(spec.origin).parent / "data"
