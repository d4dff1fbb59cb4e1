"""One name for one label, whatever a source calls it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from greendapt.core.errors import DataError
from greendapt.core.remarks import Remark, note

_GAPS = re.compile(r"[\s_\-]+")
_SPACES = re.compile(r"[\s_]+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
UNCERTAIN = frozenset({"-1", "-1.0"})
"""What several chest X-ray sets write for *uncertain*; missing, unless a merge says otherwise."""
NO_CLASS = frozenset({"", "nan", "na", "null"})
MISSING = NO_CLASS | {"none"} | UNCERTAIN
"""Cells that say nothing of a class, and of a finding."""
_FINDING = MISSING | {"0", "1", "0.0", "1.0"}
NO_FINDING = "No Finding"


@dataclass(frozen=True)
class Part:
    """How a source is read that is one of several: labels that never differ in it are kept, and
    uncertain ones become ``uncertain`` (0, 1 or NaN)."""

    uncertain: float


def plain(text: str) -> str:
    """``text`` without case, spaces, underscores and hyphens, for comparing names; a number as it
    is."""
    text = text.strip()
    return text if _NUMBER.fullmatch(text) else _GAPS.sub("", text).casefold()


@dataclass(frozen=True)
class Names:
    """``canonical``: plain name -> canonical name; ``spelt``: names as the aliases spell them."""

    canonical: Mapping[str, str]
    spelt: frozenset[str] = frozenset()

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
        written = (name for label, others in aliases.items() for name in (label, *others))
        return cls(canonical, frozenset(map(_spaced, written)))

    def __call__(self, name: str) -> str:
        """The canonical name, or ``name`` in lower case with underscores for gaps."""
        text = name.strip()
        if _NUMBER.fullmatch(text):
            return self.canonical.get(text, text)
        return self.canonical.get(plain(text)) or _GAPS.sub("_", text).casefold()


def clashes(labels: Sequence[str], names: Names) -> str:
    """Two labels that differ by more than case and spaces but would be one: ``'T-1' and 'T1'``.

    Empty where there are none; names in the aliases may be spelt any way.
    """
    spelt: dict[str, str] = {}
    for label in dict.fromkeys(labels):
        first = spelt.setdefault(names(label), label)
        if _spaced(first) != _spaced(label) and not {_spaced(first), _spaced(label)} <= names.spelt:
            return f"'{first}' and '{label}'"
    return ""


def _spaced(text: str) -> str:
    return _SPACES.sub("_", text.strip()).casefold()


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


def is_finding(cells: Iterable[str]) -> bool:
    """Whether a column holds 0, 1, -1 or nothing, and something."""
    kinds = {cell.lower() for cell in set(cells)}
    return kinds <= _FINDING and not kinds <= MISSING


def finding(cell: str, uncertain: float) -> float:
    """0 or 1 of a cell of a finding's column; NaN where it says nothing."""
    text = cell.lower()
    if text in UNCERTAIN:
        return uncertain
    return float("nan") if text in MISSING else float(cell)


def differing(findings: NDArray[np.int64] | NDArray[np.float32]) -> NDArray[np.bool_]:
    """True [K] for the columns of [N, K] with both answers: the others teach and test nothing."""
    return np.asarray((findings == 1).any(axis=0) & (findings == 0).any(axis=0))


def without_constant(
    names: Sequence[str], findings: NDArray[np.int64] | NDArray[np.float32]
) -> tuple[tuple[str, ...], NDArray[np.bool_], tuple[Remark, ...]]:
    """The names of the `differing` columns of [N, K], which these are, and a note on the others."""
    varies = differing(findings)
    kept = tuple(name for name, keep in zip(names, varies, strict=True) if keep)
    flat = [name for name, keep in zip(names, varies, strict=True) if not keep]
    text = f"Left out, the same in every image: {', '.join(flat)}."
    return kept, varies, (note(text),) if flat else ()


def no_targets(images: int) -> NDArray[np.int64]:
    """The targets [N] of a set without labels."""
    return np.full(images, -1, dtype=np.int64)
