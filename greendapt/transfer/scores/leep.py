"""LEEP: log expected empirical prediction (Nguyen et al., ICML 2020)."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import softmax

from greendapt.transfer.scores.base import Score, classes, matrix


def leep(logits: Any, labels: Any) -> float:
    """Mean log-likelihood of labels int [N] under P(y | z) P(z | x), z the source's classes.

    ``logits`` [N, Z] are those of the source head. At most 0; higher is better.
    """
    source = softmax(matrix(logits, "logits"), axis=1)
    y, count = classes(labels, len(source))
    joint = (y == np.arange(count)[:, None]).astype(np.float64) @ source / len(source)
    share = joint.sum(axis=0)
    given = np.divide(joint, share, out=np.zeros_like(joint), where=share > 0)
    return float(np.log((source * given[y]).sum(axis=1)).mean())


LEEP = Score(
    ("logits", "labels"), "higher", "labels from the source head", lambda z, y, _: leep(z, y)
)
