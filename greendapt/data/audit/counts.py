"""Who and what is in a source: counts only, no patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from greendapt.data.audit.source import NO, UNSURE, YES, Source, free_text
from greendapt.data.sources.subgroups import AGE, SEX, UNKNOWN, age_band, cells_of, sex


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
    rows, cells = source.rows, [row.cells for row in source.rows]
    patients = {row.patient for row in rows if row.patient}
    return Counts(
        source=source.name,
        images=len(rows),
        patients=len(patients) or None,
        unreadable=[place + 1 for place in sorted(source.bad)],
        splits=_tally(split for split in source.splits if split),
        views=_tally((row.view or UNKNOWN).upper() for row in rows if row.view is not None),
        sexes=_tally(map(sex, cells_of(cells, SEX))),
        ages=_tally(map(age_band, cells_of(cells, AGE))),
        labels={name: _answers(values) for name, values in source.labels.items()},
    )


def _tally(cells: Iterable[str]) -> dict[str, int]:
    values = list(cells)
    return {} if free_text(values) else dict(sorted(Counter(values).items()))


def _answers(values: NDArray[np.float32]) -> Answers:
    yes, no, unsure = (int((values == value).sum()) for value in (YES, NO, UNSURE))
    return Answers(yes, no, unsure, len(values) - yes - no - unsure)
