"""A run as the world may see it: no path of the machine it ran on."""

from __future__ import annotations

import re
from dataclasses import replace

from greendapt.store.runinfo import RunData

_PATH = re.compile(r"(?<![\w/.~])(?:~|\.{1,2})?(?:/[^\s/:,;'\"()=]+)+/?")


def public(run: RunData) -> RunData:
    """``run`` with every path in its command, notes and errors cut down to its last name."""
    remarks = [one.model_copy(update={"text": short(one.text)}) for one in run.info.notes]
    info = run.info.model_copy(update={"command": short(run.info.command), "notes": remarks})
    failures = [
        failure.model_copy(update={"error": short(failure.error)})
        for failure in run.summary.failures
    ]
    notes = list(map(short, run.summary.notes))
    summary = run.summary.model_copy(update={"failures": failures, "notes": notes})
    return replace(run, info=info, summary=summary)


def short(text: str) -> str:
    """Absolute, home and relative paths (``../data/xrays``) by their last name."""
    return _PATH.sub(lambda match: match[0].rstrip("/").rpartition("/")[2], text)
