"""A dataset as one value: pixels, targets, patients, splits, and where it comes from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import PurePath
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from greendapt.core.remarks import Remark
from greendapt.data.labels import no_targets
from greendapt.data.splits import by_appearance
from greendapt.suite.datasets import Split

Labelling = Literal["multiclass", "multilabel", "unlabelled"]
Ints = NDArray[np.int64]
NO_MASK = 255
"""The value a mask holds where an image has none."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Images of several arrays uint8 [M, C, H, W], one array after the other; none is copied.

    Grey ones are repeated where another has colour.
    """

    parts: tuple[NDArray[np.uint8], ...]

    @property
    def shape(self) -> tuple[int, ...]:
        channels = max(part.shape[1] for part in self.parts)
        return (sum(map(len, self.parts)), channels, *self.parts[0].shape[2:])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: slice | Ints) -> NDArray[np.uint8]:
        """The images at ``index``, in memory."""
        count, *shape = self.shape
        rows = np.arange(count)[index] if isinstance(index, slice) else np.asarray(index)
        taken = np.empty((len(rows), *shape), dtype=np.uint8)
        start = 0
        for part in self.parts:
            here = np.flatnonzero((rows >= start) & (rows < start + len(part)))
            taken[here] = part[rows[here] - start]
            start += len(part)
        return taken


@dataclass(frozen=True, eq=False)
class ImageSet:
    """N images of one source or several; their pixels in memory, or on the disk as a memory map.

    pixels
        uint8 [M, C, H, W]; C is 1 when every image is grey, else 3.
    targets
        int64 [N], an index into ``classes`` (multiclass); float32 [N, K] in {0, 1, NaN = missing}
        (multilabel); int64 [N] of -1 (unlabelled).
    patients
        int64 [N], codes that are the same wherever the same patient of the same ``origin`` is
        loaded; an image without a patient has its own.
    splits
        ``train``, ``val`` or ``test`` [N].
    hashes
        uint64 [N] of the decoded image before resizing.
    rows
        int64 [N]: which of ``pixels`` each image is (None: M = N, in order). A part of a set
        shares its pixels; nothing is copied until a batch is gathered.
    masks
        uint8 [N, H, W] label maps (1 is lung), NO_MASK where an image has none.
    sources
        The origin of each image [N], where they are of several.
    traits
        float64 [N, T] of the files (see `file_traits`), None where they are not known.
    groups
        By kind (sex, age, site) the group of each image's patient [N], or ``unknown``.
    notes
        What a reader should know of how the set was made; no patient-level data.
    """

    name: str
    origin: str
    synthetic: bool
    task: Labelling
    classes: tuple[str, ...]
    pixels: NDArray[np.uint8] | Stack
    targets: Ints | NDArray[np.float32]
    patients: Ints
    splits: NDArray[np.str_]
    hashes: NDArray[np.uint64]
    rows: Ints | None = None
    views: NDArray[np.str_] | None = None
    masks: NDArray[np.uint8] | None = None
    sources: NDArray[np.str_] | None = None
    traits: NDArray[np.float64] | None = None
    groups: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    notes: tuple[Remark, ...] = ()

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def origins(self) -> frozenset[str]:
        """Where its images come from."""
        if self.sources is None:
            return frozenset({self.origin})
        return frozenset(np.unique(self.sources).tolist())

    @property
    def hot(self) -> NDArray[np.float32]:
        """Targets as findings [N, K] in {0, 1, NaN = missing}: each class excludes the others."""
        if self.targets.ndim == 2:
            return self.targets.astype(np.float32)
        of = self.targets[:, None] == np.arange(len(self.classes))
        return np.asarray(of, dtype=np.float32)

    @property
    def drawn(self) -> bool:
        """Whether this program drew all of it: then no image was made from another."""
        return all(origin.startswith(("phantom:", "fractal")) for origin in self.origins)

    @property
    def where(self) -> Ints:
        """``rows``, written out."""
        return np.arange(len(self)) if self.rows is None else self.rows

    def gather(self, index: slice | Ints = slice(None)) -> NDArray[np.uint8]:
        """Pixels [..., C, H, W] of the images at ``index``, in memory."""
        return np.asarray(self.pixels[index if self.rows is None else self.rows[index]])

    def batches(self, size: int = 256) -> Iterator[NDArray[np.uint8]]:
        """The pixels of all images in order, ``size`` at a time."""
        for start in range(0, len(self), size):
            yield self.gather(slice(start, start + size))

    @cached_property
    def digest(self) -> str:
        """Hash of what decides results: images, labels, patient groups, splits, masks."""
        seen = hashlib.blake2b(digest_size=16)
        shape = (len(self), *self.pixels.shape[1:])
        seen.update(repr((self.task, self.classes, shape)).encode())
        for part in self.batches():
            seen.update(np.ascontiguousarray(part).data)
        group, _ = by_appearance(self.patients)
        for values in (self.targets, group, self.splits.astype("U5")):
            seen.update(np.ascontiguousarray(values).tobytes())
        if self.masks is not None:
            seen.update(np.ascontiguousarray(self.masks).tobytes())
        return seen.hexdigest()

    def subset(self, index: Ints | NDArray[np.bool_]) -> ImageSet:
        """The images at ``index`` (positions or a boolean mask), in that order."""
        return replace(
            self,
            rows=self.where[index],
            targets=self.targets[index],
            patients=self.patients[index],
            splits=self.splits[index],
            hashes=self.hashes[index],
            views=None if self.views is None else self.views[index],
            masks=None if self.masks is None else self.masks[index],
            sources=None if self.sources is None else self.sources[index],
            traits=None if self.traits is None else self.traits[index],
            groups={kind: of[index] for kind, of in self.groups.items()},
        )

    @property
    def subgroups(self) -> dict[str, NDArray[np.str_]]:
        """``groups``, and what else sets images apart: their view, and their source by the last
        part of its path, where that tells sources apart."""
        more = dict(self.groups)
        if self.views is not None:
            more["view"] = self.views
        names = {origin: PurePath(origin).name for origin in sorted(self.origins)}
        if self.sources is not None and len(set(names.values())) == len(names):
            more["source"] = np.array([names[origin] for origin in self.sources.tolist()])
        return more

    def without_labels(self) -> ImageSet:
        return replace(self, task="unlabelled", classes=(), targets=no_targets(len(self)))

    def part(self, split: Split) -> ImageSet:
        """The images of one split."""
        return self.subset(self.splits == split)


def code(*parts: object) -> int:
    """A stable signed 64-bit code of some words."""
    words = "\0".join(str(part) for part in parts).encode()
    return int.from_bytes(hashlib.blake2b(words, digest_size=8).digest(), "little", signed=True)


def codes(origin: str, ids: Iterable[str]) -> Ints:
    """Patient codes [N]: the ids themselves are not kept."""
    return np.array([code(origin, name) for name in ids], dtype=np.int64)


def content_hash(image: NDArray[np.generic]) -> int:
    """Unsigned 64-bit hash of an image's values and shape."""
    seen = hashlib.blake2b(repr((image.shape, image.dtype.str)).encode(), digest_size=8)
    seen.update(np.ascontiguousarray(image).data)
    return int.from_bytes(seen.digest(), "little")
