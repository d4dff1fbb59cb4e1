"""What strategies are, known by what they do: no, full, partial, hybrid, freezing and simplified
DAPT."""

from __future__ import annotations

from collections.abc import Iterable

from greendapt.suite.models import Suite


def no_dapt(suite: Suite, strategies: Iterable[str]) -> str | None:
    """The first of ``strategies`` that trains and cuts nothing, whatever its name; None: none."""
    uncut = (name for name in _known(suite, strategies) if suite.cut(name) is None)
    return next((name for name in uncut if not suite.phases(name)), None)


def full_dapt(suite: Suite, strategies: Iterable[str]) -> list[str]:
    """Those that train all of the uncut backbone, at most after its head, and never stop early."""
    trained = _trained(suite, strategies)
    return [
        name
        for name, whole in trained.items()
        if all(whole) and all(phase.until is None for phase in suite.phases(name))
    ]


def full_reference(suite: Suite, strategies: Iterable[str]) -> str | None:
    """The full DAPT that others are compared with; None where there is none, or some on several
    pools."""
    names = full_dapt(suite, strategies)
    return names[0] if len({suite.pool(name) for name in names}) == 1 else None


def partial_dapt(suite: Suite, strategies: Iterable[str]) -> list[str]:
    """Those that adapt a part of the uncut backbone and never all of it."""
    trained = _trained(suite, strategies)
    return [name for name, whole in trained.items() if not any(whole)]


def hybrid_dapt(suite: Suite, strategies: Iterable[str]) -> list[str]:
    """Those that adapt a part of the uncut backbone, and at last all of it."""
    trained = _trained(suite, strategies)
    return [name for name, whole in trained.items() if whole[-1] and not all(whole)]


def freezing_dapt(suite: Suite, strategies: Iterable[str]) -> list[str]:
    """Those that adapt all of the uncut backbone, and at last a part of it."""
    trained = _trained(suite, strategies)
    return [name for name, whole in trained.items() if any(whole) and not whole[-1]]


def simplified_dapt(suite: Suite, strategies: Iterable[str]) -> list[str]:
    """Those that adapt a cut backbone."""
    return [n for n in _known(suite, strategies) if suite.cut(n) and suite.phases(n)]


def _trained(suite: Suite, strategies: Iterable[str]) -> dict[str, list[bool]]:
    """Of those that adapt the uncut backbone: whether all of it trains, at the start and at the end
    of each phase after its head."""
    phases = {
        name: [phase for phase in suite.phases(name) if str(phase.train) != "head"]
        for name in _known(suite, strategies)
        if not suite.cut(name)
    }
    return {
        name: [
            str(phase.train) == "all" and (begins or phase.freeze is None)
            for phase in those
            for begins in (True, False)
        ]
        for name, those in phases.items()
        if those
    }


def _known(suite: Suite, strategies: Iterable[str]) -> list[str]:
    return [name for name in strategies if name in suite.strategy]
