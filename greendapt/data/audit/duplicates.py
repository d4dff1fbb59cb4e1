"""What stands in more than one place: patients, and images that are the same or nearly so."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from greendapt.data.audit.source import Source
from greendapt.data.copies import Looks
from greendapt.data.copies.appearance import SIDE
from greendapt.data.copies.remembered import groups
from greendapt.data.imageset import Ints
from greendapt.data.splits import SPLITS


@dataclass(frozen=True)
class Place:
    """A source, or one split of it."""

    source: str
    split: str = ""

    def __str__(self) -> str:
        return f"{self.source} ({self.split})" if self.split else self.source


@dataclass(frozen=True)
class Shared:
    """``patients`` ids are in both places: ``ids``."""

    one: Place
    other: Place
    patients: int
    ids: list[str]

    @classmethod
    def of(cls, one: Place, other: Place, ids: set[str]) -> Shared:
        return cls(one, other, len(ids), sorted(ids))


@dataclass(frozen=True)
class Twins:
    """Images of ``other`` that have a copy in ``one`` (the same place: one listed before them).

    ``exact``: of the same content; ``near``: more that are nearly the same (see `copies`).
    ``pairs``: their places in the list of images of either source, from 1.
    """

    one: Place
    other: Place
    exact: int
    near: int
    pairs: list[tuple[int, int]]


def shared_patients(sources: Sequence[Source]) -> list[Shared]:
    """Between splits of a source, and between sources, where the same id may be chance."""
    shared = []
    everyone = []
    for source in sources:
        by_split: dict[str, set[str]] = defaultdict(set)
        for row, split in zip(source.rows, source.splits, strict=True):
            if row.patient:
                by_split[split].add(row.patient)
        shared += [
            Shared.of(Place(source.name, a), Place(source.name, b), by_split[a] & by_split[b])
            for a, b in combinations(sorted(by_split, key=_order), 2)
        ]
        everyone.append((Place(source.name), set().union(*by_split.values())))
    shared += [
        Shared.of(one, other, those & others)
        for (one, those), (other, others) in combinations(everyone, 2)
    ]
    return [one for one in shared if one.patients]


def twins(sources: Sequence[Source]) -> list[Twins]:
    """Copies within and between all splits of all sources; each image counts once a place."""
    every = _Every.of(sources)
    exact = every.twins(every.hashes)
    copies = every.twins(every.groups()) | exact
    counted: dict[tuple[int, int], Counter[bool]] = defaultdict(Counter)
    pairs: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for (at, place), before in sorted(copies.items()):
        key = place, int(every.place[at])
        counted[key][(at, place) in exact] += 1
        pairs[key].append((int(every.row[before]) + 1, int(every.row[at]) + 1))
    return [
        Twins(every.places[a], every.places[b], number[True], number[False], pairs[a, b])
        for (a, b), number in sorted(counted.items())
    ]


def places(sources: Sequence[Source]) -> dict[Place, Ints]:
    """Where the images of each split of each source are in their list."""
    return {
        Place(source.name, split): np.flatnonzero(np.array(source.splits) == split)
        for source in sources
        for split in dict.fromkeys(source.splits)
    }


Copies = dict[tuple[int, int], int]
"""(image, place before it) -> the first image there that it is a copy of."""


@dataclass(frozen=True)
class _Every:
    """The readable images of all sources, by place: ``place`` and ``row`` in their source [N]."""

    places: list[Place]
    place: Ints
    row: Ints
    hashes: NDArray[np.uint64]
    pictures: NDArray[np.uint8]

    @classmethod
    def of(cls, sources: Sequence[Source]) -> _Every:
        keys = [
            (which, _order(split), row, split)
            for which, source in enumerate(sources)
            for row, split in enumerate(source.splits)
            if row not in source.bad
        ]
        keys.sort()
        named = [Place(sources[which].name, split) for which, _, _, split in keys]
        places = list(dict.fromkeys(named))
        number = {place: k for k, place in enumerate(places)}
        starts = np.cumsum([0, *(len(source) for source in sources)])
        at = np.array([starts[which] + row for which, _, row, _ in keys], dtype=np.int64)
        hashes = np.concatenate([source.hashes for source in sources])[at]
        return cls(
            places,
            np.array([number[place] for place in named], dtype=np.int64),
            np.array([row for _, _, row, _ in keys], dtype=np.int64),
            hashes,
            np.concatenate([source.pictures for source in sources])[at],
        )

    def groups(self) -> Ints:
        """Numbers [N] that copies share; the same content where there are too many images."""
        return groups(self.hashes, SIDE, lambda: Looks.of_pictures(self.pictures))

    def twins(self, keys: NDArray[np.integer]) -> Copies:
        """Of images with the same key."""
        first: dict[int, dict[int, int]] = defaultdict(dict)
        copies: Copies = {}
        for at, (key, place) in enumerate(zip(keys.tolist(), self.place.tolist(), strict=True)):
            copies |= {(at, there): before for there, before in first[key].items()}
            first[key].setdefault(place, at)
        return copies


def _order(split: str) -> int:
    return SPLITS.index(split) if split in SPLITS else len(SPLITS)
