"""Opens the best energy source that each part of this machine has."""

from __future__ import annotations

import os
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


def advice(part: str, environ: Mapping[str, str] = os.environ) -> str | None:
    """What a user can do to have this part measured: on a machine of this kind, else on any."""
    known = [source for source in ranked() if part in source.advice]
    ours = [source for source in known if source.here is not None and source.here(environ)]
    any_kind = [source for source in known if source.here is None]
    return next((source.advice[part] for source in (*ours, *any_kind)), None)


def open_best(
    parts: Collection[Part],
    environ: Mapping[str, str],
    pick: Callable[[int], Sequence[int]] = lambda _: (),
    *,
    kind: str = "auto",
) -> Opened:
    """A meter for each of the host's ``parts`` that has one, and for each GPU picked: of every
    source that has any, or else of the first one whose GPUs torch calls by this ``kind``. Raises
    MeterError for a GPU that is not there."""
    meters: dict[tuple[Part, str], PartMeter] = {}
    reasons: dict[Part, list[str]] = {}
    openings: list[Opened] = []
    more_gpus = kind == "auto"
    for source in ranked():
        if kind != "auto" and source.torch_device not in (None, kind):
            continue
        had = {part for part, _ in meters if part != "gpu" or not more_gpus}
        wanted = [part for part in source.parts if part in parts and part not in had]
        if "gpu" in wanted and any(opened.with_host for opened in openings):
            wanted.remove("gpu")
        if not wanted:
            continue
        opened = _open(source, Request(wanted, environ, pick, _told(reasons)))
        openings.append(opened)
        more_gpus = more_gpus and not (source.sole and opened.meters)
        told = opened.why if source.here is None or source.here(environ) else {}
        for part, reason in told.items():
            reasons.setdefault(part, []).append(reason)
        for meter in opened.meters:
            if meters.setdefault((meter.part, meter.key), meter) is not meter:
                meter.close()  # counted already, by a better source
    return Opened(
        tuple(meters.values()),
        _told(reasons),
        broken=any(opened.broken for opened in openings),
        with_host=any(opened.with_host for opened in openings),
        release=lambda: [opened.release() for opened in openings if opened.release],
    )


def gpus_of(device: str, rank: int, environ: Mapping[str, str]) -> Opened:
    """Those that ``device`` means to a process of this local rank; see `devices.picked`."""
    kind = kind_of(device)
    if kind == "cpu":
        return Opened(why={"gpu": "the run is on the CPU"})
    opened = open_best(("gpu",), environ, picked(device, rank), kind=kind)
    missing = not opened.meters and (opened.broken or kind != "auto") and not opened.with_host
    why = opened.why or {"gpu": f"no energy source reads a GPU that torch calls {kind}"}
    return replace(opened, broken=missing, why=why)


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
