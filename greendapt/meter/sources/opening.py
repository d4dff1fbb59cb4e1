"""Opens the best energy source that each part of this machine has."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from greendapt.core.errors import MeterError
from greendapt.meter import sources
from greendapt.meter.devices import kind_of, picked
from greendapt.meter.sources.base import EnergySource, Opened, Part, PartMeter, Request


def ranked() -> list[EnergySource]:
    """Every source there is, built in or of another package, the best first. Raises PluginError."""
    every = [sources.ENERGY_SOURCES.get(name) for name in sources.ENERGY_SOURCES.names()]
    return sorted(every, key=lambda source: -source.priority)


def advice(part: str) -> str | None:
    """What a user can do to have this part measured."""
    return next((source.advice[p] for source in ranked() for p in source.advice if p == part), None)


def open_best(
    parts: Collection[Part],
    environ: Mapping[str, str],
    pick: Callable[[int], Sequence[int]] = lambda _: (),
    *,
    every_gpu: bool = True,
) -> Opened:
    """A meter for each of the host's ``parts`` that has one, and for each GPU picked: of every
    source that has any, or else of the first one. Raises MeterError for a GPU that is not there."""
    meters: dict[tuple[Part, str], PartMeter] = {}
    reasons: dict[Part, list[str]] = {}
    openings: list[Opened] = []
    for source in ranked():
        had = {part for part, _ in meters if part != "gpu" or not every_gpu}
        wanted = [part for part in source.parts if part in parts and part not in had]
        if not wanted:
            continue
        opened = _open(source, Request(wanted, environ, pick, _told(reasons)))
        openings.append(opened)
        for part, reason in opened.why.items():
            reasons.setdefault(part, []).append(reason)
        for meter in opened.meters:
            if meters.setdefault((meter.part, meter.key), meter) is not meter:
                meter.close()  # counted already, by a better source
    return Opened(
        tuple(meters.values()),
        _told(reasons),
        broken=any(opened.broken for opened in openings),
        release=lambda: [opened.release() for opened in openings if opened.release],
    )


def gpus_of(device: str, rank: int, environ: Mapping[str, str]) -> Opened:
    """Those that ``device`` means to a process of this local rank; see `devices.picked`."""
    kind = kind_of(device)
    if kind == "cpu":
        return Opened(why={"gpu": "the run is on the CPU"})
    opened = open_best(("gpu",), environ, picked(device, rank), every_gpu=kind == "auto")
    missing = not opened.meters and (opened.broken or kind == "cuda")
    return replace(opened, broken=missing)


def _told(reasons: Mapping[Part, Sequence[str]]) -> dict[Part, str]:
    return {part: "; ".join(dict.fromkeys(why)) for part, why in reasons.items()}


def _open(source: EnergySource, request: Request) -> Opened:
    try:
        return source.open(request)
    except MeterError:
        raise
    except Exception as error:  # whatever a source does: it costs its figures, not the run
        reason = f"{type(error).__name__}: {error}"
        return Opened(why=dict.fromkeys(request.parts, reason))
