"""How well the label is told from what is no anatomy, and which labels contradict the images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from greendapt.core.remarks import Remark, weak
from greendapt.data.copies.appearance import Pictures
from greendapt.data.imageset import Ints
from greendapt.data.leaks import thumbnails
from greendapt.data.splits import by_appearance
from greendapt.stats.intervals import cluster_bootstrap_auc, macro_auc, percentile_interval
from greendapt.stats.logistic import logistic

Floats = NDArray[np.float64]
_FOLDS = 5
_MOST = 2000
_LEAST = 20
_STRIP = 4
_CORNER = 8
_CELL = 4
_EDGE = 8
_TELLING = 0.65
_CERTAIN = 0.1
_NOISY = 0.08
_LEARNT = 0.72
_MANY = 200
_LABELS = 8
TRAITS, BORDERS, CORNERS, MIDDLE, THUMBNAILS = (
    "file traits",
    "borders",
    "corners",
    "the middle",
    "thumbnails",
)


@dataclass(frozen=True)
class Told:
    """Cross-validated AUC of telling ``label`` by what is ``seen``, patients kept apart, and its
    95% interval over patients."""

    label: str
    seen: str
    auc: float
    low: float
    high: float
    alarming: bool = False


@dataclass(frozen=True)
class Suspects:
    """Of so many ``images`` whose ``label`` was predicted from others' thumbnails: how many are
    ``suspect``; the ``share`` of the other label among those that the prediction is surest of,
    which is an estimate of the labels that are wrong where thumbnails tell it at all."""

    label: str
    images: int
    suspect: int
    share: float
    alarming: bool = False


def features(pictures: Pictures, traits: Floats | None) -> dict[str, Floats]:
    """By name, [N, D]: what a shortcut may be seen in. ``traits``: of the files, see `Traits`."""
    grey = pictures.astype(np.float64) / 255
    strips = [grey[:, :_STRIP], grey[:, -_STRIP:]]
    sides = [grey[:, :, :_STRIP].swapaxes(1, 2), grey[:, :, -_STRIP:].swapaxes(1, 2)]
    corners = [grey[:, rows, columns] for rows in _ENDS for columns in _ENDS]
    seen = {} if traits is None else {TRAITS: _quantiles(traits)}
    seen[BORDERS] = np.concatenate([_cells(part) for part in (*strips, *sides)], axis=1)
    seen[CORNERS] = np.concatenate([_cells(part) for part in corners], axis=1)
    seen[MIDDLE] = thumbnails(pictures[:, None, _EDGE:-_EDGE, _EDGE:-_EDGE], 12).astype(np.float64)
    seen[THUMBNAILS] = thumbnails(pictures[:, None]).astype(np.float64)
    return seen


_ENDS = (slice(None, _CORNER), slice(-_CORNER, None))


def _cells(part: Floats) -> Floats:
    """Means of squares of _CELL pixels, flat."""
    count, rows, columns = part.shape
    cells = part.reshape(count, rows // _CELL, _CELL, columns // _CELL, _CELL).mean(axis=(2, 4))
    return np.asarray(cells.reshape(count, -1))


def _quantiles(traits: Floats) -> Floats:
    """Each trait as its quantile, and as one of its four commonest values."""
    columns = []
    for column in traits.T:
        _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
        below = np.cumsum(counts) - counts / 2
        columns.append(below[place] / len(column))
        common = np.argsort(-counts, kind="stable")[:4]
        columns += [(place == one).astype(np.float64) for one in common]
    return np.stack(columns, axis=1)


def shortcuts(
    seen: dict[str, Floats], labels: dict[str, NDArray[np.float32]], patients: Ints, seed: int = 0
) -> tuple[list[Told], list[Suspects]]:
    """Of the commonest labels (1, 0, anything else: not known) with enough images of both answers;
    ``seen``: by name, [N, D]."""
    told, suspects = [], []
    positives = {name: int((values == 1).sum()) for name, values in labels.items()}
    for name in sorted(labels, key=lambda one: -positives[one])[:_LABELS]:
        values = labels[name]
        known = np.flatnonzero((values == 1) | (values == 0))
        known = np.sort(np.random.default_rng([seed, 5]).permutation(known)[:_MOST])
        answers = values[known].astype(np.int64)
        if min((answers == 0).sum(), (answers == 1).sum()) < _LEAST:
            continue
        fold = _folds(patients[known], seed)
        if min(len(np.unique(fold[answers == one])) for one in (0, 1)) < _FOLDS:
            continue
        scores = {what: _predicted(columns[known], answers, fold) for what, columns in seen.items()}
        mine = {
            what: _told(name, what, answers, one, fold, patients[known])
            for what, one in scores.items()
        }
        told += [_judged(one, mine[MIDDLE]) for one in mine.values()]
        suspects.append(_suspects(answers, scores[THUMBNAILS], mine[THUMBNAILS]))
    return told, suspects


def _judged(one: Told, middle: Told) -> Told:
    """Alarming: no anatomy is in it, and it tells the label; borders and corners, where there is
    some, better than the middle does."""
    least = {TRAITS: _TELLING, BORDERS: middle.auc, CORNERS: middle.auc}.get(one.seen, np.inf)
    return replace(one, alarming=one.low > max(_TELLING, least))


def _folds(patients: Ints, seed: int) -> Ints:
    member, count = by_appearance(patients)
    return np.asarray(np.random.default_rng([seed, 3]).permutation(count)[member] % _FOLDS)


def _predicted(columns: Floats, answers: Ints, fold: Ints) -> Floats:
    """Log-odds [N] of a model that has not seen the image's patient."""
    scores = np.zeros(len(answers))
    for held in range(_FOLDS):
        train = fold != held
        mean, spread = columns[train].mean(axis=0), columns[train].std(axis=0)
        x = (columns - mean) / np.maximum(spread, 0.02)
        weights, bias = logistic(x[train], answers[train], 2, penalty=float(x.shape[1]))
        logits = x[~train] @ weights + bias
        scores[~train] = logits[:, 1] - logits[:, 0]
    return scores


