"""Every score by name: what it needs, which way is better, and how it is asked."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from greendapt.core.errors import GreendaptError
from greendapt.transfer.scores.ccfv import ccfv
from greendapt.transfer.scores.classifiers import knn_accuracy, probe_accuracy
from greendapt.transfer.scores.evidence import Better, Evidence, Score, Undefined
from greendapt.transfer.scores.gbc import gbc
from greendapt.transfer.scores.hscore import hscore
from greendapt.transfer.scores.leep import leep
from greendapt.transfer.scores.logme import logme
from greendapt.transfer.scores.robustness import DISTANCES, Distance, robustness


class ScoreError(GreendaptError):
    """A score is asked for that does not exist."""


@dataclass(frozen=True)
class Kind:
    """``of`` takes the fields of Evidence that ``needs`` names, in that order, and a seed."""

    needs: tuple[str, ...]
    better: Better
    of: Callable[..., float]
    about: str


def _robustness(distance: Distance = "cosine", margin: float = 0.5) -> Kind:
    def of(views: tuple[Any, Any], seed: int) -> float:
        return robustness(*views, seed, distance=distance, margin=margin)

    return Kind(("views",), "lower", of, "label-free: stability under photometric jitter")


KINDS: dict[str, Kind] = {
    "robustness": _robustness(),
    "logme": Kind(
        ("features", "labels"),
        "higher",
        lambda f, y, _: logme(f, y),
        "evidence of a linear model",
    ),
    "leep": Kind(
        ("logits", "labels"), "higher", lambda z, y, _: leep(z, y), "labels from the source head"
    ),
    "hscore": Kind(
        ("features", "labels"),
        "higher",
        lambda f, y, _: hscore(f, y),
        "between-class over total covariance, shrunk",
    ),
    "gbc": Kind(
        ("features", "labels"), "higher", lambda f, y, _: gbc(f, y), "minus the overlap of classes"
    ),
    "knn": Kind(
        ("features", "labels"),
        "higher",
        lambda f, y, _: knn_accuracy(f, y),
        "leave-one-out accuracy of 5 neighbours",
    ),
    "probe": Kind(
        ("features", "labels"),
        "higher",
        lambda f, y, seed: probe_accuracy(f, y, seed),
        "cross-validated accuracy of a linear probe",
    ),
    "ccfv": Kind(
        ("maps", "masks"), "higher", ccfv, "segmentation: class consistency, feature variety"
    ),
    "source_accuracy": Kind(
        ("source_accuracy",), "higher", lambda value, _: float(value), "baseline"
    ),
    "epoch": Kind(("epoch",), "higher", lambda value, _: float(value), "baseline"),
    "size": Kind(("parameters",), "higher", lambda value, _: float(value), "baseline"),
    "random": Kind(
        (), "higher", lambda seed: float(np.random.default_rng(seed).random()), "baseline"
    ),
}


_SAID = {
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


def kind_of(name: str) -> Kind:
    """A score of KINDS, or ``robustness:DISTANCE:MARGIN`` (``robustness:l2:0.25``); ScoreError."""
    base, _, variant = name.partition(":")
    distance, _, margin = variant.partition(":")
    if name in KINDS:
        return KINDS[name]
    if base == "robustness" and distance in DISTANCES:
        with contextlib.suppress(ValueError):
            return _robustness(distance, float(margin or 0.5))
    raise ScoreError(
        f"there is no score '{name}'; there is: {', '.join(KINDS)}, and robustness:DISTANCE:MARGIN "
        f"with DISTANCE one of {', '.join(DISTANCES)}"
    )


def score(name: str, evidence: Evidence, seed: int = 0) -> Score:
    """The score ``name`` (see `kind_of`) on this evidence; the same seed gives the same value.

    What cannot be had (evidence missing, one class, NaN in the features) has value None and a
    reason. Raises ScoreError for an unknown name, ValueError for shapes that do not fit.
    """
    kind = kind_of(name)
    given = [getattr(evidence, need) for need in kind.needs]
    missing = [_SAID[need] for need, value in zip(kind.needs, given, strict=True) if value is None]
    if missing:
        return Score(name, None, kind.better, f"it needs {' and '.join(missing)}")
    try:
        value = kind.of(*given, seed)
    except Undefined as reason:
        return Score(name, None, kind.better, str(reason))
    if not math.isfinite(value):
        return Score(name, None, kind.better, "it came out infinite or not a number")
    return Score(name, value, kind.better)
