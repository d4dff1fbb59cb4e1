"""What ``bench`` and ``resume`` ask, and what they print."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import typer

from greendapt.core.errors import MeterError
from greendapt.core.machine import launched
from greendapt.core.terminal import say, show, show_json
from greendapt.core.text import listed, plural

if TYPE_CHECKING:
    from pathlib import Path

    from greendapt.api import Run
    from greendapt.run.budget import Budget
    from greendapt.store.run import RunFolder
    from greendapt.suite.models import Suite


def announce(suite: Suite) -> None:
    """The first line of a run, before torch is imported, which takes seconds."""
    from greendapt.suite.toys import toys

    strategies = plural(len(suite.run.strategies), "strategy", "strategies")
    note(f"{suite.name}: {strategies} with {listed(suite.model.backbones)}; torch is loading")
    real = [suite.data.pool.source, suite.data.development.source] != ["phantom", "phantom"]
    if real and (named := toys(suite.model.backbones)):
        note(
            f"note: {listed(named)} is a toy network; for a verdict on your images take one in "
            "use, such as --backbone resnet18 --weights timm --image-size 224"
        )


def show_run(run: Run, *, json: bool, quiet: bool = False) -> None:
    """Write the reports of a run and print where they are, how far a budget went and, last, the
    verdict; ``quiet``: the verdict alone. Raises CellFailed where cells failed."""
    from greendapt.report.formats import terminal

    written = write_reports(run)
    if json:
        show_json(_as_json(run))
    elif not quiet:
        for path in written:
            show(f"{path.suffix[1:]:<5} {path}")
    for sentence in budget_sentences(run):
        (say if json else show)(sentence)
    if written and not json:
        (terminal.show_verdict if quiet else terminal.show)(run.view)
    check_failures(run)


def write_reports(run: Run) -> list[Path]:
    """None where nothing is done: a budget may end before a cell."""
    return run.report() if run.summary.rows or run.summary.failures else []


def budget_sentences(run: Run) -> list[str]:
    """How far it went; nothing without one."""
    return run.budget.sentences(str(run.path)) if run.budget else []


def check_failures(run: Run) -> None:
    """Raises CellFailed where cells failed."""
    from greendapt.core.errors import CellFailed

    if run.failures:
        first, cells = run.failures[0], len(run.failures) + len(run.summary.rows)
        raise CellFailed(
            f"{len(run.failures)} of {cells} cells failed, first in {first.stage}: {first.error}; "
            "the report names them all"
        )


def _as_json(run: Run) -> str:
    from json import dumps

    parts = {"run": dumps(str(run.path)), "summary": run.summary.model_dump_json(by_alias=True)}
    if run.budget:
        parts["budget"] = dumps(run.budget.as_table())
    return f"{{{', '.join(f'{dumps(name)}: {text}' for name, text in parts.items())}}}"


def budget_of(text: str | None) -> Budget | None:
    """Of ``--budget``."""
    from greendapt.run.budget import parse_budget

    return None if text is None else parse_budget(text)


def first_rank() -> bool:
    """Whether this process speaks: under torchrun the first one does. A RANK that something else
    left in the environment silences nobody."""
    try:
        return not launched() or os.environ.get("RANK", "0") in ("", "0")
    except MeterError:  # which is to be told
        return True


def note(line: str) -> None:
    """To stderr, once."""
    if first_rank():
        say(line)


def goes_on(before: RunFolder) -> bool:
    """Whether to go on with an unfinished run of the same suite: asked on a terminal only."""
    done = len(before.records())
    what = f"{before.path} is an unfinished run of this suite ({done} stages done)"
    if sys.stdin.isatty() and sys.stderr.isatty():  # noqa: TID251 (asks, writes nothing)
        return typer.confirm(f"{what}. Go on with it?", default=True, err=True)
    say(f"note: {what}; greendapt resume {before.path} would go on with it")
    return False
