"""What a stop rule sees and says: looks at a training in, whether to stop and what to keep out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Look:
    """A training as it stands after ``epoch`` (from 1): a score, higher is better, None where it
    has none; what was spent since the start, None where it is not metered."""

    epoch: int
    score: float | None = None
    energy_j: float | None = None
    wall_s: float | None = None


@dataclass(frozen=True)
class Decision:
    """``keep`` is the place, in the looks given, of the one whose weights are taken."""

    stop: bool
    keep: int


class Rule(Protocol):
    """Prospective: it decides on the looks so far, and so pays for all of them."""

    def decide(self, looks: Sequence[Look]) -> Decision:
        """``looks`` has at least one, in order of epoch."""
        ...
