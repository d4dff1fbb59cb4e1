"""How well logits fit targets: macro AUC with a patient-level interval, accuracy, calibration."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torchmetrics.functional.classification import (
    binary_calibration_error,
    multiclass_accuracy,
    multiclass_calibration_error,
)

from greendapt.stats.intervals import (
    cluster_bootstrap_auc,
    log_odds,
    macro_auc,
    percentile_interval,
)

_BINS = 15


def judge(
    logits: Tensor, targets: Tensor, patients: Any, classes: tuple[str, ...], *, bootstrap: int = 0
) -> dict[str, Any]:
    """Metrics of logits [N, K] against targets int64 [N] (one label) or float [N, K] (findings).

    ``auc``: one class against the rest, averaged over the classes present, images in the order of
    their logits (of log-odds for one label) in float64: probabilities saturate; ``auc_low`` and
    ``auc_high``: 95% percentile interval over patients, when ``bootstrap`` draws are asked for;
    ``balanced_accuracy``: recall averaged over the classes present; ``ece``: expected
    calibration error (Guo et al. 2017), 15 bins. A metric that cannot be had is None.
    """
    single = targets.ndim == 1
    raw = logits.double().numpy()
    scores = log_odds(raw) if single else raw
    result: dict[str, Any] = {"auc": _number(macro_auc(targets.numpy(), scores))}
    if bootstrap:
        draws = cluster_bootstrap_auc(targets.numpy(), scores, patients, bootstrap, seed=0)
        result["auc_low"], result["auc_high"] = percentile_interval(draws)
    result |= _single(logits, targets) if single else _findings(logits, targets)
    if len(classes) > 2:
        result["auc_by_class"] = {
            name: _number(macro_auc(_column(targets, k), scores[:, k]))
            for k, name in enumerate(classes)
        }
    result["images"] = len(targets)
    return result


def _column(targets: Tensor, k: int) -> Any:
    return ((targets == k).long() if targets.ndim == 1 else targets[:, k]).numpy()


def _single(logits: Tensor, targets: Tensor) -> dict[str, float | None]:
    classes = logits.shape[1]
    recalls = multiclass_accuracy(logits, targets, num_classes=classes, average="none")
    present = torch.bincount(targets, minlength=classes) > 0
    ece = multiclass_calibration_error(
        logits.softmax(1), targets, num_classes=classes, n_bins=_BINS, norm="l1"
    )
    return {
        "balanced_accuracy": _number(recalls[present].mean().item()),
        "ece": _number(ece.item()),
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
            errors.append(binary_calibration_error(probabilities, true, n_bins=_BINS, norm="l1"))
    if not accuracies:
        return {"balanced_accuracy": None, "ece": None}
    return {
        "balanced_accuracy": torch.stack(accuracies).mean().item(),
        "ece": torch.stack(errors).mean().item(),
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
