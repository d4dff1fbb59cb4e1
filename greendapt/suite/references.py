"""What strategies are, known by what they do: no, full, partial, hybrid and simplified DAPT."""

from __future__ import annotations

from collections.abc import Iterable

from greendapt.suite.models import Suite


def no_dapt(suite: Suite, strategies: Iterable[str]) -> str | None:
    """The first of ``strategies`` that trains and cuts nothing, whatever its name; None: none."""
    uncut = (name for name in _known(suite, strategies) if suite.cut(name) is None)
    return next((name for name in uncut if not suite.phases(name)), None)


def full_dapt(suite: Suite, strategies: Iterable[str]) -> list[str]:
    """Those that train all of the uncut backbone, at most after its head, and never stop early."""
    return [name for name in _known(suite, strategies) if _is_full(suite, name)]


def full_reference(suite: Suite, strategies: Iterable[str]) -> str | None:
    """The full DAPT that others are compared with; None where there is none, or some on several
    pools."""
    names = full_dapt(suite, strategies)
    return names[0] if len({suite.pool(name) for name in names}) == 1 else None


def partial_dapt(suite: Suite, strategies: Iterable[str]) -> list[str]:
    """Those that adapt a part of the uncut backbone and never all of it."""
    return [n for n in _known(suite, strategies) if _trains(suite, n) == (True, False)]


def hybrid_dapt(suite: Suite, strategies: Iterable[str]) -> list[str]:
    """Those that adapt a part of the uncut backbone, and then all of it."""
    return [n for n in _known(suite, strategies) if _trains(suite, n) == (True, True)]


def simplified_dapt(suite: Suite, strategies: Iterable[str]) -> list[str]:
    """Those that adapt a cut backbone."""
    return [n for n in _known(suite, strategies) if suite.cut(n) and suite.phases(n)]


def _trains(suite: Suite, name: str) -> tuple[bool, bool]:
    """Whether some phase trains a part of the uncut backbone, and whether the last trains all."""
    trained = [] if suite.cut(name) else [str(phase.train) for phase in suite.phases(name)]
    return any(one not in ("head", "all") for one in trained), trained[-1:] == ["all"]


def _known(suite: Suite, strategies: Iterable[str]) -> list[str]:
    return [name for name in strategies if name in suite.strategy]


def _is_full(suite: Suite, name: str) -> bool:
    phases = suite.phases(name)
    trained = [phase.train for phase in phases]
    return (
        "all" in trained
        and all(phase.until is None for phase in phases)
        and {"all", "head"}.issuperset(map(str, trained))
        and not suite.cut(name)
    )
