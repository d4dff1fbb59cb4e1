"""Baselines that any score has to beat: what is known of the pre-training, and chance."""

from __future__ import annotations

import numpy as np

from greendapt.transfer.scores.base import Score


def _known(value: float, _seed: int) -> float:
    return float(value)


SOURCE_ACCURACY = Score(("source_accuracy",), "higher", "baseline", _known)
EPOCH = Score(("epoch",), "higher", "baseline", _known)
SIZE = Score(("parameters",), "higher", "baseline", _known)
RANDOM = Score((), "higher", "baseline", lambda seed: float(np.random.default_rng(seed).random()))
