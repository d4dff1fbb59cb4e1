"""One name for one label, whatever a source calls it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from greendapt.core.errors import DataError

_GAPS = re.compile(r"[\s_\-]+")
UNCERTAIN = frozenset({"-1", "-1.0"})
"""What several chest X-ray sets write for *uncertain*; missing, unless a merge says otherwise."""
NO_CLASS = frozenset({"", "nan", "na", "null"})
MISSING = NO_CLASS | {"none"} | UNCERTAIN
"""Cells that say nothing of a class, and of a finding."""
NO_FINDING = "No Finding"


@dataclass(frozen=True)
class Part:
    """How a source is read that is one of several: labels that never differ in it are kept, and
    uncertain ones become ``uncertain`` (0, 1 or NaN)."""

    uncertain: float


def plain(text: str) -> str:
    """``text`` without case, spaces, underscores and hyphens, for comparing names."""
    return _GAPS.sub("", text).casefold()


@dataclass(frozen=True)
class Names:
    """``canonical``: plain name -> canonical name."""

    canonical: Mapping[str, str]

    @classmethod
    def of(cls, aliases: Mapping[str, tuple[str, ...]]) -> Names:
        canonical: dict[str, str] = {}
        for label, others in aliases.items():
            for name in (label, *others):
                first = canonical.setdefault(plain(name), label)
                if first != label:
                    raise DataError(
                        f"data.aliases: '{name}' stands for both '{first}' and '{label}'; "
                        "leave it under one of them"
                    )
        return cls(canonical)

    def __call__(self, name: str) -> str:
        """The canonical name, or ``name`` in lower case with underscores for gaps."""
        return self.canonical.get(plain(name)) or _GAPS.sub("_", name.strip()).casefold()


def class_targets(
    labels: Sequence[str], names: Names, order: Sequence[str] = ()
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Classes (``order`` first, else alphabetical) and int64 [N] indices into them."""
    canonical = [names(label) for label in labels]
    classes = tuple(dict.fromkeys(names(n) for n in order)) or tuple(sorted(set(canonical)))
    place = {name: i for i, name in enumerate(classes)}
    return classes, np.array([place[name] for name in canonical], dtype=np.int64)


def merge_columns(
    columns: Sequence[str], values: NDArray[np.float32], names: Names
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Canonical findings and float32 [N, K]; columns of one canonical name merge to "any of"."""
    canonical = [names(column) for column in columns]
    classes = tuple(dict.fromkeys(canonical))
    merged = np.full((len(values), len(classes)), np.nan, dtype=np.float32)
    for column, name in enumerate(canonical):
        k = classes.index(name)
        merged[:, k] = np.fmax(merged[:, k], values[:, column])
    return classes, merged


def finding(cell: str, uncertain: float) -> float:
    """0 or 1 of a cell of a finding's column; NaN where it says nothing."""
    text = cell.lower()
    if text in UNCERTAIN:
        return uncertain
    return float("nan") if text in MISSING else float(cell)


def differing(findings: NDArray[np.int64] | NDArray[np.float32]) -> NDArray[np.bool_]:
    """True [K] for the columns of [N, K] with both answers: the others teach and test nothing."""
    return np.asarray((findings == 1).any(axis=0) & (findings == 0).any(axis=0))


def no_targets(images: int) -> NDArray[np.int64]:
    """The targets [N] of a set without labels."""
    return np.full(images, -1, dtype=np.int64)
