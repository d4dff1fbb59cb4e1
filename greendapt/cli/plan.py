"""``greendapt plan``: what a run will cost, before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from greendapt.cli.bench import bench, suite_of
from greendapt.cli.options import Json, with_options_of
from greendapt.cli.running import announce
from greendapt.core.errors import SuiteError
from greendapt.core.terminal import say, show, show_json

if TYPE_CHECKING:
    from greendapt.run.plan import Cell
    from greendapt.store.forecasts import Forecast
    from greendapt.suite.models import Suite

_BENCH_DEVICES = (None, "auto", "cpu", "cuda", "xpu", "mps")


# a parameter an option: typer reads them from here
@with_options_of(bench, "name", "budget", "executor", "workers", "slurm", "quiet", "verbose")
def plan(
    context: typer.Context,
    run: Annotated[
        Path | None,
        typer.Argument(help="A run: what was planned for it against what it took."),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            help="auto, cpu, cuda, xpu or mps: timed here. h100, h200, a100, v100 or laptop: from "
            "its data sheet, without it."
        ),
    ] = None,
    gpus: Annotated[int, typer.Option(min=1, help="So many of --device share the work.")] = 1,
    out: Annotated[Path, typer.Option(help="Where run folders go.")] = Path("runs"),
    reuse: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Stages that are the same there cost nothing."),
    ] = None,
    json: Json = False,
) -> None:
    """Say what bench with the same options will take: stages, FLOPs, time, energy, carbon.

    By timing each kind of stage on this machine for at most about a minute, or for another machine:
    greendapt plan --suite mine.toml --device h100 --gpus 64
    """
    if run is not None:
        (show_json if json else show)(_compared(run, json=json))
        return
    sheet = device not in _BENCH_DEVICES
    suite = suite_of({**context.params, "device": None if sheet else device})
    from greendapt.forecast.plan_text import plan_json, plan_text

    if sheet:
        from greendapt.forecast.predict import forecast_device

        said, cells = forecast_device(suite, str(device), gpus, out)
    else:
        if gpus > 1:
            raise SuiteError(f"--gpus {gpus} needs --device with the name of a GPU, such as h100")
        announce(suite)
        said, cells = forecast_of(suite, out, reuse)
    if json:
        show_json(plan_json(suite, cells, said))
    else:
        show(plan_text(suite, cells, said))


def forecast_of(suite: Suite, out: Path, reuse: Path | None) -> tuple[Forecast, list[Cell]]:
    """By timing it here, and kept for the run."""
    from greendapt.forecast.kept_plans import keep_plan
    from greendapt.forecast.predict import forecast_here
    from greendapt.run.prepare import prepare_session
    from greendapt.run.reuse import comparable
    from greendapt.store.run import RunFolder, latest

    session = prepare_session(suite, say)
    machine = session.info().fingerprint
    earlier = [] if reuse is None else comparable(RunFolder(reuse), machine).records()
    done = [key for key, record in latest(earlier).items() if record.status == "done"]
    said = forecast_here(session, out, done, say)
    if reuse is None:
        keep_plan(suite, machine, said)
    return said, session.plan


def _compared(path: Path, *, json: bool) -> str:
    """Predicted against measured, by kind of stage."""
    from greendapt.core.errors import RunError
    from greendapt.core.text import aligned
    from greendapt.report.view.planned import HEADER, as_json, cells, planned
    from greendapt.store.run import RunFolder

    folder = RunFolder(path)
    plan = folder.read().plan
    if plan is None:
        raise RunError(
            f"{path}: no plan was made for it; greendapt plan before greendapt bench, with the "
            "same options, keeps one"
        )
    rows = planned(plan, folder.records())
    if not rows:
        raise RunError(f"{path}: none of the stages that were planned has run")
    return as_json(rows) if json else "\n".join(aligned([HEADER, *map(cells, rows)]))
