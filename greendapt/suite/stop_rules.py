"""When a phase ends before its epochs are over: the settings of a stop rule, what it sees and says.

No torch, and no rule: those of greendapt are in `greendapt.stats.rules`. Another package adds one
with a class derived from `StopRule` and one entry point of the group ``greendapt.stop_rules``,
whose name is the ``rule`` of a suite's ``stop`` table::

    class Plateau(StopRule):
        rule: Literal["plateau"]
        width: float = 0.1

        def for_phase(self, epochs, keep):
            return Flat(self.width, keep)  # with a method decide(looks)
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Protocol

from pydantic import BeforeValidator, Field, SerializeAsAny

from greendapt.core.registry import Registry
from greendapt.suite.by_rule import by_rule
from greendapt.suite.datasets import Table

Keep = Literal["best", "last"]


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
        """``looks`` has at least one, in order of epoch. Pure: the same looks, the same answer."""
        ...


class StopRule(Table):
    """The settings of a rule, keys of a suite's ``stop`` table; they are part of a phase's key.

    It looks at the training every so many epochs; what that costs is the phase's.
    """

    scored: ClassVar[bool] = True
    """Whether it needs the score of a look."""

    every: Annotated[int, Field(gt=0, le=100_000)] = 1
    on: str = "val_loss"
    """``val_loss``, or a transferability score on development's training images (``robustness``,
    which sees no label, ``probe``, ...)."""
    images: Annotated[int, Field(ge=2)] = 200
    """How many images a score takes at most."""
    rule: str

    @abstractmethod
    def for_phase(self, epochs: int, keep: Keep) -> Rule:
        """The rule for a phase of at most ``epochs`` epochs, which keeps its best or last one."""


STOP_RULES: Registry[type[StopRule]] = Registry(
    "greendapt.stop_rules",
    "stop rule",
    {
        "patience": "greendapt.stats.rules:PatienceSettings",
        "gain": "greendapt.stats.rules:GainSettings",
        "budget": "greendapt.stats.rules:BudgetSettings",
    },
    StopRule,
    classes=True,
)


Stop = Annotated[SerializeAsAny[StopRule], BeforeValidator(by_rule(STOP_RULES))]
"""A stop rule by the name in its table."""
