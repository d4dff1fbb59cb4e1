"""Take over from an earlier run the stages that are the same: equal keys, equal machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from greendapt.core.errors import RunError
from greendapt.core.records import Record
from greendapt.disk.files import disk_errors
from greendapt.run.stages.base import Stage
from greendapt.store.run import RunFolder, latest


def comparable(earlier: RunFolder, fingerprint: str) -> RunFolder:
    """``earlier``, or a RunError when its costs may not be put beside those of ``fingerprint``."""
    if earlier.read().fingerprint != fingerprint:
        raise RunError(
            f"--reuse {earlier.path}: that run is from another machine or other software versions; "
            "its costs cannot be put beside new ones"
        )
    return earlier


def adopt(into: RunFolder, earlier: RunFolder, planned: list[Stage]) -> int:
    """How many of ``planned`` stages ``into`` took from ``earlier``, with their records and files.

    They are charged to the strategies that use them as they were measured then, and are not
    among what this run spent.
    """
    finished = {k: r for k, r in latest(earlier.records()).items() if r.status == "done"}
    taken = [
        (stage, finished[stage.key])
        for stage in planned
        if stage.key in finished and _is_whole(earlier, finished[stage.key])
    ]
    with into.writing():
        for stage, record in taken:
            _link(earlier.checkpoint(stage.key), into.checkpoint(stage.key))
            into.append(
                record.model_copy(update={"title": stage.title, "seed": stage.seed, "reused": True})
            )
    return len(taken)


def _is_whole(earlier: RunFolder, record: Record) -> bool:
    """Whether its files are as they were written, or thrown away after their last reader."""
    return not earlier.checkpoint(record.key).is_dir() or earlier.damage(record) is None


def _link(source: Path, target: Path) -> None:
    """The same files under a second name where the disk can do that, else a copy."""
    if not source.is_dir():
        return
    with disk_errors(target):
        try:
            shutil.copytree(source, target, symlinks=True, copy_function=os.link)
        except (OSError, shutil.Error):
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(source, target, symlinks=True)
