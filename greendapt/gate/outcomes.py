"""What a verdict is, and which of several counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from greendapt.gate.facts import Name
from greendapt.suite.limits import Tier


class Outcome(StrEnum):
    """What came out; the exit code of a check is that of its worst verdict."""

    PASS = "pass"
    REGRESSION = "regression"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"
    VOID = "void"

    @property
    def exit_code(self) -> int:
        return _EXIT_CODES[self]


_EXIT_CODES = {
    Outcome.PASS: 0,
    Outcome.REGRESSION: 1,
    Outcome.INCONCLUSIVE: 3,
    Outcome.FAILED: 4,
    Outcome.VOID: 5,
}
_WORST_FIRST = (
    Outcome.REGRESSION,  # known to be worse: nothing else would make it good
    Outcome.FAILED,  # a cell has no figures at all
    Outcome.VOID,  # there was nothing to compare with
    Outcome.INCONCLUSIVE,  # compared, and the data cannot tell
    Outcome.PASS,
)


@dataclass(frozen=True)
class Verdict:
    """On one figure of one cell; of a whole tier or check where ``cell`` or ``figure`` is None.

    ``phrase`` says it without the cell's name. ``change``: head over base for costs, head minus
    base for AUC, with bounds where they are known; ``limit`` is in the same terms.
    """

    outcome: Outcome
    phrase: str
    cell: Name | None = None
    figure: str | None = None
    tier: Tier | None = None
    base: float | None = None
    head: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    limit: float | None = None


def worst(verdicts: Iterable[Verdict]) -> Outcome:
    """The outcome of all together; pass where there is none."""
    outcomes = {verdict.outcome for verdict in verdicts}
    return next((outcome for outcome in _WORST_FIRST if outcome in outcomes), Outcome.PASS)


def by_gravity(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """The worst first."""
    return sorted(verdicts, key=lambda verdict: _WORST_FIRST.index(verdict.outcome))


def short_names(names: Iterable[Name]) -> dict[Name, str]:
    """Each cell's name without the parts that are the same for all."""
    every = list(dict.fromkeys(names))
    columns = list(zip(*every, strict=False))
    telling = [n for n, column in enumerate(columns) if n == 0 or len(set(column)) > 1]
    return {name: ", ".join(name[n] for n in telling if n < len(name)) for name in every}
