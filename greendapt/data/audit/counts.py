"""Who and what is in a source: counts only, no patient."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from greendapt.data.audit.source import NO, UNSURE, YES, Source, free_text
from greendapt.data.sources.listing import Row

_SEX = ("sex", "gender", "patientsex", "patientgender")
_AGE = ("age", "patientage")
_BANDS = ((18, "0-17"), (40, "18-39"), (60, "40-59"), (80, "60-79"), (120, "80+"))
_YEARS = {"y": 1.0, "m": 12.0, "w": 52.18, "d": 365.25}
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Answers:
    """How many images have the label, have it not, are uncertain, or say nothing."""

    yes: int
    no: int
    uncertain: int
    missing: int


@dataclass(frozen=True)
class Counts:
    """A source in numbers. ``patients``: None where nothing names them; ``unreadable``: places in
    the list of images, from 1."""

    source: str
    images: int
    patients: int | None
    unreadable: list[int]
    splits: dict[str, int]
    views: dict[str, int]
    sexes: dict[str, int]
    ages: dict[str, int]
    labels: dict[str, Answers]


def count(source: Source) -> Counts:
    rows = source.rows
    patients = {row.patient for row in rows if row.patient}
    return Counts(
        source=source.name,
        images=len(rows),
        patients=len(patients) or None,
        unreadable=[place + 1 for place in sorted(source.bad)],
        splits=_tally(split for split in source.splits if split),
        views=_tally((row.view or UNKNOWN).upper() for row in rows if row.view is not None),
        sexes=_tally(map(sex, _cells(rows, _SEX))),
        ages=_tally(map(age_band, _cells(rows, _AGE))),
        labels={name: _answers(values) for name, values in source.labels.items()},
    )


def sex(cell: str) -> str:
    """``F``, ``M`` or unknown."""
    first = cell.strip()[:1].upper()
    return first if first in ("F", "M") else UNKNOWN


def age_band(cell: str) -> str:
    """The band of ``63``, ``063Y`` or ``18M`` (months, as DICOM writes it)."""
    age = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([ymwd]?)[a-z]*", cell.strip().lower())
    if age is None:
        return UNKNOWN
    years = float(age[1]) / _YEARS[age[2] or "y"]
    return next((band for end, band in _BANDS if years < end), UNKNOWN)


def _cells(rows: Sequence[Row], columns: Sequence[str]) -> list[str]:
    """The first of the columns that there is."""
    column = next((c for c in columns if rows and c in rows[0].cells), None)
    return [] if column is None else [row.cells[column] for row in rows]


def _tally(cells: Iterable[str]) -> dict[str, int]:
    values = list(cells)
    return {} if free_text(values) else dict(sorted(Counter(values).items()))


def _answers(values: NDArray[np.float32]) -> Answers:
    yes, no, unsure = (int((values == value).sum()) for value in (YES, NO, UNSURE))
    return Answers(yes, no, unsure, len(values) - yes - no - unsure)
