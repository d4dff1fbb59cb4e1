"""What a score has to be: see `greendapt.transfer.scores.base`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from greendapt.testing.base import Contract
from greendapt.transfer.scores.base import Evidence, Score, Undefined
from greendapt.transfer.scores.by_name import SCORES

_IMAGES, _CLASSES = 24, 3


class ScoreContract(Contract):
    """Of a `greendapt.transfer.scores.base.Score`."""

    registry = SCORES

    def test_it_is_a_number_and_the_same_for_a_seed(self) -> None:
        value = self._value(_evidence())
        assert math.isfinite(value), f"{value} is no finite number: raise Undefined(why)"
        assert self._value(_evidence()) == value, "another number for the same evidence and seed"

    def test_evidence_stays_as_it_was(self) -> None:
        evidence, before = _evidence(), _evidence()
        self._value(evidence)
        for name in self._score().needs:
            assert np.array_equal(
                np.asarray(getattr(evidence, name)), np.asarray(getattr(before, name))
            ), f"it changed the {name} that it was given"

    def test_what_it_cannot_judge_is_undefined(self) -> None:
        if "features" not in self._score().needs:
            return
        broken = np.full((_IMAGES, 4), np.nan)
        try:
            value = self._value(_evidence(features=broken))
        except Undefined:
            return
        raise AssertionError(f"{value} of features that are not numbers: raise Undefined(why)")

    def test_it_says_what_it_is(self) -> None:
        score = self._score()
        assert score.better in ("higher", "lower")
        assert score.about

    def _score(self) -> Score:
        score: Score = self.registry.get(self.name)
        return score

    def _value(self, evidence: Evidence) -> float:
        score = self._score()
        return float(score.of(*(getattr(evidence, name) for name in score.needs), 0))


def _evidence(**changes: Any) -> Evidence:
    """All there can be, of two dozen images in three classes."""
    rng = np.random.default_rng(0)
    labels = np.arange(_IMAGES) % _CLASSES
    features = rng.normal(size=(_IMAGES, 4)) + labels[:, None]
    maps = rng.normal(size=(_IMAGES, 4, 6, 6))
    given: dict[str, Any] = {
        "features": features,
        "labels": labels,
        "logits": rng.normal(size=(_IMAGES, 5)),
        "views": tuple(features + rng.normal(scale=0.1, size=features.shape) for _ in range(2)),
        "maps": maps,
        "masks": (maps.sum(axis=1) > 0).astype(np.int64),
        "source_accuracy": 0.5,
        "epoch": 3,
        "parameters": 1000,
    }
    return Evidence(**given | changes)
