"""Stop rules: when a training ends, and which of its epochs is kept. Pure; no torch.

A rule is asked after every look and sees only what was looked at before.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from greendapt.core.errors import SuiteError
from greendapt.suite.stop_rules import Decision, Keep, Look, Rule, StopRule


@dataclass(frozen=True)
class Fixed:
    """Stop at an epoch known beforehand."""

    epochs: int
    keep: Keep = "last"

    def decide(self, looks: Sequence[Look]) -> Decision:
        return Decision(looks[-1].epoch >= self.epochs, _kept(looks, self.keep))


@dataclass(frozen=True)
class Patience:
    """Stop after so many looks in a row that were not better than the best by ``least``.

    Looks without a score count neither way.
    """

    patience: int
    least: float = 0.0
    keep: Keep = "best"

    def decide(self, looks: Sequence[Look]) -> Decision:
        best, waited = -math.inf, 0
        for score in (look.score for look in looks):
            if score is None:
                continue
            better = score > best + self.least or best == -math.inf
            best, waited = (score, 0) if better else (best, waited + 1)
        return Decision(waited >= self.patience, _kept(looks, self.keep))


@dataclass(frozen=True)
class ExpectedGain:
    """Stop when going on to ``horizon`` epochs promises less than ``least``.

    The promise is that of a straight line through the last ``window`` scores over the logarithm
    of the epoch: learning curves rise about alike with each doubling.
    """

    least: float
    window: int = 4
    horizon: int = 300
    keep: Keep = "best"

    def decide(self, looks: Sequence[Look]) -> Decision:
        scored = [(look.epoch, look.score) for look in looks if look.score is not None]
        keep = _kept(looks, self.keep)
        if looks[-1].epoch >= self.horizon:
            return Decision(True, keep)
        if len(scored) < self.window:
            return Decision(False, keep)
        epochs, values = np.array(scored[-self.window :], dtype=np.float64).T
        logs = np.log(epochs) - np.log(epochs).mean()
        slope = float(logs @ values / (logs @ logs))
        return Decision(slope * math.log(self.horizon / looks[-1].epoch) < self.least, keep)


@dataclass(frozen=True)
class Budget:
    """Stop before the next look would spend more than ``energy_j`` or ``wall_s``.

    The next look is taken to cost what the looks so far cost in the mean. ValueError from
    ``decide`` where what it limits is not metered.
    """

    energy_j: float | None = None
    wall_s: float | None = None
    keep: Keep = "last"

    def decide(self, looks: Sequence[Look]) -> Decision:
        spent = [(self.energy_j, looks[-1].energy_j), (self.wall_s, looks[-1].wall_s)]
        over = False
        for limit, used in spent:
            if limit is None:
                continue
            if used is None:
                raise ValueError("a budget needs looks that say what was spent")
            over = over or used * (1 + 1 / len(looks)) > limit
        return Decision(over, _kept(looks, self.keep))


def _kept(looks: Sequence[Look], keep: Keep) -> int:
    """The place of the last look, or of the best (the first of equals; the last without any)."""
    if keep == "best":
        scored = [(look.score, -i) for i, look in enumerate(looks) if look.score is not None]
        if scored:
            return -max(scored)[1]
    return len(looks) - 1


# --- as a suite says them -------------------------------------------------------------------


class PatienceSettings(StopRule):
    """Stop after ``looks`` in a row that are not better than the best by ``least``."""

    rule: Literal["patience"]
    looks: PositiveInt = 2
    least: Annotated[float, Field(ge=0)] = 0.0

    def for_phase(self, epochs: int, keep: Keep) -> Rule:
        del epochs
        return Patience(self.looks, self.least, keep)


class GainSettings(StopRule):
    """Stop when the line through the last ``window`` looks over log(epoch) promises less than
    ``least`` by the phase's last epoch."""

    rule: Literal["gain"]
    least: float = 0.0
    window: Annotated[int, Field(ge=2)] = 4

    def for_phase(self, epochs: int, keep: Keep) -> Rule:
        return ExpectedGain(self.least, self.window, epochs, keep)


class BudgetSettings(StopRule):
    """Stop before the next look would spend more than this."""

    scored: ClassVar[bool] = False
    rule: Literal["budget"]
    energy_j: PositiveFloat | None = None
    minutes: PositiveFloat | None = None

    @model_validator(mode="after")
    def _limits_something(self) -> BudgetSettings:
        if self.energy_j is None and self.minutes is None:
            raise ValueError("a budget needs energy_j or minutes")
        return self

    def for_phase(self, epochs: int, keep: Keep) -> Rule:
        del epochs
        return Budget(self.energy_j, None if self.minutes is None else 60 * self.minutes, keep)


# --- by name --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Named:
    """Rules that one text stands for, by their full names, and the score they look at."""

    rules: dict[str, Rule]
    score: str | None


@dataclass(frozen=True)
class _Kind:
    """``usual``: each setting where only those before it are given; ``grid``: where none is."""

    make: Callable[..., Rule]
    usual: tuple[float, ...]
    grid: tuple[tuple[float, ...], ...]
    scored: bool = True


_LARGEST = 1e9
_GAINS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)


def lengths(horizon: int) -> tuple[int, ...]:
    """Sixths of full length in epochs, each once."""
    return tuple(sorted({max(1, round(horizon * k / 6)) for k in range(1, 7)}))


def _kinds(horizon: int) -> dict[str, _Kind]:
    return {
        "fixed": _Kind(lambda e: Fixed(int(e)), (horizon,), (lengths(horizon),), scored=False),
        "best": _Kind(lambda e: Fixed(int(e), "best"), (horizon,), (lengths(horizon),)),
        "patience": _Kind(
            lambda n, least: Patience(int(n), least), (1, 0.0), ((1, 2, 3), (0.0, 0.01, 0.02, 0.05))
        ),
        "gain": _Kind(
            lambda least, window: ExpectedGain(least, int(window), horizon),
            (0.0, 4),
            (_GAINS, (3, 4, 5)),
        ),
    }


def named(text: str, horizon: int) -> Named:
    """``fixed:EPOCHS``, ``best:EPOCHS@SCORE``, ``patience:LOOKS:LEAST@SCORE`` or
    ``gain:LEAST:WINDOW@SCORE``; without any setting all of a grid.

    ``horizon`` is full length in epochs. Raises SuiteError for what it cannot read.
    """
    rule, _, score = text.partition("@")
    name, *settings = rule.split(":")
    kind = _kinds(horizon).get(name)
    if kind is None or kind.scored != bool(score) or len(settings) > len(kind.usual):
        raise SuiteError(
            f"--rule {text}: write fixed:EPOCHS, best:EPOCHS@SCORE, patience:LOOKS:LEAST@SCORE, "
            "gain:LEAST:WINDOW@SCORE or random; without settings they are chosen"
        )
    try:
        values = [(float(value),) for value in settings]
    except ValueError as error:
        raise SuiteError(f"--rule {text}: settings are numbers") from error
    if not all(abs(value) <= _LARGEST for (value,) in values):  # NaN is none of them
        raise SuiteError(f"--rule {text}: settings are numbers up to {_LARGEST:g}")
    complete = (*values, *((value,) for value in kind.usual[len(values) :]))
    choices = itertools.product(*(complete if settings else kind.grid))
    return Named({_text(name, one): kind.make(*one) for one in choices}, score or None)


def _text(name: str, settings: Sequence[float]) -> str:
    return ":".join([name, *(f"{value:g}" for value in settings)])
