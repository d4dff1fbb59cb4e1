"""From a session, before it runs, to what its stages will take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from greendapt.core.errors import SuiteError
from greendapt.core.units import duration
from greendapt.forecast.calibrate import calibrate
from greendapt.forecast.datasheets import DataSheet, device, ranks_of
from greendapt.forecast.stated_data import stated_plan
from greendapt.meter import Meter
from greendapt.run.context import Workbench
from greendapt.run.plan import Cell, Stage, stages
from greendapt.run.session import Session, warm_up
from greendapt.run.stages import pretrain
from greendapt.run.stages.predict import Effort, effort
from greendapt.run.stages.prefix import why_not_stored
from greendapt.store.forecasts import Forecast, StageForecast
from greendapt.store.run import RunFolder
from greendapt.suite.models import Suite

_BUSY = 0.2  # processors in other hands: enough to be felt

Costs = Callable[[Stage, Effort], tuple[float, float | None]]
"""Seconds and joules of a stage."""


@dataclass(frozen=True)
class Asked:
    """The distinct stages of a plan as they will run: ``kept`` says of those that are there
    already where they are, ``notes`` what else differs from the plan."""

    stages: tuple[Stage, ...]
    kept: Mapping[str, str]
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
    within = next(path for path in (out, *out.absolute().parents) if path.is_dir())
    bench = session.bench(RunFolder(within))
    planned = stages(session.plan)
    asked = as_run(bench, planned, finished)
    meter = Meter(device=str(session.engine.device))
    try:
        warm_up(bench, planned)
        found = calibrate(bench, asked.left, meter, within=within, say=say)
    finally:
        meter.close()

    def costs(stage: Stage, effort: Effort) -> tuple[float, float | None]:
        wall_s = found.wall_s(stage, effort)
        return wall_s, found.energy_j(stage, wall_s)

    said = (
        f"timed on this machine for {duration(found.took_s)}: each kind of stage in two small "
        "sizes; energy is the meter's power in these samples times the predicted time"
    )
    basis = [said, *asked.notes]
    if found.others > _BUSY:
        basis.append(
            f"meanwhile other programs used {found.others:.1f} of this machine's processors: "
            "the plan is for a machine as busy"
        )
    return forecast(bench, asked, costs, device="this machine", basis=basis)


def forecast(
    bench: Workbench,
    asked: Asked,
    costs: Costs,
    *,
    device: str,
    basis: Sequence[str],
    gpus: int = 1,
    ranks: int = 1,
) -> Forecast:
    """Every stage with its exact FLOPs and what it ``costs``."""
    said = []
    for stage in asked.stages:
        kept = asked.kept.get(stage.key, "")
        does = effort(bench, stage)
        wall_s, energy_j = (0.0, 0.0) if kept else costs(stage, does)
        said.append(
            StageForecast(
                key=stage.key,
                kind=stage.kind,
                role=stage.role,
                label=stage.label,
                parents=tuple(read.key for read in stage.reads),
                flops=does.flops,
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
        stages=tuple(said),
    )


def forecast_device(suite: Suite, name: str, gpus: int, out: Path) -> tuple[Forecast, list[Cell]]:
    """From the data sheet of the device of that name; no data is made, no weights are read."""
    chosen = device(name)
    if gpus > 1 and chosen.kind == "cpu":
        raise SuiteError(f"--gpus {gpus}: {chosen.name} is no GPU")
    bench, cells = stated_plan(suite, out)
    asked = as_run(bench, stages(cells), here=False)
    sheet = DataSheet(bench, chosen, gpus, ranks_of(suite, gpus, len(cells)))
    said = forecast(
        bench,
        asked,
        sheet.costs,
        device=chosen.name,
        basis=(*sheet.basis, *asked.notes),
        gpus=gpus,
        ranks=sheet.ranks,
    )
    return said, cells


def as_run(
    bench: Workbench,
    planned: Sequence[Stage],
    finished: Iterable[str] = (),
    *,
    here: bool = True,
) -> Asked:
    """What of a plan runs, and how: prefixes that cannot be stored are not.

    ``here``: on this machine, whose cache and disk then count.
    """
    finished = set(finished)
    kept, notes, plain = {}, [], set()
    for stage in planned:
        if stage.key in finished:
            kept[stage.key] = "in the run that is reused"
        elif here and stage.kind == "pretrain" and pretrain.kept_record(stage) is not None:
            kept[stage.key] = "in the user's cache"
        elif stage.kind == "prefix" and (why := why_not_stored(bench, stage, here=here)):
            kept[stage.key] = "not stored"
            plain.add(stage.key)
            notes.append(f"{stage.label} is not stored, its phases run the plain way: {why}")
    looks = any(stage.phase and stage.phase.stop for stage in planned)
    if looks:
        notes.append("phases with a stop rule may end earlier: theirs is the most they take")
    runs = [
        replace(stage, prefix=None) if stage.prefix and stage.prefix.key in plain else stage
        for stage in planned
    ]
    return Asked(tuple(runs), kept, tuple(notes))
