"""Units and how people read them."""

import math

JOULES_PER_KWH = 3.6e6
MOST_G_PER_KWH, MOST_PUE = 1e6, 100.0
"""Far beyond any grid and any building: more is a slip of the pen."""

_PREFIXES = (
    *((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")),
    *((1e-3, "m"), (1e-6, "µ"), (1e-9, "n")),
)


def si(value: float, unit: str, digits: int = 3) -> str:
    """``value`` with an SI prefix: ``si(12345, "J") == "12.3 kJ"``; never with an exponent."""
    if value == 0:
        return f"0 {unit}".strip()
    size = float(f"{abs(value):.{digits - 1}e}")  # rounded first: 999.9 reads as 1 k, not 1000
    factor, prefix = next(((f, p) for f, p in _PREFIXES if size >= f), _PREFIXES[-1])
    scaled = math.copysign(size / factor, value)
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(scaled))))
    text = f"{scaled:.{decimals}f}"
    if decimals:
        text = text.rstrip("0").rstrip(".")
    return f"{text} {prefix}{unit}".strip()


def watt_hours(joules: float, digits: int = 3) -> str:
    """Energy as bills have it: ``0.92 Wh``, ``1.2 kWh``."""
    hours = joules / 3600
    return f"{hours:.{digits}g} Wh" if 0.01 <= hours < 1 else si(hours, "Wh", digits)


def energy(joules: float, digits: int = 3) -> str:
    """Joules, and watt-hours beside them: ``3.31 kJ (0.919 Wh)``."""
    return f"{si(joules, 'J', digits)} ({watt_hours(joules, digits)})"


def duration(seconds: float) -> str:
    """``seconds`` as people say it: ``0.4 s``, ``42 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if round(seconds, 1) < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def grams(value: float, digits: int = 3) -> str:
    """A mass of CO2e: grams with their prefix up to the kilogram, then tonnes."""
    return si(value / 1e6, "t", digits) if abs(value) >= 999.5e3 else si(value, "g", digits)


def quantity(value: float, unit: str, digits: int = 3) -> str:
    """A value in ``unit`` as people read it: ``2.09 g/image``, ``3 min 05 s``, ``1.2 kJ``."""
    if unit == "g" or unit.startswith("g/"):
        return grams(value, digits) + unit[1:]
    if unit == "s":
        return duration(value)
    if unit == "kWh":
        return si(1e3 * value, "Wh", digits)
    return si(value, {"byte": "B"}.get(unit, unit), digits)


def percent(share: float) -> str:
    """``72%`` of 0.72, with a true minus sign."""
    return f"{100 * share:.0f}%".replace("-", "\N{MINUS SIGN}")
