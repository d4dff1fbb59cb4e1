"""Readings of a plug meter, taken while greendapt makes the load."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from greendapt.accounting.wall import fitted, is_modelled, parts_of
from greendapt.core.errors import MeterError
from greendapt.core.figures import Figure
from greendapt.core.meter_facts import DISTURBING, Conditions
from greendapt.core.units import percent
from greendapt.core.wall_fit import WallFit
from greendapt.meter.clock import now_s
from greendapt.meter.kept_wall import keep_fit
from greendapt.meter.loads import busy
from greendapt.meter.window import Meter

LEVELS = {"rest": 0.0, "half load": 0.5, "full load": 1.0}
_SETTLE = 0.3
"""Of a level's seconds before it counts: clocks, fans and the plug meter follow a load slowly."""
_LEAST = 0.2
"""Of them its window lasts at least, however fast somebody answers."""

Ask = Callable[[str], float]
"""What the plug meter tells at a level, by its name; called while its load runs."""


def is_reading(watts: float) -> bool:
    """Whether a plug meter may tell that."""
    return 0 < watts < 1e6


def parse(text: str) -> tuple[float, ...]:
    """``21,55,98`` (rest, half, full) or ``21,98`` (rest, full), in W. Raises MeterError."""
    try:
        readings = tuple(float(part) for part in text.split(","))
    except ValueError:
        readings = ()
    if len(readings) not in (2, 3) or not all(map(is_reading, readings)):
        raise MeterError(
            f"--wall {text}: give what the plug meter tells in W at rest, half and full load "
            "(21,55,98), or at rest and full load (21,98)"
        )
    return readings


def given(readings: Sequence[float], seconds: float) -> dict[str, Ask]:
    """Levels whose readings are known already: each load runs for ``seconds``."""
    names = list(LEVELS) if len(readings) > 2 else ["rest", "full load"]

    def known(watts: float) -> Ask:
        def answer(_: str) -> float:
            time.sleep(seconds)
            return watts

        return answer

    return {name: known(watts) for name, watts in zip(names, readings, strict=True)}


def take(
    levels: dict[str, Ask], device: str, seconds: float, say: Callable[[str], None]
) -> WallFit:
    """Make each level's load, have it read, draw the line through all, and keep it here.

    Raises MeterError where something disturbed it, or no line can be drawn.
    """
    meter = Meter(device=device, align=True)
    try:
        seen = [_level(meter, name, ask, seconds, say) for name, ask in levels.items()]
        gpus = [gpu.name for gpu in meter.gpus]
    finally:
        meter.close()
    figures = [figures for _, figures in seen]
    held = {(parts_of(one), is_modelled(one)) for one in figures}
    if len(held) > 1 or any(one["energy_j"].value is None for one in figures):
        missing = next((f["energy_j"].source for f in figures if f["energy_j"].value is None), "")
        why = missing or "not every reading has the same parts"
        raise MeterError(f"what is counted was not there in every level ({why}): take them again")
    ((parts, modelled),) = held
    readings = [(_watts(one), wall_w) for wall_w, one in seen]
    fit = fitted(readings, parts, modelled, datetime.now(UTC).date().isoformat())
    keep_fit(fit, gpus)
    return fit


def _level(
    meter: Meter, name: str, ask: Ask, seconds: float, say: Callable[[str], None]
) -> tuple[float, dict[str, Figure]]:
    say(f"{name} ...")
    with busy(LEVELS[name], meter.device):
        time.sleep(_SETTLE * seconds)
        with meter.window() as window:
            begun_s = now_s()
            wall_w = ask(name)
            time.sleep(max(0.0, begun_s + _LEAST * seconds - now_s()))
    if is_modelled(window.figures):
        _check_quiet(name, window.conditions)
    return wall_w, window.figures


def _check_quiet(name: str, under: Conditions | None) -> None:
    """A model counts this process alone, but the plug has what others draw."""
    if under is not None and under.others > DISTURBING:
        raise MeterError(
            f"other programs had {percent(under.others)} of the machine at {name}: the plug meter "
            "tells of them, too; take the readings when they have ended"
        )


def _watts(figures: dict[str, Figure]) -> float:
    return (figures["energy_j"].value or 0.0) / (figures["wall_s"].value or 1.0)
