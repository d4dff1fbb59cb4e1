"""How well a trivial model tells the sources apart: what a network could learn instead."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from greendapt.data.audit.source import NO, YES, Source
from greendapt.data.imageset import Ints
from greendapt.data.leaks import thumbnails
from greendapt.stats.intervals import (
    cluster_bootstrap_auc,
    log_odds,
    macro_auc,
    percentile_interval,
)
from greendapt.stats.logistic import logistic

Floats = NDArray[np.float64]
_MOST = 1000
_FOLDS = 5
_PENALTY = 1.0


@dataclass(frozen=True)
class Separability:
    """Cross-validated AUC of logistic regression on what is ``seen``, one source against the rest
    and averaged, with its 95% interval over patients; None and ``why`` where there can be none."""

    seen: str
    auc: float | None
    low: float | None
    high: float | None
    images: int
    why: str = ""


def separability(sources: Sequence[Source], seed: int = 0) -> list[Separability]:
    """By 16 x 16 thumbnails, and by the labels alone that all sources have."""
    if len(sources) < 2:
        return []
    drawn = [_draw(source, np.random.default_rng([seed, k])) for k, source in enumerate(sources)]
    of = np.repeat(np.arange(len(sources)), [len(rows) for rows in drawn])
    if min(map(len, drawn)) < _FOLDS:
        why = f"a source has fewer than {_FOLDS} images that can be read"
        return [
            Separability(seen, None, None, None, len(of), why) for seen in ("thumbnails", "labels")
        ]
    patients = _patients(sources, drawn)
    small = [thumbnails(s.pictures[rows][:, None]) for s, rows in zip(sources, drawn, strict=True)]
    by_sight = _judged("thumbnails", np.concatenate(small).astype(np.float64), of, patients, seed)
    shared = sorted(set.intersection(*(set(source.labels) for source in sources)))
    if not shared:
        why = "the sources share no label (--alias NAME=OTHER joins two names)"
        return [by_sight, Separability("labels", None, None, None, len(of), why)]
    labels = [_labels(s, shared)[rows] for s, rows in zip(sources, drawn, strict=True)]
    return [by_sight, _judged("labels", np.concatenate(labels), of, patients, seed)]


def _draw(source: Source, rng: np.random.Generator) -> Ints:
    """Some of its readable images."""
    good = np.array([k for k in range(len(source)) if k not in source.bad], dtype=np.int64)
    return np.sort(rng.permutation(good)[:_MOST])


def _patients(sources: Sequence[Source], drawn: Sequence[Ints]) -> Ints:
    """Numbers [N], the same for one id in two sources; else the image is its own patient.

    What is in both sources must not be learnt as one and tested as the other: that gives an AUC
    far below 0.5.
    """
    keys = [
        source.rows[row].patient or int(source.hashes[row])
        for source, rows in zip(sources, drawn, strict=True)
        for row in rows.tolist()
    ]
    number = {key: k for k, key in enumerate(dict.fromkeys(keys))}
    return np.array([number[key] for key in keys], dtype=np.int64)


def _labels(source: Source, names: Sequence[str]) -> Floats:
    values = np.stack([source.labels[name] for name in names], axis=1).astype(np.float64)
    return np.where((values == YES) | (values == NO), values, np.nan)


def _judged(seen: str, features: Floats, of: Ints, patients: Ints, seed: int) -> Separability:
    fold = _folds(of, patients, seed)
    if fold is None:
        why = f"a source has fewer than {_FOLDS} patients"
        return Separability(seen, None, None, None, len(of), why)
    count = int(of.max()) + 1
    areas, draws = [], []
    for held in range(_FOLDS):
        test = fold == held
        x = _standard(features, ~test)
        weights, bias = logistic(x[~test], of[~test], count, _PENALTY)
        scores = log_odds(x[test] @ weights + bias)
        areas.append(macro_auc(of[test], scores))
        draws.append(cluster_bootstrap_auc(of[test], scores, patients[test], 1000, seed + held))
    # scores of two folds are of two models: averaged, not pooled
    low, high = percentile_interval(np.mean(draws, axis=0))
    return Separability(seen, float(np.nanmean(areas)), low, high, len(of))


def _folds(of: Ints, patients: Ints, seed: int) -> Ints | None:
    """A fold for each image: patients dealt out evenly, by the sources they are in."""
    members = [np.unique(patients[of == one]) for one in np.unique(of)]
    if min(map(len, members)) < _FOLDS:
        return None
    count = int(patients.max()) + 1
    within = sum(np.isin(np.arange(count), m) * 2**k for k, m in enumerate(members))
    order = np.lexsort((np.random.default_rng([seed, 3]).random(count), within))
    dealt = np.empty(count, dtype=np.int64)
    dealt[order] = np.arange(count) % _FOLDS
    return np.asarray(dealt[patients])


def _standard(features: Floats, train: NDArray[np.bool_]) -> Floats:
    """Missing ones at the training mean; centred, to unit mean variance."""
    there = ~np.isnan(features[train])
    sums = np.where(there, features[train], 0.0).sum(axis=0)
    mean = sums / np.maximum(there.sum(axis=0), 1)
    centred = np.where(np.isnan(features), 0.0, features - mean)
    return np.asarray(centred / (float(np.sqrt(np.square(centred[train]).mean())) or 1.0))
