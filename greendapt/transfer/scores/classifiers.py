"""Accuracy of simple classifiers on the features: nearest neighbours, and a linear probe."""

from __future__ import annotations

from typing import Any

import numpy as np

from greendapt.stats.logistic import logistic
from greendapt.transfer.scores.base import Ints, Score, classes, matrix


def knn_accuracy(features: Any, labels: Any, *, neighbours: int = 5) -> float:
    """Leave-one-out accuracy of a vote among the nearest by cosine, each image held out once.

    Votes count alike; the class nearest among those with most votes wins.
    """
    f = matrix(features)
    y, count = classes(labels, len(f))
    lengths = np.linalg.norm(f, axis=1, keepdims=True)
    unit = np.divide(f, lengths, out=np.zeros_like(f), where=lengths > 0)
    similar = unit @ unit.T
    np.fill_diagonal(similar, -np.inf)
    k = min(neighbours, len(f) - 1)
    nearest = np.argsort(-similar, axis=1, kind="stable")[:, :k]
    votes = (y[nearest][:, :, None] == np.arange(count)).astype(np.float64)
    # an earlier place breaks a tie of votes, and never more than that
    places = np.where(votes > 0, np.arange(k, 0, -1)[None, :, None], 0).max(axis=1) / (k + 1)
    predicted = (votes.sum(axis=1) + places).argmax(axis=1)
    return float((predicted == y).mean())


def probe_accuracy(
    features: Any, labels: Any, seed: int, *, folds: int = 5, penalty: float = 1.0
) -> float:
    """Cross-validated accuracy of multinomial logistic regression on features [N, D].

    Features are centred and scaled to unit mean variance by those of the training folds;
    ``penalty`` times half the squared weights is added to the summed cross-entropy. Folds are
    drawn from ``seed``, by class; there are no more of them than the smallest class has images.
    """
    f = matrix(features)
    y, count = classes(labels, len(f), least=2)
    folds = min(folds, int(np.bincount(y).min()))
    fold = _folds(y, folds, seed)
    right = 0
    for held in range(folds):
        train = fold != held
        mean = f[train].mean(axis=0)
        scale = float(np.sqrt(np.square(f[train] - mean).mean())) or 1.0
        weights, bias = logistic((f[train] - mean) / scale, y[train], count, penalty)
        predicted = ((f[~train] - mean) / scale) @ weights + bias
        right += int((predicted.argmax(axis=1) == y[~train]).sum())
    return right / len(f)


def _folds(y: Ints, folds: int, seed: int) -> Ints:
    """A fold for each image, each class dealt out evenly."""
    order = np.random.default_rng(seed).permutation(len(y))
    dealt = order[np.argsort(y[order], kind="stable")]
    fold = np.empty(len(y), dtype=np.int64)
    fold[dealt] = np.arange(len(y)) % folds
    return fold


KNN = Score(
    ("features", "labels"),
    "higher",
    "leave-one-out accuracy of 5 neighbours",
    lambda f, y, _: knn_accuracy(f, y),
)
PROBE = Score(
    ("features", "labels"),
    "higher",
    "cross-validated accuracy of a linear probe",
    probe_accuracy,
)
