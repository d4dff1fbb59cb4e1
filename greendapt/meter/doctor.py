"""What this machine can measure, why not the rest, and how small a difference it can show."""

from __future__ import annotations

import hashlib
import math
import statistics
from collections.abc import Sequence
from typing import Any

from greendapt.accounting.wall import NO_READING
from greendapt.core.errors import MeterError
from greendapt.core.figures import Figure
from greendapt.core.wall_fit import WallFit
from greendapt.meter.clock import now_s
from greendapt.meter.sources.base import PartMeter
from greendapt.meter.sources.opening import advice
from greendapt.meter.sources.rapl import HOW_TO_ALLOW
from greendapt.meter.window import Meter

_BLOCK = bytes(1 << 20)
_WINDOW_S = 0.25
_REST_S = 1.0
REPEATS = (3, 5, 10, 20)
LEVEL, POWER = 0.95, 0.80


def examine(*, device: str = "auto", repeats: int = 10) -> dict[str, Any]:
    """What each part of a record rests on here, each GPU's state, and the noise floor. JSON-ready.

    Runs ``repeats`` (at least 3) windows of the same small work on the CPU, a few seconds in all.
    Raises MeterError for fewer repeats or an unknown device.
    """
    if repeats < 3:
        raise MeterError(f"{repeats} repeats say nothing about noise: take at least 3")
    meter = Meter(device=device, idle_s=_REST_S)
    try:
        blocks = _blocks_for(_WINDOW_S)
        windows = [_window(meter, blocks) for _ in range(repeats)]
        gpus = [{**_facts(gpu), **_state(gpu)} for gpu in meter.gpus]
        facts = meter.facts()
    finally:
        meter.close()
    times = [window["wall_s"].value or 0.0 for window in windows]
    energies = [window["energy_j"]["total"].value for window in windows]
    return {
        "parts": _parts(windows[-1]),
        "gpus": gpus,
        "idle_w": facts.idle_w,
        "wall": None if facts.wall is None else facts.wall.model_dump(mode="json"),
        "noise": {
            "repeats": repeats,
            "window_s": statistics.median(times),
            "time": _noise(times),
            "energy": _noise([value for value in energies if value is not None]),
        },
    }


def _window(meter: Meter, blocks: int) -> dict[str, Any]:
    with meter.window() as window:
        _work(blocks)
    return window.record


def _work(blocks: int) -> None:
    digest = hashlib.sha256()
    for _ in range(blocks):
        digest.update(_BLOCK)


def _blocks_for(seconds: float) -> int:
    """How much of the work takes ``seconds`` here; the caches are warm afterwards."""
    _work(4)
    begun = now_s()
    _work(16)
    return max(1, round(16 * seconds / (now_s() - begun)))


def _parts(record: dict[str, Any]) -> list[dict[str, Any]]:
    energy: dict[str, Figure] = record["energy_j"]
    figures = {"time": record["wall_s"], **energy, "memory": record["peak_memory_bytes"]}
    return [
        {
            "part": name,
            "quality": figure.quality.value,
            "source": figure.source,
            "enable": _advice(name, figure),
        }
        for name, figure in figures.items()
    ]


def _advice(part: str, figure: Figure) -> str | None:
    if figure.quality.value in ("measured", "integrated"):
        return None
    return HOW_TO_ALLOW if HOW_TO_ALLOW in figure.source else advice(part)


def _facts(gpu: PartMeter) -> dict[str, Any]:
    return gpu.facts().model_dump(mode="json", exclude={"troubles"})


def _state(gpu: PartMeter) -> dict[str, Any]:
    state = gpu.state()
    return {
        "power_limit_w": gpu.rated_w,
        "slowed_by": None if state.slowed_by is None else [*state.slowed_by],
        "other_processes": state.other_processes,
    }


def _noise(values: Sequence[float]) -> dict[str, Any] | None:
    """Relative standard deviation, and the smallest rise that n repeats of each side can show."""
    mean = statistics.fmean(values) if len(values) >= 3 else 0.0
    if mean <= 0:
        return None
    spread = statistics.stdev(values) / mean
    shown = {str(n): smallest_rise(spread, n) for n in REPEATS}
    return {"relative_sd": spread, "smallest_regression": shown}


def smallest_rise(relative_sd: float, repeats: int) -> float:
    """Smallest relative rise that a two-sided t test at 5% finds with 80% power.

    ``repeats`` runs of each side: (t_0.975 + t_0.8) x sd x sqrt(2 / n), with 2n - 2 degrees of
    freedom (Cohen, Statistical Power Analysis, 1988, chapter 2).
    """
    from scipy.stats import t

    freedom = 2 * repeats - 2
    quantiles = float(t.ppf((1 + LEVEL) / 2, freedom) + t.ppf(POWER, freedom))
    return quantiles * relative_sd * math.sqrt(2 / repeats)


def report_lines(report: dict[str, Any]) -> list[str]:
    """`examine`'s report as text."""
    lines = ["What this machine can measure:"]
    for part in report["parts"]:
        lines.append(f"  {part['part']:7} {part['quality']:12} {part['source']}")
        if part["enable"]:
            lines.append(f"  {'':20} to measure it: {part['enable']}")
    for gpu in report["gpus"]:
        slowed = ", ".join(gpu["slowed_by"] or []) or "nothing"
        lines.append(
            f"  {gpu['name']}: {gpu['meter']}, slowed by {slowed}, "
            f"other processes: {gpu['other_processes'] or 0}"
        )
    if report["idle_w"] is not None:
        lines.append(f"At rest it draws {report['idle_w']:.3g} W of what is measured or estimated.")
    lines.append(_at_the_wall(report["wall"]))
    noise = report["noise"]
    lines.append(f"Noise over {noise['repeats']} windows of {noise['window_s']:.2f} s:")
    for name in ("time", "energy"):
        spread = noise[name]
        if spread is None:
            lines.append(f"  {name:7} unavailable")
            continue
        rises = ", ".join(f"{n}: {v:.1%}" for n, v in spread["smallest_regression"].items())
        lines.append(
            f"  {name:7} sd {spread['relative_sd']:.1%}; smallest rise shown by N repeats: {rises}"
        )
    return lines


def _at_the_wall(table: dict[str, Any] | None) -> str:
    if table is None:
        return f"At the wall: unavailable, {NO_READING}."
    return f"At the wall: {WallFit.model_validate(table).line}."
