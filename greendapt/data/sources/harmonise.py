"""The labels of several sources over one list of names (Cherti, Jitsev 2022, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from greendapt.data.imageset import ImageSet, Ints

Floats = NDArray[np.float32]
Which = Literal["intersection", "union"]
NoFinding = Literal["zeros", "label", "drop"]


@dataclass(frozen=True)
class Findings:
    """``values`` float32 [N, K] in {0, 1, NaN = missing}, a column for each of ``names``."""

    names: tuple[str, ...]
    values: Floats

    @classmethod
    def of(cls, images: ImageSet) -> Findings:
        """The labels of a set; each class is a finding that excludes the others."""
        return cls(images.classes, images.hot)

    def over(self, names: Sequence[str]) -> Floats:
        """Values float32 [N, len(names)]; NaN for a name that is not here."""
        values = np.full((len(self.values), len(names)), np.nan, dtype=np.float32)
        for column, name in enumerate(names):
            if name in self.names:
                values[:, column] = self.values[:, self.names.index(name)]
        return values

    def settle(self, no_finding: str, how: NoFinding) -> Findings:
        """``zeros``: where ``no_finding`` is 1 every other label is 0, whatever it was, and the
        column is gone; ``drop``: it is gone; ``label``: nothing changes.
        """
        if no_finding not in self.names or how == "label":
            return self
        column = self.names.index(no_finding)
        others = np.delete(self.values, column, axis=1)
        if how == "zeros":
            others[self.values[:, column] == 1] = 0
        return Findings(tuple(name for name in self.names if name != no_finding), others)


def names_of(sources: Sequence[Sequence[str]], which: Which) -> tuple[str, ...]:
    """The labels that every source has, or any; in alphabetical order."""
    sets = [set(names) for names in sources]
    return tuple(sorted(set.intersection(*sets) if which == "intersection" else set.union(*sets)))


def place(classes: Sequence[str], targets: Ints, among: Sequence[str]) -> Ints:
    """Class indices int64 [N] over ``among``; -1 for a class that is not there."""
    where = [among.index(name) if name in among else -1 for name in classes]
    return np.array(where, dtype=np.int64)[targets]
