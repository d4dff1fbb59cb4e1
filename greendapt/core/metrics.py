"""What a network reached: scores by the set of images it was judged on."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import AfterValidator
from typing_extensions import TypedDict


def _finite(value: float) -> float | None:
    """None as in the file, where JSON has no other word for what is no number."""
    return value if math.isfinite(value) else None


Score = Annotated[float, AfterValidator(_finite)]

Scores = dict[str, Score | int | dict[str, Score | None] | None]
"""Of one set of images: ``auc``, ``auc_low``, ``dice``, ``images``, ``auc_by_class``, ..."""


PATIENTS_OF = {"sensitivity": "patients_with", "specificity": "patients_without"}
"""Of the patients of a set those that a score is about, where not all: who has the rarest class, or
who has not the commonest."""


class Corrupted(TypedDict, total=False):
    """Means over corrupted copies of the test images, and each ``by`` corruption and severity."""

    by: dict[str, Scores]
    auc: Score | None
    dice: Score | None


class Metrics(TypedDict, total=False):
    """What a network reached, by the set it was judged on; empty for a stage that judges none."""

    development: Scores
    external: dict[str, Scores]
    corrupted: Corrupted
