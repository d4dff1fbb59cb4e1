"""What a run that has not come to its end says so far: its cells that are done, judged as ever.

Reads the plan that the run left in ``run.json``; needs no data and no torch, and writes nothing.
"""

from __future__ import annotations

from greendapt.core.errors import RunError
from greendapt.core.records import Summary
from greendapt.core.text import plural
from greendapt.report.report_files import grid_of
from greendapt.run.summary import summarize
from greendapt.run.workers.same_machine import beside_note
from greendapt.store.run import RunFolder, latest
from greendapt.store.runinfo import RunData


def so_far(folder: RunFolder, least: int = 1) -> RunData:
    """The cells of the unfinished run in ``folder`` that are done, and what must be said of that.

    RunError when it is no run, is damaged, or fewer than ``least`` cells (0 or 1) are over.
    """
    info = folder.read()
    if not info.cells:
        return folder.finished()  # refuses it: nothing says what its cells are
    records = folder.records()
    last = latest(records)
    summary = summarize(
        info.suite,
        info.cells,
        last,
        grid_of(info),
        synthetic=any(data.synthetic for _, data in info.data.named()),
        notes=[*map(str, info.notes), *beside_note(last.values())],
    )
    if len(summary.rows) + len(summary.failures) < least:
        raise RunError(
            f"{folder.path}: none of {plural(len(info.cells), 'cell')} is done; {_next(folder)}"
        )
    return RunData(info, tuple(records), summary, _caution(summary, len(info.cells), folder))


def _caution(summary: Summary, cells: int, folder: RunFolder) -> str:
    failed = f", {len(summary.failures)} failed" if summary.failures else ""
    done = f"{len(summary.rows)} of {plural(cells, 'cell')}"
    return f"Interim: {done} are done{failed}; {_next(folder)}"


def _next(folder: RunFolder) -> str:
    if folder.is_held():
        return "it is running now"
    return f"go on with: greendapt resume {folder.path}"
