"""Freezing within a phase: units that have settled stop training, from the image on, or slow down.

No torch. Another package adds a rule with a class derived from `Freezing` and one entry point of
the group ``greendapt.freezing``, whose name is the ``rule`` of a suite's ``freeze`` table.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny

from greendapt.core.registry import Registry
from greendapt.suite.by_rule import by_rule
from greendapt.suite.datasets import Table

Moves = Sequence[float]
"""How far the weights of each unit went in an epoch, as a Euclidean distance; the stem is first. To
a rule by gradients: the norm of each unit's gradient over that of what trains of it, as the mean of
the epoch's steps; 0 where nothing does."""


class Freezing(Table):
    """The settings of a rule, keys of a suite's ``freeze`` table; they are part of a phase's key.

    A unit that is frozen stays so. Those before the first that trains are a constant function of
    the image: without augmentation they are computed once an image from then on, where they fit
    into memory, and what that costs is the phase's.
    """

    rule: str

    @property
    def paced(self) -> bool:
        """Whether it looks at how many epochs are to come."""
        return False

    @property
    def by_gradients(self) -> bool:
        """Whether its ``moves`` are relative gradient norms, by which `rates` says how fast each
        unit learns."""
        return False

    def rates(self, moves: Sequence[Moves]) -> Moves:
        """By what the learning rate of each unit is multiplied after the epochs of ``moves`` (at
        least one), where the rule goes by gradients. Pure, like `frozen`."""
        return [1.0] * len(moves[-1])

    @abstractmethod
    def frozen(self, front: int, moves: Sequence[Moves], epochs: int) -> int:
        """How many of the first units are frozen after the epochs of ``moves`` (at least one) of
        ``epochs``, where ``front`` were before. Pure: the same moves, the same answer."""

    def front(self, moves: Sequence[Moves], epochs: int) -> int:
        """How many are, after all these epochs: never fewer than before, and never the last."""
        front = 0
        for count in range(1, len(moves) + 1):
            more = self.frozen(front, moves[:count], epochs)
            front = min(max(front, more), len(moves[0]) - 1)
        return front


class Settled(Freezing):
    """Freeze the first units whose moves change least from epoch to epoch, of all that train: those
    at or below the ``percentile`` of the relative change (AutoFreeze: Liu et al. 2021, 2102.01386,
    which takes sums of gradients for moves)."""

    rule: Literal["settled"] = "settled"
    percentile: Annotated[float, Field(ge=0, le=100)] = 50.0

    def frozen(self, front: int, moves: Sequence[Moves], epochs: int) -> int:
        del epochs
        if len(moves) < 2:
            return 0
        changes = [
            abs(now - before) / before if before > 0 else 0.0
            for before, now in zip(moves[-2], moves[-1], strict=True)
        ]
        active = sorted(changes[front:])
        limit = active[int(self.percentile / 100 * (len(active) - 1))]
        while front < len(changes) and changes[front] <= limit:
            front += 1
        return front


class Scheduled(Freezing):
    """Freeze unit i of n after a share of ``first`` + (1 - ``first``) i / n of the epochs; with
    ``cubed`` its third power (FreezeOut: Brock et al. 2017, 1706.04983, which lets the learning
    rate of each fall to 0 up to there)."""

    rule: Literal["scheduled"] = "scheduled"
    first: Annotated[float, Field(ge=0, le=1)] = 0.5
    cubed: bool = True

    @property
    def paced(self) -> bool:
        return True

    def frozen(self, front: int, moves: Sequence[Moves], epochs: int) -> int:
        del front
        units, done = len(moves[-1]), len(moves) / epochs
        shares = (self.first + (1 - self.first) * unit / units for unit in range(units))
        return sum((share**3 if self.cubed else share) <= done for share in shares)


class RelativeGradients(Freezing):
    """Let each unit learn in proportion to its relative gradient norm, the steepest at the full
    rate (Auto-RGN: Lee et al. 2022, 2210.11466, for each tensor, the head among them); freeze the
    first units whose rates are below ``least``."""

    rule: Literal["rgn"] = "rgn"
    least: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @property
    def by_gradients(self) -> bool:
        return True

    def rates(self, moves: Sequence[Moves]) -> Moves:
        steepest = max(moves[-1])
        return [move / steepest for move in moves[-1]] if steepest > 0 else super().rates(moves)

    def frozen(self, front: int, moves: Sequence[Moves], epochs: int) -> int:
        del epochs
        rates = self.rates(moves)
        while front < len(rates) and rates[front] < self.least:
            front += 1
        return front


FREEZING: Registry[type[Freezing]] = Registry(
    "greendapt.freezing",
    "freezing rule",
    {
        "settled": "greendapt.suite.freezing:Settled",
        "scheduled": "greendapt.suite.freezing:Scheduled",
        "rgn": "greendapt.suite.freezing:RelativeGradients",
    },
    Freezing,
    classes=True,
)


Freeze = Annotated[SerializeAsAny[Freezing], BeforeValidator(by_rule(FREEZING))]
"""A freezing rule by the name in its table."""
