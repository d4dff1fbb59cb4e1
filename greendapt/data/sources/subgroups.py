"""What people an image's patient belongs to, by the columns that tables usually have for it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

UNKNOWN = "unknown"
SEX = ("sex", "gender", "patientsex", "patientgender")
AGE = ("age", "patientage")
_SITE = ("site", "hospital", "institution")
_BANDS = ((18, "0-17"), (40, "18-39"), (60, "40-59"), (80, "60-79"), (120, "80+"))
_YEARS = {"y": 1.0, "m": 12.0, "w": 52.18, "d": 365.25}


def subgroups(rows: Sequence[Mapping[str, str]]) -> dict[str, NDArray[np.str_]]:
    """By kind (sex, age, site) the group of each row [N], ``unknown`` where it does not say; of a
    table's cells by column key. A kind without a column is left out."""
    kinds = {"sex": (SEX, sex), "age": (AGE, age_band), "site": (_SITE, _site)}
    found = {kind: cells_of(rows, columns) for kind, (columns, _) in kinds.items()}
    return {
        kind: np.array([kinds[kind][1](cell) for cell in cells])
        for kind, cells in found.items()
        if cells
    }


def cells_of(rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> list[str]:
    """Of the first of the columns that there is."""
    column = next((c for c in columns if rows and c in rows[0]), None)
    return [] if column is None else [row[column] for row in rows]


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


def _site(cell: str) -> str:
    return cell.strip() or UNKNOWN
