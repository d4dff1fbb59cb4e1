"""What ``bench`` and ``resume`` ask, and what they print."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import typer

from greendapt.core.terminal import say, show, show_json

if TYPE_CHECKING:
    from greendapt.api import Run
    from greendapt.store.run import RunFolder


def show_run(run: Run, *, json: bool) -> None:
    """Write the reports of a run and print it. Raises CellFailed where cells failed."""
    from greendapt.core.errors import CellFailed
    from greendapt.report.formats import terminal

    written = run.report()
    if json:
        from json import dumps

        text = run.summary.model_dump_json(by_alias=True)
        show_json(f'{{"run": {dumps(str(run.path))}, "summary": {text}}}')
    else:
        terminal.show(run.view)
        for path in written:
            show(f"{path.suffix[1:]:<5} {path}")
    if run.failures:
        first, cells = run.failures[0], len(run.failures) + len(run.summary.rows)
        raise CellFailed(
            f"{len(run.failures)} of {cells} cells failed, first in {first.stage}: {first.error}; "
            "the report names them all"
        )


def first_rank() -> bool:
    """Whether this process speaks: under torchrun the first one does."""
    return os.environ.get("RANK", "0") in ("", "0")


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
