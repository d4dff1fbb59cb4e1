"""What ``bench`` and ``resume`` share: prepare, run, report."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from rich.console import Console

from greendapt.core.errors import CellFailed
from greendapt.core.records import Summary
from greendapt.forecast.kept_plans import kept_plan
from greendapt.report.formats.terminal import render_terminal
from greendapt.report.report_files import load_run, write_reports
from greendapt.report.view.from_run import view
from greendapt.run.plan import stages
from greendapt.run.progress import Reporter, reporter
from greendapt.run.reuse import adopt, comparable
from greendapt.run.session import Session, prepare_session, unfinished
from greendapt.run.workers.executor import Crew
from greendapt.run.workers.torchrun import follow
from greendapt.store.run import RunFolder
from greendapt.store.runinfo import RunInfo
from greendapt.suite.models import Suite
from greendapt.train.parallel import ALONE, Ranks, open_ranks


@dataclass(frozen=True)
class Ending:
    """How a prepared run is done and told. ``crew`` None: by this process and its ``ranks``."""

    crew: Crew | None = None
    ranks: Ranks = ALONE
    json: bool = False
    debug: bool = False


def run_new(suite: Suite, out: Path, ending: Ending, *, command: str, reuse: Path | None) -> None:
    """A new run; on a terminal, an unfinished one of the same suite is offered instead."""
    with open_ranks(suite.run.device) as ranks:
        if not ranks.first:
            raise typer.Exit(follow(ranks))
        _run_new(suite, out, replace(ending, ranks=ranks), command, reuse)


def _run_new(suite: Suite, out: Path, ending: Ending, command: str, reuse: Path | None) -> None:
    session = prepare_session(suite, say)
    before = unfinished(out, suite)
    if before is not None and _wants(before):
        _finish(session, before, reporter(explain=True), ending)
        return
    info = session.info(command)
    earlier = None if reuse is None else comparable(RunFolder(reuse), info.fingerprint)
    folder = RunFolder.create(out, suite.name)
    folder.write(info.model_copy(update={"plan": kept_plan(suite, info.fingerprint)}))
    if earlier is not None:
        planned = stages(session.plan)
        taken = adopt(folder, earlier, planned)
        say(f"{taken} of {len(planned)} stages are taken over from {earlier.path}")
    _finish(session, folder, reporter(explain=False), ending)


def run_again(path: Path, ending: Ending) -> None:
    """What is left of a run, with the suite as it was then."""
    folder = RunFolder(path)
    before = folder.read()
    with open_ranks(before.suite.run.device) as ranks:
        if not ranks.first:
            raise typer.Exit(follow(ranks))
        _run_again(before, folder, replace(ending, ranks=ranks))


def _run_again(before: RunInfo, folder: RunFolder, ending: Ending) -> None:
    session = prepare_session(before.suite, say, before)
    if session.info().fingerprint != before.fingerprint:
        say(
            "note: this is another machine or other software than the run began with; "
            "its costs will be mixed"
        )
    _finish(session, folder, reporter(explain=True), ending)


def _finish(session: Session, folder: RunFolder, shown: Reporter, ending: Ending) -> None:
    summary = session.run(folder, shown, debug=ending.debug, crew=ending.crew, ranks=ending.ranks)
    written = write_reports(folder.path)
    if ending.json:
        text = summary.model_dump_json(by_alias=True)
        typer.echo(f'{{"run": {_quoted(folder.path)}, "summary": {text}}}')
    else:
        Console().print(render_terminal(view(load_run(folder.path))))
        for path in written:
            typer.echo(f"{path.suffix[1:]:<5} {path}")
    _raise_for_failures(summary)


def _raise_for_failures(summary: Summary) -> None:
    if summary.failures:
        first = summary.failures[0]
        raise CellFailed(
            f"{len(summary.failures)} of {len(summary.failures) + len(summary.rows)} cells failed, "
            f"first in {first.stage}: {first.error}; the report names them all"
        )


def _wants(before: RunFolder) -> bool:
    done = len(before.records())
    if not sys.stdin.isatty() or not sys.stderr.isatty():
        say(
            f"note: {before.path} is an unfinished run of this suite ({done} stages done); "
            f"greendapt resume {before.path} would go on with it"
        )
        return False
    return typer.confirm(
        f"{before.path} is an unfinished run of this suite ({done} stages done). Go on with it?",
        default=True,
        err=True,
    )


def say(line: str) -> None:
    """To stderr, at once."""
    print(line, file=sys.stderr, flush=True)


def _quoted(path: Path) -> str:
    import json

    return json.dumps(str(path))
