"""How well logits fit targets: macro AUC with a patient-level interval, accuracy, calibration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, softmax
from torch import Tensor
from torchmetrics.functional.classification import (
    binary_calibration_error,
    multiclass_accuracy,
    multiclass_calibration_error,
)

from greendapt.stats.intervals import (
    Floats,
    cluster_bootstrap,
    log_odds,
    macro_auc,
    weighted_macro_auc,
)
from greendapt.transfer.clinical import BINS, in_bins, judge_at, known_mean, number, quotient


def judge(
    logits: Tensor,
    targets: Tensor,
    patients: ArrayLike,
    classes: tuple[str, ...],
    *,
    bootstrap: int = 0,
    at: Floats | None = None,
) -> dict[str, Any]:
    """Metrics of logits [N, K] against targets int64 [N] (one label) or float [N, K] (findings).

    ``auc``: one class against the rest, averaged over the classes present, images in the order of
    their logits (of log-odds for one label) in float64: probabilities saturate;
    ``balanced_accuracy``: recall averaged over the classes present; ``ece``: expected
    calibration error (Guo et al. 2017), 15 bins. A metric that cannot be had is None.
    ``draws``, where ``bootstrap`` of them are asked for: these three on patients drawn anew,
    (bootstrap,) each; NaN of an AUC with a class that one patient alone has, or alone has not.
    ``at``: thresholds (C,), where `clinical.CLINICAL` is wanted as well.
    """
    single = targets.ndim == 1
    raw = logits.double().numpy()
    scores = log_odds(raw) if single else raw
    result: dict[str, Any] = {"auc": number(macro_auc(targets.numpy(), scores))}
    result |= _single(logits, targets) if single else _findings(logits, targets)
    if len(classes) > 2:
        result["auc_by_class"] = {
            name: number(macro_auc(_column(targets, k), scores[:, k]))
            for k, name in enumerate(classes)
        }
    result["images"] = len(targets)
    result["patients"] = len(set(np.asarray(patients).tolist()))
    if bootstrap:
        auc = weighted_macro_auc(targets.numpy(), scores)
        table = (_sums_of_one if single else _sums_of_findings)(raw, targets.numpy())
        draws = cluster_bootstrap(
            lambda weights: np.column_stack([auc(weights), *table(weights)]), patients, bootstrap
        )
        if _rarest(targets.numpy(), len(classes), np.asarray(patients)) < 2:
            draws[:, 0] = np.nan  # drawing one patient again and again tells nothing of others
        names = ("auc", "balanced_accuracy", "ece")
        result["draws"] = dict(zip(names, draws.T, strict=True))
    if at is not None:
        more, drawn = judge_at(at, raw, targets.numpy(), patients, classes, bootstrap=bootstrap)
        result |= more
        if bootstrap:
            result["draws"] |= drawn
    return result


def _rarest(targets: Floats, classes: int, patients: NDArray[Any]) -> int:
    """The fewest patients who have a class, or have it not, of classes that can be judged."""
    single = targets.ndim == 1
    columns = (targets[:, None] == np.arange(classes)).astype(float) if single else targets
    counts = [
        [len(np.unique(patients[column == value])) for value in (0, 1)] for column in columns.T
    ]
    return min((min(pair) for pair in counts if min(pair) > 0), default=0)


def _sums_of_one(
    logits: Floats, targets: NDArray[np.int64]
) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Balanced accuracy and ECE of one label an image, for weights (draws, N)."""
    probabilities = softmax(logits, axis=1)
    right = (probabilities.argmax(axis=1) == targets).astype(float)
    of_class = (targets[:, None] == np.arange(logits.shape[1])).astype(float)
    off = in_bins(probabilities.max(axis=1)) * (right - probabilities.max(axis=1))[:, None]

    def both(weights: Floats) -> tuple[Floats, Floats]:
        images = weights @ of_class
        recalls = quotient(weights @ (of_class * right[:, None]), images)
        return known_mean(recalls), np.abs(weights @ off).sum(axis=1) / weights.sum(axis=1)

    return both


def _sums_of_findings(logits: Floats, targets: Floats) -> Callable[[Floats], tuple[Floats, Floats]]:
    """Likewise, averaged over findings, each over the images where it is labelled."""
    known = ~np.isnan(targets)
    true, probabilities = np.where(known, targets, 0.0), expit(logits)
    right = ((probabilities >= 0.5) == (true == 1)).astype(float)
    sides = [true * known, (1 - true) * known]

    def both(weights: Floats) -> tuple[Floats, Floats]:
        recalls = [quotient(weights @ (side * right), weights @ side) for side in sides]
        errors = [
            quotient(
                np.abs(weights[:, of] @ (in_bins(p[of]) * (t[of] - p[of])[:, None])).sum(axis=1),
                weights[:, of].sum(axis=1),
            )
            for p, t, of in zip(probabilities.T, true.T, known.T, strict=True)
        ]
        had = ~np.isnan(recalls[0] + recalls[1])
        return (
            known_mean((recalls[0] + recalls[1]) / 2),
            known_mean(np.where(had, np.stack(errors, axis=1), np.nan)),
        )

    return both


def _column(targets: Tensor, k: int) -> Any:
    return ((targets == k).long() if targets.ndim == 1 else targets[:, k]).numpy()


def _single(logits: Tensor, targets: Tensor) -> dict[str, float | None]:
    classes = logits.shape[1]
    recalls = multiclass_accuracy(logits, targets, num_classes=classes, average="none")
    present = torch.bincount(targets, minlength=classes) > 0
    ece = multiclass_calibration_error(
        logits.softmax(1), targets, num_classes=classes, n_bins=BINS, norm="l1"
    )
    return {
        "balanced_accuracy": number(recalls[present].mean().item()),
        "ece": number(ece.item()),
    }


def _findings(logits: Tensor, targets: Tensor) -> dict[str, float | None]:
    """Averages over findings; each over the images where it is labelled."""
    accuracies, errors = [], []
    for scores, labels in zip(logits.sigmoid().T, targets.T, strict=True):
        present = ~labels.isnan()
        probabilities, true = scores[present], labels[present].long()
        if len(true.unique()) == 2:
            right = (probabilities >= 0.5).long() == true
            accuracies.append(
                (right[true == 1].float().mean() + right[true == 0].float().mean()) / 2
            )
            errors.append(binary_calibration_error(probabilities, true, n_bins=BINS, norm="l1"))
    if not accuracies:
        return {"balanced_accuracy": None, "ece": None}
    return {
        "balanced_accuracy": torch.stack(accuracies).mean().item(),
        "ece": torch.stack(errors).mean().item(),
    }
