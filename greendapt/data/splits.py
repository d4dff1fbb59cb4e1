"""Who goes where: splits by patient, held-out patients, nested few-shot subsets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from greendapt.core.errors import DataError
from greendapt.core.remarks import Remark, note
from greendapt.data.joined import components

Ints = NDArray[np.int64]

SPLITS = ("train", "val", "test")
FRACTIONS = (0.6, 0.15, 0.25)
_GOLDEN = (5**0.5 - 1) / 2


@dataclass(frozen=True)
class FewShot:
    """``index`` [M] into the set it was drawn from, ascending; ``short``: classes with too few."""

    index: Ints
    short: tuple[int, ...]


def assign_splits(
    patients: Ints,
    fractions: tuple[float, float, float] = FRACTIONS,
    seed: int = 0,
    targets: NDArray[np.generic] | None = None,
) -> NDArray[np.str_]:
    """``train``/``val``/``test`` per image [N]; all images of a patient go together.

    Fractions are of patients. With ``targets`` the parts are stratified by each patient's rarest
    label: patients sorted by label receive a golden-ratio sequence, whose ranks are then cut.
    Raises DataError below three patients.
    """
    member, count = by_appearance(patients)
    if count < 3:
        raise DataError(
            f"three splits need at least three patients, there are {count}; "
            "give a split column or more patients"
        )
    train, val = _cuts(count, fractions)
    order = _spread(_strata(member, targets, count), seed)
    code = np.full(count, 2)
    code[order[:train]] = 0
    code[order[train : train + val]] = 1
    return np.asarray(np.array(SPLITS)[code[member]])


def made_splits(patients: Ints, targets: NDArray[np.generic], seed: int = 0) -> NDArray[np.str_]:
    """As `assign_splits`; fewer than three patients train."""
    if len(np.unique(patients)) < 3:
        return np.full(len(patients), "train")
    return assign_splits(patients, seed=seed, targets=targets)


def settle_splits(
    official: Sequence[str],
    patients: Ints,
    targets: NDArray[np.generic],
    alike: Callable[[], Ints] | None = None,
) -> tuple[NDArray[np.str_], tuple[Remark, ...]]:
    """Splits [N] and notes: the ``official`` ones, where each image has one, else made.

    Official splits without a validation part give a fifth of their training patients to it.
    ``alike``: numbers [N] that copies of one image share; they stay together in what is made.
    """
    if len(official) < len(patients):
        people, notes = _with_copies(patients, alike)
        return made_splits(people, targets), notes
    splits = np.array(official, dtype="<U5")
    train = splits == "train"
    if (splits == "val").any() or len(np.unique(patients[train])) < 3:
        return splits, ()
    people, notes = _with_copies(patients, alike)
    held = hold_out(people[train], 0.2, seed=0, targets=targets[train])
    splits[np.flatnonzero(train)[held]] = "val"
    text = "It has no validation part: a fifth of its training patients became one."
    return splits, (note(text), *notes)


def _with_copies(
    patients: Ints, alike: Callable[[], Ints] | None
) -> tuple[Ints, tuple[Remark, ...]]:
    """Patients, those who share an image as one, and how many images that are copies there are."""
    if alike is None:
        return patients, ()
    groups = alike()
    _, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    several = int((sizes[group] > 1).sum())
    if not several:
        return patients, ()
    _, person = np.unique(patients, return_inverse=True)
    count = int(person.max()) + 1
    joined = components(count + len(sizes), person, count + group)[person]
    text = f"{several} images are copies of one another; copies were kept in one part."
    return joined, (note(text),)


def share(
    patients: Ints, fraction: float, seed: int, targets: NDArray[np.generic] | None = None
) -> NDArray[np.bool_]:
    """True [N] for the images of ``fraction`` of the patients, at least one.

    Those of a smaller fraction are among those of a larger one; ``targets`` stratify as in
    `assign_splits`.
    """
    member, count = by_appearance(patients)
    chosen = np.zeros(count, dtype=bool)
    order = _spread(_strata(member, targets, count), seed)
    chosen[order[: max(round(fraction * count), 1)]] = True
    return np.asarray(chosen[member])


def by_appearance(patients: Ints) -> tuple[Ints, int]:
    """Patients numbered 0, 1, ... as they first appear [N], and how many there are."""
    _, first, member = np.unique(patients, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first, kind="stable"), kind="stable")
    return np.asarray(rank[member], dtype=np.int64), len(first)


def hold_out(
    patients: Ints, fraction: float, seed: int, targets: NDArray[np.generic] | None = None
) -> NDArray[np.bool_]:
    """True [N] for the images of about ``fraction`` of the patients, at least one, never all."""
    member, count = by_appearance(patients)
    if count < 2:
        raise DataError("a held-out part needs at least two patients, there is one")
    wanted = min(max(round(fraction * count), 1), count - 1)
    held = np.zeros(count, dtype=bool)
    held[_spread(_strata(member, targets, count), seed)[:wanted]] = True
    return np.asarray(held[member])


def few_shot(
    targets: NDArray[np.generic], shots: int, seed: int, patients: Ints | None = None
) -> FewShot:
    """A subset with ``shots`` images a class; a smaller one lies inside a larger one.

    ``targets``: int64 [N] classes, or float [N, K] findings with NaN = missing: then ``shots``
    positives of each finding and as many images without any. With ``patients`` the images of
    different patients come first. A class with fewer gives all it has and is named in ``short``.
    """
    order = _one_patient_first(np.random.default_rng([seed, 7]).permutation(len(targets)), patients)
    if targets.ndim == 1:
        columns = [targets == k for k in range(int(targets.max(initial=-1)) + 1)]
    else:
        positive = np.nan_to_num(targets.astype(np.float64)) > 0.5
        labelled = ~np.isnan(targets.astype(np.float64)).all(axis=1)
        columns = [*positive.T, labelled & ~positive.any(axis=1)]
    taken = [order[column[order]][:shots] for column in columns]
    short = tuple(k for k, part in enumerate(taken) if len(part) < shots)
    return FewShot(np.unique(np.concatenate(taken)).astype(np.int64), short)


def _one_patient_first(order: Ints, patients: Ints | None) -> Ints:
    """``order`` with each patient's first image ahead of everyone's second, and so on."""
    if patients is None:
        return order
    mine = patients[order]
    by_patient = np.argsort(mine, kind="stable")
    starts = np.flatnonzero(np.diff(mine[by_patient], prepend=mine[by_patient][:1] - 1))
    nth = np.empty(len(order), dtype=np.int64)
    nth[by_patient] = np.arange(len(order)) - np.repeat(starts, np.diff([*starts, len(order)]))
    return order[np.argsort(nth, kind="stable")]


def _cuts(count: int, fractions: tuple[float, float, float]) -> tuple[int, int]:
    val = max(round(fractions[1] * count), 1)
    test = max(round(fractions[2] * count), 1)
    return max(count - val - test, 1), min(val, count - 2)


def _strata(member: Ints, targets: NDArray[np.generic] | None, groups: int) -> Ints:
    """One label code a patient [G]: the rarest class among the patient's images."""
    if targets is None or len(targets) == 0:
        return np.zeros(groups, dtype=np.int64)
    if targets.ndim == 1:
        values, codes = np.unique(targets, return_inverse=True)
        hot = np.eye(len(values), dtype=bool)[codes]
    else:
        hot = np.nan_to_num(targets.astype(np.float64)) > 0.5
        hot = np.concatenate([hot, ~hot.any(axis=1, keepdims=True)], axis=1)
    rank = np.argsort(np.argsort(hot.sum(axis=0), kind="stable"))
    rarest = np.where(hot, rank, hot.shape[1]).min(axis=1)
    strata = np.full(groups, hot.shape[1], dtype=np.int64)
    np.minimum.at(strata, member, rarest)
    return strata


def _spread(strata: Ints, seed: int) -> Ints:
    """Patients in an order whose every prefix holds about the same share of each stratum."""
    rng = np.random.default_rng([seed, 11])
    by_label = np.lexsort((rng.random(len(strata)), strata))
    place = np.empty(len(strata))
    place[by_label] = (rng.random() + _GOLDEN * np.arange(len(strata))) % 1.0
    return np.argsort(place, kind="stable").astype(np.int64)