def _told(label: str, seen: str, answers: Ints, scores: Floats, fold: Ints, patients: Ints) -> Told:
    areas, draws = [], []
    for held in range(_FOLDS):
        test = fold == held
        areas.append(macro_auc(answers[test], scores[test]))
        draws.append(cluster_bootstrap_auc(answers[test], scores[test], patients[test], 500, held))
    # scores of two folds are of two models: averaged, not pooled
    low, high = percentile_interval(np.nanmean(draws, axis=0))
    area = float(np.nanmean(areas))
    return Told(label, seen, area, area if low is None else low, area if high is None else high)


def _suspects(answers: Ints, scores: Floats, told: Told) -> Suspects:
    """Confident learning (Northcutt et al. 2021) of two classes: an image is suspect where the
    other answer is as likely as it is on average where it is the label."""
    likely = 1 / (1 + np.exp(-scores))
    yes, no = likely[answers == 1].mean(), 1 - likely[answers == 0].mean()
    wrong = ((answers == 1) & (1 - likely >= no)) | ((answers == 0) & (likely >= yes))
    order, few = np.argsort(scores), max(round(_CERTAIN * len(scores)), 1)
    share = float(min(answers[order[:few]].mean(), 1 - answers[order[-few:]].mean()))
    noisy = len(scores) >= _MANY and share >= _NOISY and told.auc >= _LEARNT
    return Suspects(told.label, len(answers), int(wrong.sum()), share, noisy)


def remarks(told: list[Told], suspects: list[Suspects], of: str) -> list[Remark]:
    """Of what is alarming, the worst a label."""
    worst: dict[str, Told] = {}
    for one in told:
        if one.alarming and (one.label not in worst or one.low > worst[one.label].low):
            worst[one.label] = one
    shortcuts = [
        weak(
            f"{of}: '{one.label}' is told by {one.seen} alone, AUC {one.auc:.2f} "
            f"[{one.low:.2f}, {one.high:.2f}]: a network may learn that instead of what is ill."
        )
        for one in worst.values()
    ]
    return shortcuts + [
        weak(
            f"{of}: about {one.share:.0%} of the labels of '{one.label}' may be wrong (the share "
            f"of the other label where a simple model is surest); {one.suspect} of {one.images} "
            "images are suspect."
        )
        for one in suspects
        if one.alarming and one.label not in worst
    ]
