"""From a session, before it runs, to what its stages will take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from greendapt.core.errors import SuiteError
from greendapt.core.units import duration, percent
from greendapt.forecast.calibrate import LIMITS, Limits, calibrate
from greendapt.forecast.datasheets import DataSheet, device, ranks_of
from greendapt.forecast.stated_data import stated_plan
from greendapt.meter import Meter
from greendapt.run.context import Context
from greendapt.run.plan import Cell, stages
from greendapt.run.session import Session, warm_up
from greendapt.run.stages.base import Stage
from greendapt.run.stages.counted import Effort
from greendapt.store.forecasts import Forecast, StageForecast
from greendapt.store.run import RunFolder
from greendapt.suite.models import Suite

Costs = Callable[[Stage, Effort], tuple[float, float | None]]
"""Seconds and joules of a stage."""


@dataclass(frozen=True)
class Runs:
    """The distinct stages of a plan as they will run: ``kept`` says of those that are there
    already where they are, ``absent`` those of them that nothing makes, ``notes`` what else differs
    from the plan."""

    stages: tuple[Stage, ...]
    kept: Mapping[str, str]
    absent: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def left(self) -> list[Stage]:
        return [stage for stage in self.stages if stage.key not in self.kept]


def forecast_here(
    session: Session, out: Path, finished: Iterable[str], say: Callable[[str], None]
) -> Forecast:
    """By a calibration on this machine, whose files go to the disk of ``out`` and vanish.

    ``finished``: keys of stages that a run which is reused has done.
    """
    with closing(Meter(device=str(session.engine.device))) as meter:
        return forecast_by(meter, session, out, finished, say=say)


def forecast_by(
    meter: Meter,
    session: Session,
    out: Path,
    finished: Iterable[str] = (),
    *,
    limits: Limits = LIMITS,
    say: Callable[[str], None],
) -> Forecast:
    """The same with a meter that is open, and for at most about ``limits``."""
    context = context_on(session, out)
    planned = stages(session.plan)
    runs = as_run(context, planned, finished)
    warm_up(context, planned)
    calibration = calibrate(context, runs.left, meter, limits=limits, say=say)

    def costs(stage: Stage, effort: Effort) -> tuple[float, float | None]:
        wall_s = calibration.wall_s(stage, effort)
        return wall_s, calibration.energy_j(stage, wall_s)

    timed = (
        f"timed on this machine for {duration(calibration.took_s)}: each kind of stage in two "
        "small sizes; energy is the meter's power in these samples times the predicted time"
    )
    basis = [timed, *runs.notes]
    if calibration.meanwhile.is_shared:
        others = percent(calibration.meanwhile.others)
        basis.append(
            f"meanwhile other programs had {others} of this machine: its times are for a machine "
            "as busy"
        )
    return forecast(context, runs, costs, device="this machine", basis=basis)


def context_on(session: Session, out: Path) -> Context:
    """Of no run yet, on the disk of ``out``."""
    return session.context(
        RunFolder(next(path for path in (out, *out.absolute().parents) if path.is_dir()))
    )


def forecast(
    context: Context,
    runs: Runs,
    costs: Costs,
    *,
    device: str,
    basis: Sequence[str],
    gpus: int = 1,
    ranks: int = 1,
) -> Forecast:
    """Every stage with its exact FLOPs and what it ``costs``."""
    forecasts = []
    for stage in runs.stages:
        kept = runs.kept.get(stage.key, "")
        effort = stage.effort(context)
        wall_s, energy_j = (0.0, 0.0) if kept else costs(stage, effort)
        forecasts.append(
            StageForecast(
                key=stage.key,
                kind=stage.kind,
                role=stage.role,
                label=stage.label,
                parents=tuple(read.key for read in stage.reads),
                flops=0 if stage.key in runs.absent else effort.flops,
                wall_s=wall_s,
                energy_j=energy_j,
                kept=kept,
            )
        )
    return Forecast(
        schema=1,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        device=device,
        gpus=gpus,
        ranks=ranks,
        basis=tuple(basis),
        stages=tuple(forecasts),
    )


def forecast_device(suite: Suite, name: str, gpus: int, out: Path) -> tuple[Forecast, list[Cell]]:
    """From the data sheet of the device of that name; no data is made, no weights are read."""
    chosen = device(name)
    if gpus > 1 and chosen.kind == "cpu":
        raise SuiteError(f"--gpus {gpus}: {chosen.name} is no GPU")
    context, cells = stated_plan(suite, out)
    runs = as_run(context, stages(cells), here=False)
    sheet = DataSheet(context, chosen, gpus, ranks_of(suite, gpus, len(cells)))
    plan = forecast(
        context,
        runs,
        sheet.costs,
        device=chosen.name,
        basis=(*sheet.basis, *runs.notes),
        gpus=gpus,
        ranks=sheet.ranks,
    )
    return plan, cells


def as_run(
    context: Context,
    planned: Sequence[Stage],
    finished: Iterable[str] = (),
    *,
    here: bool = True,
) -> Runs:
    """What of a plan runs, and how: prefixes that cannot be stored are not.

    ``here``: on this machine, whose cache and disk then count.
    """
    kept, notes, absent = dict.fromkeys(finished, "in the run that is reused"), [], set[str]()
    for stage in planned:
        spared = None if stage.key in kept else stage.spared(context, here=here)
        if spared is not None:
            kept[stage.key] = spared.reason
            notes += [spared.note] if spared.note else []
            absent |= {stage.key} if spared.absent else set()
    if any(stage.looks_every for stage in planned):
        notes.append(
            "phases with a stop rule may end earlier, and with a freezing rule cost less: "
            "theirs is the most they take"
        )
    planned = [stage.without(absent) for stage in planned]
    return Runs(tuple(planned), kept, frozenset(absent), tuple(notes))
