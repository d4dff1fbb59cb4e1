"""Scores by name, those of other packages among them, on evidence."""

from __future__ import annotations

import math

from greendapt.core.errors import GreendaptError
from greendapt.core.registry import Registry
from greendapt.transfer.scores.base import Evidence, Score, Scored, Undefined

_HERE = "greendapt.transfer.scores"

SCORES: Registry[Score] = Registry(
    "greendapt.scores",
    "score",
    {
        "robustness": f"{_HERE}.robustness:ROBUSTNESS",
        "logme": f"{_HERE}.logme:LOGME",
        "leep": f"{_HERE}.leep:LEEP",
        "hscore": f"{_HERE}.hscore:HSCORE",
        "gbc": f"{_HERE}.gbc:GBC",
        "knn": f"{_HERE}.classifiers:KNN",
        "probe": f"{_HERE}.classifiers:PROBE",
        "ccfv": f"{_HERE}.ccfv:CCFV",
        "source_accuracy": f"{_HERE}.naive:SOURCE_ACCURACY",
        "epoch": f"{_HERE}.naive:EPOCH",
        "size": f"{_HERE}.naive:SIZE",
        "random": f"{_HERE}.naive:RANDOM",
    },
    Score,
)

_EVIDENCE = {
    "features": "features",
    "labels": "one label an image",
    "logits": "the linear head of the pre-training",
    "views": "two views of each image",
    "maps": "feature maps",
    "masks": "masks",
    "source_accuracy": "the accuracy on the pre-training task",
    "epoch": "the epoch of the pre-training",
    "parameters": "the number of parameters",
}


class ScoreError(GreendaptError):
    """A score is asked for that does not exist."""


def score_of(name: str) -> Score:
    """A score of SCORES, or a variant of one such as ``robustness:l2:0.25``; else ScoreError."""
    base, colon, variant = name.partition(":")
    why = f"there is: {', '.join(SCORES.names())}"
    if base in SCORES:
        score = SCORES.get(base)
        if not colon:
            return score
        why = f"{base} has no variants"
        if score.variant is not None:
            try:
                return score.variant(variant)
            except ValueError as error:
                why = str(error)
    raise ScoreError(f"there is no score '{name}'; {why}")


def score(name: str, evidence: Evidence, seed: int = 0) -> Scored:
    """The score ``name`` (see `score_of`) on this evidence; the same seed gives the same value.

    What cannot be had (evidence missing, one class, NaN in the features) has value None and a
    reason. Raises ScoreError for an unknown name, ValueError for shapes that do not fit.
    """
    kind = score_of(name)
    given = [getattr(evidence, need) for need in kind.needs]
    missing = [
        _EVIDENCE[need] for need, value in zip(kind.needs, given, strict=True) if value is None
    ]
    if missing:
        return Scored(name, None, kind.better, f"it needs {' and '.join(missing)}")
    try:
        value = kind.of(*given, seed)
    except Undefined as reason:
        return Scored(name, None, kind.better, str(reason))
    if not math.isfinite(value):
        return Scored(name, None, kind.better, "it came out infinite or not a number")
    return Scored(name, value, kind.better)
