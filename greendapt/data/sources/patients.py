"""Whose image is whose: a column of ids, ids in the paths, or nobody knows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from greendapt.core.remarks import Remark, note, weak
from greendapt.core.text import plural
from greendapt.data.sources.layouts import NONE

COLUMNS = (
    *("patientid", "patient", "subjectid", "subject", "personid", "person"),
    *("lesionid", "studyinstanceuid", "studyid"),
)
"""Plain names of columns that say who is shown; the best one first."""
_NOBODY = frozenset(
    {"", "nan", "none", "null", "na", "n/a", "unknown", "unk", "missing", "-", "?", "-1", "."}
)
_IN_PATH = re.compile(
    r"^(?:patient|person|subject|subj|sub|case|pat|p)[-_ ]?0*(\d+)(?![\d.])", re.IGNORECASE
)


@dataclass(frozen=True)
class Patients:
    """``ids`` [N]: None for an image whose patient nobody names. ``told``: how they were found."""

    ids: list[str | None]
    told: tuple[Remark, ...]

    @property
    def known(self) -> bool:
        return any(one is not None for one in self.ids)


def from_column(name: str, cells: Sequence[str]) -> Patients:
    """By the cells of the column ``name``; those that say nothing are patients of their own."""
    nobody = _says_nothing(cells)
    ids = [None if cell.lower() in nobody else cell for cell in cells]
    lacking = ids.count(None)
    count = len(set(ids) - {None})
    told = [note(f"{plural(count, 'patient')} by the column '{name}'.")] if count else []
    if lacking and count:
        told.append(_lacking(lacking, len(cells)))
    nobody_named = f" (the column '{name}' holds no ids)"
    return Patients(ids, tuple(told) if count else (by_image(len(cells), nobody_named),))


def from_paths(paths: Sequence[str], how: str | None) -> Patients:
    """By ids in the paths, ``patient00012/`` or ``person7_2.png``, where every path has one.

    ``how``: ``path`` takes them where any has one, ``none`` never.
    """
    ids = [None if how == NONE else in_path(path) for path in paths]
    there = len(ids) - ids.count(None)
    count = len(set(ids) - {None})
    if there == 0 or (how is None and count == there):
        return Patients([None] * len(ids), (by_image(len(ids)),))
    if there < len(ids) and how is None:
        hint = f" ({there} of the paths hold what looks like one: patient = path takes it)"
        return Patients([None] * len(ids), (by_image(len(ids), hint),))
    told = [note(f"{plural(count, 'patient')} by ids in the images' paths.")]
    if there < len(ids):
        told.append(_lacking(len(ids) - there, len(ids)))
    return Patients(ids, tuple(told))


def _lacking(images: int, of: int) -> Remark:
    return weak(f"{images} of {of} images name no patient: each counts as one of its own.")


def by_image(images: int, hint: str = "") -> Remark:
    return weak(
        f"Nothing names the patients of its {images} images{hint}: each counts as a patient, so "
        "images of one patient may stand in training and in test."
    )


def in_path(path: str) -> str | None:
    """The id of a patient in the deepest folder that has one, else in the file's name."""
    *folders, name = PurePosixPath(path).parts
    for part in (*reversed(folders), name):
        found = _IN_PATH.match(part)
        if found:
            return found[0].casefold()
    return None


def _says_nothing(cells: Sequence[str]) -> frozenset[str]:
    """0 is a patient where ids count from it, else it says that there is none."""
    ids = set(cells)
    return _NOBODY if "0" not in ids or "1" in ids else _NOBODY | {"0"}
