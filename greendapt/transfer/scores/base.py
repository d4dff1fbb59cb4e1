"""What a score is, what it looks at, and what it answers. Numpy only.

Another package adds a score with one `Score` and one entry point of the group
``greendapt.scores``, by the name that suites and ``greendapt score --scores`` then take::

    my_score = Score(("features", "labels"), "higher", "what it says in a few words", of)

    def of(features, labels, seed): ...  # a number; raise Undefined(why) where there is none
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Better = Literal["higher", "lower"]


class Undefined(Exception):
    """A score has no value on this evidence; the message says why, to a user."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything a score may look at, of N images; what is not known is None.

    features
        [N, D] pooled features of the weights.
    labels
        int [N], the downstream class of each image.
    logits
        [N, Z] of the head that the weights were pre-trained with.
    views
        [N, ...] features of two photometric augmentations of each image.
    maps, masks
        [N, D, H, W] unpooled features and int [N, H, W] downstream label maps of the same size.
    source_accuracy, epoch, parameters
        What is known of the pre-training itself.
    """

    features: ArrayLike | None = None
    labels: ArrayLike | None = None
    logits: ArrayLike | None = None
    views: tuple[ArrayLike, ArrayLike] | None = None
    maps: ArrayLike | None = None
    masks: ArrayLike | None = None
    source_accuracy: float | None = None
    epoch: int | None = None
    parameters: int | None = None


@dataclass(frozen=True)
class Score:
    """One way to say what weights promise downstream.

    needs
        Fields of `Evidence`, in the order in which ``of`` takes them.
    better
        Which way is: ``higher`` or ``lower``.
    about
        What it is, in a few words.
    of
        From what it needs, and a seed (int) as the last argument, to a number; the same seed gives
        the same. Raises `Undefined` where there is none, ValueError for shapes that do not fit.
    variant
        From what stands behind ``NAME:`` to the score it means, ValueError for what it cannot
        read; None where there are no variants.
    """

    needs: tuple[str, ...]
    better: Better
    about: str
    of: Callable[..., float]
    variant: Callable[[str], Score] | None = None

    def __post_init__(self) -> None:
        unknown = set(self.needs) - {field.name for field in fields(Evidence)}
        if unknown:
            raise ValueError(f"there is no evidence {', '.join(sorted(unknown))}")


@dataclass(frozen=True)
class Scored:
    """What a score says of one set of weights.

    ``value`` is None where the score is undefined; ``why`` then says what is missing.
    """

    name: str
    value: float | None
    better: Better
    why: str | None = None


def finite(values: Any, what: str) -> Floats:
    """``values`` as float64. Undefined where there are none, or one is not finite."""
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0:
        raise Undefined(f"there are no {what}")
    if not np.isfinite(array).all():
        raise Undefined(f"{what} are not all finite numbers")
    return array


def matrix(values: Any, what: str = "features") -> Floats:
    """Finite [N, D]; ValueError for another shape."""
    array = finite(values, what)
    if array.ndim != 2:
        raise ValueError(f"{what} must be [N, D], not {array.shape}")
    return array


def classes(labels: Any, count: int, *, least: int = 1) -> tuple[Ints, int]:
    """Labels [N] as 0 ... K - 1, and K. Undefined with fewer than two classes, or with a class of
    fewer than ``least`` images; ValueError where there is not one label for each of ``count``."""
    given = np.asarray(labels)
    if given.shape != (count,):
        raise ValueError(f"{count} images need as many labels, not {given.shape}")
    _, index, sizes = np.unique(given, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        raise Undefined("all images are of one class")
    if sizes.min() < least:
        raise Undefined(f"a class has fewer than {least} images")
    return index.astype(np.int64), len(sizes)


def same_images(first: Floats, second: Floats, what: str) -> None:
    if len(first) != len(second):
        raise ValueError(f"{what}: {len(first)} and {len(second)} images")
