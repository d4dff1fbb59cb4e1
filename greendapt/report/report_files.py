"""Reads a run folder and leaves its reports beside the figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from greendapt.accounting.grams import record_with_grams, summary_on
from greendapt.accounting.grid import Grid
from greendapt.accounting.grid import grid as make_grid
from greendapt.accounting.hourly import Hours, grid_of_hours, work_of
from greendapt.accounting.lifetime import summary_with_use
from greendapt.accounting.wall import record_with_wall, summary_with_wall
from greendapt.core.errors import RunError
from greendapt.core.records import Kind
from greendapt.report.formats import table
from greendapt.report.view.from_run import view
from greendapt.store.run import RunFolder
from greendapt.store.runinfo import GridInfo, RunData, RunInfo
from greendapt.suite.models import InUse, Judged, VerdictTable


def load_run(folder: Path, grid: Grid | None = None, predictions: int | None = None) -> RunData:
    """The run in ``folder``, its records and rows with the grams of ``grid``, its costs with so
    many ``predictions`` (None: its own).

    RunError when it is no run, not finished, or damaged.
    """
    run = run_folder(folder).finished()
    if not run.records:
        raise RunError(f"{folder}/records.jsonl holds no record; try: greendapt resume {folder}")
    return on_grid(run, grid, predictions)


def with_question(run: RunData, margin: float | None = None, metric: str | None = None) -> RunData:
    """Judged with another margin, by another metric; None: its own. Raises RunError for one
    that makes no sense, and for a metric that no cell has."""
    verdict = verdict_with(run.info.suite.verdict, margin, metric)
    _known(run, metric)
    suite = run.info.suite.model_copy(update={"verdict": verdict})
    return replace(run, info=run.info.model_copy(update={"suite": suite}))


def verdict_with(
    asked: VerdictTable, margin: float | None = None, metric: str | None = None
) -> VerdictTable:
    """What is asked, with another margin and metric; None: its own. Raises RunError for one that
    makes no sense."""
    changes = {"margin": margin, "metric": metric}
    given = {key: value for key, value in changes.items() if value is not None}
    try:
        return VerdictTable.model_validate(asked.model_dump() | given)
    except ValidationError as error:
        if any(one["loc"] == ("margin",) for one in error.errors()):
            raise RunError(f"margin {margin:g}: give more than 0 and less than 0.5") from error
        raise RunError(f"metric {metric}: it is one of {', '.join(get_args(Judged))}") from error


def _known(run: RunData, metric: str | None) -> None:
    """Raises RunError for a metric that no finished cell has."""
    had = {name for row in run.summary.rows for name in row.metrics.get("development", {})}
    if metric is not None and had and metric not in had:
        names = ", ".join(name for name in get_args(Judged) if name in had)
        raise RunError(f"metric {metric}: no cell of this run has it; there is: {names}")


def run_folder(path: Path) -> RunFolder:
    """RunError where ``path`` is no folder."""
    if not path.is_dir():
        raise RunError(f"{path} is not a folder; a run lies in runs/<suite>-<time>/")
    return RunFolder(path)


def on_grid(run: RunData, grid: Grid | None, predictions: int | None = None) -> RunData:
    """``run`` with the grams of ``grid`` in its records and rows; None: of its own grid. Where a
    plug meter was read on its machine, with their energy at the wall, too. ``predictions``: that
    its costs are to hold, where its use was measured."""
    if predictions is not None:
        run = _with_use(run, predictions)
    own, suite = grid_of(run.info), run.info.suite
    if grid is not None:
        grid = grid.with_machine(suite.carbon.embodied_kg, suite.carbon.lifetime_years)
    by_key = {record.key: record for record in run.records}
    # grams by image trained on are of training alone: use is taken out before, and added after
    trained = replace(run, summary=summary_with_use(run.summary, by_key, 0, own))
    run = _with_grams(trained, own, grid)
    count = suite.use.predictions if suite.use else 0
    return replace(run, summary=summary_with_use(run.summary, by_key, count, grid or own))


def _with_use(run: RunData, predictions: int) -> RunData:
    """Asked for so many. RunError where no cell's use was measured."""
    if not any(record.kind is Kind.USE for record in run.records):
        raise RunError(
            "predictions: this run did not measure what one takes; run its suite with "
            "--predictions, or with a table [use]"
        )
    asked = InUse() if run.info.suite.use is None else run.info.suite.use
    use = asked.model_copy(update={"predictions": predictions})
    suite = run.info.suite.model_copy(update={"use": use})
    return replace(run, info=run.info.model_copy(update={"suite": suite}))


def _with_grams(run: RunData, own: Grid, grid: Grid | None) -> RunData:
    """See `on_grid`."""
    if grid is not None:
        info = run.info.model_copy(update={"grid": _told(grid, own)})
        summary = summary_on(run.summary, run.info.suite, grid, own.pue)
        run = replace(run, info=info, summary=summary)
    records = tuple(record_with_grams(record, grid or own) for record in run.records)
    fit = run.info.meter.wall
    if fit is None:
        return replace(run, records=records)
    records = tuple(record_with_wall(record, fit) for record in records)
    return replace(run, records=records, summary=summary_with_wall(run.summary, fit))


def grid_of(info: RunInfo) -> Grid:
    """The grid that a run was made for; by its suite, where ``run.json`` has no intensity."""
    carbon, stored = info.suite.carbon, info.grid
    stated = carbon.intensity_g_per_kwh
    if stored.intensity_g_per_kwh is not None:
        chosen = Grid(
            stored.intensity_g_per_kwh,
            stored.pue,
            stored.source,
            stored.flagged,
            low_g_per_kwh=stored.low_g_per_kwh,
            high_g_per_kwh=stored.high_g_per_kwh,
        )
    elif isinstance(stated, str):
        chosen = Grid(None, carbon.pue, stored.source)
    else:
        chosen = make_grid(carbon.region, stated, carbon.pue)
    return chosen.with_machine(carbon.embodied_kg, carbon.lifetime_years)


def other_grid(
    folder: Path, region: str | None, intensity_g_per_kwh: float | Hours | None, pue: float | None
) -> Grid | None:
    """The grid of the run in ``folder`` with what is not None changed; None for no change.

    ``intensity_g_per_kwh``: of all of it, or hour by hour.
    """
    if region is None and intensity_g_per_kwh is None and pue is None:
        return None
    own = grid_of(RunFolder(folder).read())
    pue = own.pue if pue is None else pue
    if isinstance(intensity_g_per_kwh, Hours):
        return grid_of_hours(intensity_g_per_kwh, work_of(RunFolder(folder).records()), pue)
    if region is None and intensity_g_per_kwh is None and own.intensity_g_per_kwh is None:
        return replace(own, pue=pue)
    if region is None and intensity_g_per_kwh is None:
        same = make_grid(None, own.intensity_g_per_kwh, pue)
        low, high = own.low_g_per_kwh, own.high_g_per_kwh
        return replace(same, flagged=own.flagged, low_g_per_kwh=low, high_g_per_kwh=high)
    return make_grid(region, intensity_g_per_kwh, pue)


def _told(grid: Grid, own: Grid) -> GridInfo:
    source = f"{grid.source}; the run was made for another grid: {own.source}"
    return GridInfo.of(replace(grid, source=source))


def write_reports(folder: Path) -> list[Path]:
    """report.html, report.md and report.svg (where there is something to draw) in ``folder``.

    Each file appears whole or not at all. RunError when the folder cannot be read or written.
    """
    run = load_run(folder)
    return table.write(run, view(run), table.USUAL, folder)
