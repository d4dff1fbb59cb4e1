"""What a run may cost: so many grams of CO2e, joules or seconds."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from greendapt.core.errors import SuiteError
from greendapt.core.units import JOULES_PER_KWH, energy, quantity

Unit = Literal["g", "J", "s"]

_UNITS: dict[str, tuple[float, Unit]] = {
    "mg": (1e-3, "g"),
    "g": (1.0, "g"),
    "kg": (1e3, "g"),
    "J": (1.0, "J"),
    "kJ": (1e3, "J"),
    "MJ": (1e6, "J"),
    "Wh": (JOULES_PER_KWH / 1e3, "J"),
    "kWh": (JOULES_PER_KWH, "J"),
    "s": (1.0, "s"),
    "min": (60.0, "s"),
    "h": (3600.0, "s"),
}
_AMOUNT = re.compile(
    r"\s*(?P<number>(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?)"
    r"\s*(?P<unit>[A-Za-z]++)\s*"
)


@dataclass(frozen=True)
class Budget:
    """At most ``limit`` grams of CO2e, joules or seconds; SuiteError unless 0 < limit < inf."""

    limit: float
    unit: Unit

    def __post_init__(self) -> None:
        if self.unit not in ("g", "J", "s"):
            raise SuiteError(f"a budget is in g, J or s, not in {self.unit!r}")
        if not 0 < self.limit < math.inf:
            raise SuiteError(
                f"a budget is more than nothing and has an end: {self.limit:g} {self.unit} is none"
            )

    @property
    def figure(self) -> Literal["wall_s", "energy_j"]:
        """The figure of a record that it is taken from; grams follow from joules."""
        return "wall_s" if self.unit == "s" else "energy_j"

    @property
    def option(self) -> str:
        """As ``--budget`` takes it."""
        return f"{self.limit:g}{self.unit}"

    def words(self, amount: float) -> str:
        """An amount of its unit as people read it."""
        return energy(amount) if self.unit == "J" else quantity(amount, self.unit)

    def __str__(self) -> str:
        return self.words(self.limit)


def parse_budget(text: str, option: str = "--budget") -> Budget:
    """``50g``, ``20 Wh``, ``1.5h``; SuiteError for what is no amount with a unit that is known."""
    match = _AMOUNT.fullmatch(text)
    if match is None or match["unit"] not in _UNITS:
        raise SuiteError(
            f"{option} {text[:80]}: give a number and one of {', '.join(_UNITS)}, such as 50g, "
            "20Wh or 30min"
        )
    factor, unit = _UNITS[match["unit"]]
    try:
        return Budget(float(match["number"]) * factor, unit)
    except SuiteError as error:
        raise SuiteError(f"{option} {text[:80]}: {error}") from error
