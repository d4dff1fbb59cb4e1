"""Which strategies others are compared with: no DAPT and full DAPT, known by what they do."""

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
