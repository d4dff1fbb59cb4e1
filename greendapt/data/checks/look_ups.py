"""Which images of one set are in another: by content, by patient, and as copies."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from greendapt.core.remarks import Remark, weak
from greendapt.data.copies import Looks, copied, too_many
from greendapt.data.copies.remembered import remembered
from greendapt.data.imageset import ImageSet, Ints

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """Some images of a set, ``rows``; what messages call them."""

    images: ImageSet
    rows: Ints
    name: str

    @classmethod
    def of(cls, images: ImageSet, name: str = "", splits: tuple[str, ...] = ()) -> Part:
        """The whole set, or its ``splits``."""
        chosen = np.isin(images.splits, splits) if splits else np.ones(len(images), bool)
        return cls(images, np.flatnonzero(chosen), name or images.name)

    def without(self, left_out: Flags) -> Part:
        return Part(self.images, self.rows[~left_out], self.name)

    @property
    def hashes(self) -> NDArray[np.uint64]:
        return self.images.hashes[self.rows]

    @property
    def patients(self) -> Ints:
        return self.images.patients[self.rows]

    def subset(self) -> ImageSet:
        whole = len(self.rows) == len(self.images)
        return self.images if whole else self.images.subset(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Seen:
    """True [N] for images of the same content, of the same patient, and nearly the same."""

    same: Flags
    patient: Flags
    near: Flags

    @property
    def copy(self) -> Flags:
        return self.same | self.near

    @property
    def any(self) -> Flags:
        return self.copy | self.patient


@dataclass
class LookUps:
    """Looks are made once a set. ``notes``: what was not looked for."""

    notes: list[Remark] = field(default_factory=list)
    _looks: dict[int, tuple[ImageSet, Looks]] = field(default_factory=dict)

    def seen(self, part: Part, other: Part) -> Seen:
        """What of ``part`` is in ``other``."""
        same = np.isin(part.hashes, other.hashes)
        near = np.zeros(len(part), dtype=bool)
        near[~same] = self._near(part.without(same), other)
        return Seen(same, np.isin(part.patients, other.patients), near)

    def _near(self, part: Part, other: Part) -> Flags:
        if not len(part) or (part.images.drawn and other.images.drawn):
            return np.zeros(len(part), dtype=bool)
        if too_many(len(part), len(other)):
            self.notes.append(
                weak(
                    f"Only exact copies were looked for between {part.name} and {other.name}: "
                    f"they have {len(part):,} and {len(other):,} images."
                )
            )
            return np.zeros(len(part), dtype=bool)

        def find() -> Ints:
            return np.flatnonzero(copied(self._looks_of(other), self._looks_of(part)))

        near = np.zeros(len(part), dtype=bool)
        side = part.images.pixels.shape[-1]
        near[remembered("copied", side, (part.hashes, other.hashes), find)] = True
        return near

    def _looks_of(self, part: Part) -> Looks:
        images = part.images
        if id(images) not in self._looks:
            self._looks[id(images)] = images, Looks.of(len(images), images.gather)
        return self._looks[id(images)][1].at(part.rows)
