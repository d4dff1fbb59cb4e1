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
MISSING = frozenset({"", "nan", "na", "none", "null"}) | UNCERTAIN
"""Cells that say nothing."""
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
    """Source name -> canonical name."""

    known: Mapping[str, str]

    @classmethod
    def of(cls, aliases: Mapping[str, tuple[str, ...]]) -> Names:
        known: dict[str, str] = {}
        for canonical, others in aliases.items():
            for name in (canonical, *others):
                said = known.setdefault(plain(name), canonical)
                if said != canonical:
                    raise DataError(
                        f"data.aliases: '{name}' stands for both '{said}' and '{canonical}'; "
                        "leave it under one of them"
                    )
        return cls(known)

    def __call__(self, name: str) -> str:
        """The canonical name, or ``name`` in lower case with underscores for gaps."""
        return self.known.get(plain(name)) or _GAPS.sub("_", name.strip()).casefold()


def class_targets(
    labels: Sequence[str], names: Names, order: Sequence[str] = ()
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Classes (``order`` first, else alphabetical) and int64 [N] indices into them."""
    said = [names(label) for label in labels]
    classes = tuple(dict.fromkeys(names(n) for n in order)) or tuple(sorted(set(said)))
    place = {name: i for i, name in enumerate(classes)}
    return classes, np.array([place[name] for name in said], dtype=np.int64)


def merge_columns(
    columns: Sequence[str], values: NDArray[np.float32], names: Names
) -> tuple[tuple[str, ...], NDArray[np.float32]]:
    """Canonical findings and float32 [N, K]; columns of one canonical name merge to "any of"."""
    said = [names(column) for column in columns]
    classes = tuple(dict.fromkeys(said))
    merged = np.full((len(values), len(classes)), np.nan, dtype=np.float32)
    for column, name in enumerate(said):
        k = classes.index(name)
        merged[:, k] = np.fmax(merged[:, k], values[:, column])
    return classes, merged
